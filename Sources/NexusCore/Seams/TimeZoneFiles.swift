// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why the data of a time zone could not be had.
package enum TimeZoneFileError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The name is none that a zone could have.
  case badName(String)
  /// None of the folders exists: the machine has no data of time zones.
  case noData(folders: [String])
  /// There are data, but not of that zone.
  case unknown(String)
  case unreadable(FileError)

  package var description: String {
    switch self {
    case .badName(let name): "\(name.debugDescription) is not the name of a time zone; one is like Europe/Berlin"
    case .noData(let folders):
      "this machine has no data of time zones (looked for \(folders.joined(separator: ", "))): install the package "
        + "tzdata, or use UTC"
    case .unknown(let name): "there is no time zone \(name); names are like Europe/Berlin"
    case .unreadable(let error): "the data of a time zone cannot be read: \(error)"
    }
  }
}

/// The files of the IANA time zone data base, as the system has them.
///
/// Blocking. The data belong to the system, which updates them when governments change their clocks; none are built in.
package enum TimeZoneFiles {
  /// Where systems keep them, the usual place first.
  package static let folders = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"]
  /// The longest name, in bytes; the longest of the data base has 32.
  package static let maxNameLength = 64
  /// The largest file that is read; the largest of the data base has less than 4 KiB.
  package static let maxBytes = 65_536

  /// Reads the file of a zone, in the format of RFC 9636.
  ///
  /// The name may come from anyone: only letters, digits, `_`, `+` and `-` between single slashes pass, so it cannot
  /// lead out of the folder.
  package static func read(
    _ name: String, folders: [String] = Self.folders
  ) throws(TimeZoneFileError) -> [UInt8] {
    guard isName(name) else { throw .badName(String(name.prefix(maxNameLength))) }
    let existing = folders.filter(Files.isDirectory)
    guard !existing.isEmpty else { throw .noData(folders: folders) }
    for folder in existing {
      let path = "\(folder)/\(name)"
      guard Files.exists(path), !Files.isDirectory(path) else { continue }
      do {
        return try Files.read(path, limit: maxBytes)
      } catch {
        throw .unreadable(error)
      }
    }
    throw .unknown(name)
  }

  /// Whether a zone could have that name.
  package static func isName(_ name: String) -> Bool {
    guard name.utf8.count <= maxNameLength else { return false }
    return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      guard let first = part.utf8.first, isLetter(first) else { return false }
      return part.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || "_+-".utf8.contains($0) }
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
}
