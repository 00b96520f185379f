// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Where file systems are mounted, and which of the places mount others when somebody looks.
package struct MountTable {
  private var kinds: [String: String] = [:]

  /// Of the machine, as this process sees it.
  package init() {
    let text = (try? Files.read("/proc/self/mountinfo", limit: 1 << 22)).map { String(decoding: $0, as: UTF8.self) }
    self.init(text ?? "")
  }

  /// As `mountinfo` of `/proc` says it.
  package init(_ text: String) {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count > 4, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count else { continue }
      kinds[String(fields[4])] = String(fields[dash + 1])
    }
  }

  /// Whether `path` is in such a place, and nothing is mounted over it.
  package func isMountedByItself(_ path: String) -> Bool {
    var place = path
    while !place.isEmpty {
      if let kind = kinds[place] { return kind == "autofs" }
      place = place.lastIndex(of: "/").map { String(place[..<$0]) } ?? ""
    }
    return false
  }
}
