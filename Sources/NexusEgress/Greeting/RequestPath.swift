// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Holds the path of a request against those of a grant.
enum RequestPath {
  typealias Octets = ArraySlice<UInt8>

  static func fits(_ path: Octets, _ pattern: String) -> Bool {
    let pattern = Array(pattern.utf8)
    return pattern.last == UInt8(ascii: "*") ? path.starts(with: pattern.dropLast()) : path.elementsEqual(pattern)
  }

  /// Whether a path is the same to every server: nothing in it leads up or is written so that it could.
  static func isPlain(_ path: Octets) -> Bool {
    let lower = ASCII.folded(path)
    return !doubtful.contains { ASCII.contains(lower, $0) }
      && !lower.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).contains { leadsUp($0) }
  }

  /// Separators and dots that are encoded, encodings of encodings, and what no UTF-8 is but a dot or a slash to some.
  private static let doubtful = [
    "\\", "//", "%2e", "%2f", "%5c", "%25", "%u", "%c0", "%c1", "%e0%80", "%e0%81", "%f0%80", "%ef%bc%8e",
    "%ef%bc%8f", "%ef%bc%bc",
  ]

  /// Whether it is nothing but dots to some server, which may stop reading at a `;`, a zero byte or a space.
  private static func leadsUp(_ part: Octets) -> Bool {
    guard part.first == UInt8(ascii: ".") else { return false }
    guard let next = part.first(where: { $0 != UInt8(ascii: ".") }) else { return true }
    return !ASCII.isLetterOrDigit(next) && next != UInt8(ascii: "-") && next != UInt8(ascii: "_")
  }
}
