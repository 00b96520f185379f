// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Letters as servers compare them: byte by byte, and none but those of ASCII in two sizes.
///
/// Unicode has more: there the sign for kelvin is a small `k`, too, and a slash with a mark behind it is none any more.
enum ASCII {
  /// In small letters.
  static func folded(_ octets: some Sequence<UInt8>) -> [UInt8] {
    octets.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
  }

  /// In small letters, and with hyphens for underscores, dots and the like, which many servers take for the same.
  static func plain(_ octets: some Sequence<UInt8>) -> [UInt8] {
    folded(octets).map { isLetterOrDigit($0) ? $0 : UInt8(ascii: "-") }
  }

  static func isHexDigit(_ octet: UInt8) -> Bool {
    (0x30...0x39).contains(octet) || (0x41...0x46).contains(octet) || (0x61...0x66).contains(octet)
  }

  /// Without the spaces and tabs around it.
  static func trimmed(_ octets: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = octets
    while let first = rest.first, isBlank(first) { rest = rest.dropFirst() }
    while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
    return rest
  }

  static func contains(_ octets: [UInt8], _ word: String) -> Bool {
    let word = Array(word.utf8)
    guard octets.count >= word.count else { return false }
    return (0...(octets.count - word.count)).contains { octets[$0...].starts(with: word) }
  }

  static func isLetterOrDigit(_ octet: UInt8) -> Bool {
    (0x30...0x39).contains(octet) || (0x41...0x5A).contains(octet) || (0x61...0x7A).contains(octet)
  }

  /// RFC 9110 §5.6.2.
  static func isToken(_ octets: ArraySlice<UInt8>) -> Bool {
    !octets.isEmpty && octets.allSatisfy { isLetterOrDigit($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
  }

  private static func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 }
}

extension ArraySlice<UInt8> {
  func isExactly(_ word: String) -> Bool { elementsEqual(word.utf8) }
}
