// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Mailboxes by RFC 5321 §4.1.2, and by RFC 6531 §3.3 with characters beyond ASCII.
enum MailAddress {
  /// RFC 5321 §4.5.3.1.1.
  private static let maxLocalBytes = 64

  static func isValid(_ bytes: [UInt8], isInternational: Bool) -> Bool {
    let localEnd =
      bytes.first == UInt8(ascii: "\"")
      ? endOfQuoted(bytes, isInternational: isInternational) : endOfAtoms(bytes, isInternational: isInternational)
    guard let localEnd, (1...maxLocalBytes).contains(localEnd), localEnd < bytes.count,
      bytes[localEnd] == UInt8(ascii: "@")
    else { return false }
    return isDomain(bytes[(localEnd + 1)...], isInternational: isInternational)
  }

  private static func endOfAtoms(_ bytes: [UInt8], isInternational: Bool) -> Int? {
    var isAfterDot = true
    for (place, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: "@") { return isAfterDot ? nil : place }
      if byte == UInt8(ascii: ".") {
        if isAfterDot { return nil }
        isAfterDot = true
        continue
      }
      guard isAtomText(byte) || isInternational && byte >= 0x80 else { return nil }
      isAfterDot = false
    }
    return nil
  }

  private static func isAtomText(_ byte: UInt8) -> Bool {
    byte.isLetter || byte.isDigit || "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
  }

  private static func endOfQuoted(_ bytes: [UInt8], isInternational: Bool) -> Int? {
    var place = 1
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "\""): return place + 1
      case UInt8(ascii: "\\"):
        guard place + 1 < bytes.count, (0x20...0x7E).contains(bytes[place + 1]) else { return nil }
        place += 2
      case 0x20...0x7E: place += 1
      case 0x80...:
        guard isInternational else { return nil }
        place += 1
      default: return nil
      }
    }
    return nil
  }

  private static func isDomain(_ domain: ArraySlice<UInt8>, isInternational: Bool) -> Bool {
    guard domain.first == UInt8(ascii: "["), domain.last == UInt8(ascii: "]"), domain.count > 2 else {
      return HostName.isValid(String(decoding: domain, as: UTF8.self), isInternational: isInternational)
    }
    let literal = domain.dropFirst().dropLast()
    let tag = Array("IPv6:".utf8)
    return literal.starts(with: tag)
      ? IPAddress.isVersion6(literal.dropFirst(tag.count)) : IPAddress.isVersion4(literal)
  }
}
