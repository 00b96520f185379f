// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The names of log files: `<agent>.<generation>.log`.
///
/// A file keeps its name for as long as it exists, and generations only grow, so that a position in a log outlives its
/// rotation.
struct LogFolder: Sendable {
  struct File: Sendable, Hashable {
    let agent: AgentName
    let generation: Int64
    let path: String
  }

  /// Longer names are shortened, so that every name fits a directory entry.
  private static let longestName = 180

  let path: String

  func path(of agent: AgentName, generation: Int64) -> String {
    path + "/" + Self.fileName(of: agent) + "." + Self.padded(generation) + ".log"
  }

  /// The files of an agent, or of all, oldest first; none if there is no folder.
  func files(of agent: AgentName?) throws(FileError) -> [File] {
    guard Files.isDirectory(path) else { return [] }
    let wanted = agent.map { Self.fileName(of: $0) }
    var files: [File] = []
    for name in try Files.list(path) {
      guard let (encoded, generation) = Self.parse(name), wanted == nil || encoded == wanted else { continue }
      files.append(
        File(agent: agent ?? AgentName(Self.percentDecoded(encoded)), generation: generation, path: path + "/" + name))
    }
    return files.sorted { $0.generation < $1.generation }
  }

  private static func parse(_ name: String) -> (name: String, generation: Int64)? {
    guard name.hasSuffix(".log") else { return nil }
    let parts = name.dropLast(4)
    guard let dot = parts.lastIndex(of: "."), let generation = Int64(parts[parts.index(after: dot)...]),
      generation > 0
    else { return nil }
    return (String(parts[..<dot]), generation)
  }

  private static func padded(_ generation: Int64) -> String {
    let digits = String(generation)
    return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  static func fileName(of agent: AgentName) -> String {
    let encoded = agent.text.percentEncoded()
    guard encoded.utf8.count > longestName else { return encoded }
    // FNV-1a: names that begin alike must not share a file.
    let hash = agent.text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    return encoded.prefix(longestName - 17) + "~" + String(hash, radix: 16)
  }

  static func percentDecoded(_ encoded: some StringProtocol) -> String {
    var bytes: [UInt8] = []
    var rest = Array(encoded.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
