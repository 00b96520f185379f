// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The names of the time zones that the machine's copy of the IANA database has.
enum ZoneNames {
  private static let folder = "/usr/share/zoneinfo"
  /// The deepest name is `America/Argentina/Buenos_Aires`.
  private static let maxDepth = 3

  /// Sorted; empty if there is no copy.
  static func all(in files: some ConfigFiles) -> [String] {
    var names: [String] = []
    collect("", depth: 1, files, &names)
    return names
  }

  private static func collect(_ area: String, depth: Int, _ files: some ConfigFiles, _ names: inout [String]) {
    for name in files.names(in: folder + (area.isEmpty ? "" : "/" + area)) {
      // Tables (`zone.tab`, `tzdata.zi`) and the copies with other leap seconds are no zones.
      guard !name.contains("."), name.first?.isUppercase == true else { continue }
      let path = area.isEmpty ? name : area + "/" + name
      let isFolder = depth < maxDepth && !files.names(in: folder + "/" + path).isEmpty
      if isFolder { collect(path, depth: depth + 1, files, &names) } else { names.append(path) }
    }
  }

  /// Whether a name could be one: words of letters, digits, `_`, `+` and `-`, divided by `/`.
  static func isName(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count <= maxDepth && text.utf8.count <= 64
      && parts.allSatisfy { part in
        !part.isEmpty
          && part.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || "0123456789_+-".unicodeScalars.contains($0))
          }
      }
  }
}
