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
    guard let scalars = decoded(path), !scalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }),
      !scalars.contains(where: disguises.contains)
    else { return false }
    // What stands before the dots some servers cut off.
    let parts = scalars.split(separator: "/", omittingEmptySubsequences: false).map { part in
      part.drop { $0.properties.isWhitespace || $0.properties.isDefaultIgnorableCodePoint }
    }
    return !parts.contains { leadsUp(Array(String(String.UnicodeScalarView($0)).utf8)[...]) }
      && !doubtful.contains { ASCII.contains(lower, $0) }
      && !lower.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).contains { leadsUp($0) }
  }

  /// What a path says when it is decoded once; nil where a `%` stands for no byte, or the bytes for no letters.
  private static func decoded(_ path: Octets) -> [Unicode.Scalar]? {
    var bytes: [UInt8] = []
    var rest = path
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      guard digits.count == 2, digits.allSatisfy(ASCII.isHexDigit),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self).map { Array($0.unicodeScalars) }
  }

  /// Letters that servers which normalise take for dots, slashes and percent signs, or for some with letters around them.
  private static let disguises: Set<Unicode.Scalar> = {
    var found: Set<Unicode.Scalar> = [
      "\u{2024}", "\u{2025}", "\u{2026}", "\u{FE19}", "\u{FE30}", "\u{FE52}", "\u{FF0E}", "\u{FF0F}", "\u{FF3C}",
      "\u{FE68}", "\u{2044}", "\u{2215}", "\u{2216}", "\u{2100}", "\u{2101}", "\u{2105}", "\u{2106}", "\u{FF05}",
      "\u{FE6A}", "\u{33C2}", "\u{33C7}", "\u{33D8}", "\u{1F100}",
    ]
    // Numbers with a full stop.
    for value in 0x2488...0x249B as ClosedRange<UInt32> { Unicode.Scalar(value).map { _ = found.insert($0) } }
    return found
  }()

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
