// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// URIs (RFC 3986) and IRIs (RFC 3987), absolute or as references, by their grammar.
enum ResourceIdentifier {
  static func isValid(_ bytes: [UInt8], isReference: Bool, isInternational: Bool) -> Bool {
    let text = String(decoding: bytes, as: UTF8.self).unicodeScalars.map(\.value)
    guard isInternational || text.allSatisfy({ $0 < 0x80 }) else { return false }
    var rest = text[...]
    if let mark = rest.firstIndex(of: 0x23) {
      guard holdsOnly(rest[(mark + 1)...], also: "/?:@") else { return false }
      rest = rest[..<mark]
    }
    if let mark = rest.firstIndex(of: 0x3F) {
      guard holdsOnly(rest[(mark + 1)...], also: "/?:@", allowsPrivate: true) else { return false }
      rest = rest[..<mark]
    }
    let colon = rest.firstIndex { $0 == 0x3A || $0 == 0x2F }
    if let colon, rest[colon] == 0x3A {
      guard isScheme(rest[..<colon]) else { return false }
      rest = rest[(colon + 1)...]
    } else if !isReference {
      return false
    }
    if rest.starts(with: [0x2F, 0x2F]) {
      let behind = rest.dropFirst(2)
      let end = behind.firstIndex(of: 0x2F) ?? behind.endIndex
      guard isAuthority(behind[..<end]) else { return false }
      rest = behind[end...]
    }
    return holdsOnly(rest, also: "/:@")
  }

  private static func isScheme(_ text: ArraySlice<UInt32>) -> Bool {
    guard let first = text.first, first < 0x80, UInt8(first).isLetter else { return false }
    return text.allSatisfy { scalar in
      scalar < 0x80 && (UInt8(scalar).isLetter || UInt8(scalar).isDigit || [0x2B, 0x2D, 0x2E].contains(scalar))
    }
  }

  private static func isAuthority(_ text: ArraySlice<UInt32>) -> Bool {
    var rest = text
    if let mark = rest.firstIndex(of: 0x40) {
      guard holdsOnly(rest[..<mark], also: ":") else { return false }
      rest = rest[(mark + 1)...]
    }
    if rest.first == 0x5B {
      guard let end = rest.firstIndex(of: 0x5D), isAddress(rest[(rest.startIndex + 1)..<end]) else { return false }
      rest = rest[(end + 1)...]
    } else {
      let end = rest.firstIndex(of: 0x3A) ?? rest.endIndex
      guard holdsOnly(rest[..<end], also: "") else { return false }
      rest = rest[end...]
    }
    return rest.isEmpty || rest.first == 0x3A && rest.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
  }

  /// What stands in brackets: version 6, or `v1.…` for versions to come.
  private static func isAddress(_ text: ArraySlice<UInt32>) -> Bool {
    guard text.allSatisfy({ $0 < 0x80 }) else { return false }
    let bytes = text.map { UInt8($0) }
    guard let first = bytes.first, first | 0x20 == UInt8(ascii: "v") else { return IPAddress.isVersion6(bytes[...]) }
    let digits = bytes.dropFirst().prefix { $0.isHexDigit }
    let rest = bytes[digits.endIndex...]
    return !digits.isEmpty && rest.first == UInt8(ascii: ".") && rest.count > 1
      && !rest.contains(UInt8(ascii: "%")) && holdsOnly(rest.dropFirst().map(UInt32.init)[...], also: ":")
  }

  /// Unreserved characters, sub-delimiters, escapes of two digits, and those named.
  private static func holdsOnly(_ text: ArraySlice<UInt32>, also: String, allowsPrivate: Bool = false) -> Bool {
    var place = text.startIndex
    while place < text.endIndex {
      let scalar = text[place]
      place += 1
      if scalar >= 0x80 {
        guard isInternational(scalar) || allowsPrivate && isPrivate(scalar) else { return false }
        continue
      }
      let byte = UInt8(scalar)
      if byte.isLetter || byte.isDigit || "-._~!$&'()*+,;=".utf8.contains(byte) || also.utf8.contains(byte) { continue }
      guard byte == UInt8(ascii: "%"), place + 1 < text.endIndex,
        text[place...place + 1].allSatisfy({ $0 < 0x80 && UInt8($0).isHexDigit })
      else { return false }
      place += 2
    }
    return true
  }

  /// RFC 3987 §2.2, `ucschar`.
  static func isInternational(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0xA0...0xD7FF, 0xF900...0xFDCF, 0xFDF0...0xFFEF: true
    case 0x10000...0xDFFFD: scalar & 0xFFFF <= 0xFFFD
    case 0xE1000...0xEFFFD: true
    default: false
    }
  }

  /// RFC 3987 §2.2, `iprivate`.
  static func isPrivate(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0xE000...0xF8FF, 0xF0000...0xFFFFD, 0x100000...0x10FFFD: true
    default: false
    }
  }
}
