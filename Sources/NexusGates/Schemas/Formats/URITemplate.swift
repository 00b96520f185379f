// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// URI templates by the grammar of RFC 6570 §2.
enum URITemplate {
  static func isValid(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "{"):
        guard let end = rest.firstIndex(of: UInt8(ascii: "}")), isExpression(rest[..<end]) else { return false }
        rest = rest[(end + 1)...]
      case UInt8(ascii: "%"):
        guard rest.count >= 2, rest.prefix(2).allSatisfy(\.isHexDigit) else { return false }
        rest = rest.dropFirst(2)
      case 0...0x20, 0x7F, UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"),
        UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "}"):
        return false
      default: break
      }
    }
    let beyond = String(decoding: bytes, as: UTF8.self).unicodeScalars.lazy.map(\.value).filter { $0 >= 0x80 }
    return beyond.allSatisfy { ResourceIdentifier.isInternational($0) || ResourceIdentifier.isPrivate($0) }
  }

  private static func isExpression(_ text: ArraySlice<UInt8>) -> Bool {
    var list = text
    if let first = list.first, "+#./;?&=,!@|".utf8.contains(first) { list = list.dropFirst() }
    return list.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).allSatisfy(isVariable)
  }

  private static func isVariable(_ text: ArraySlice<UInt8>) -> Bool {
    var name = text
    if name.last == UInt8(ascii: "*") {
      name = name.dropLast()
    } else if let colon = name.firstIndex(of: UInt8(ascii: ":")) {
      let length = name[(colon + 1)...]
      guard (1...4).contains(length.count), length.allSatisfy(\.isDigit), length.first != UInt8(ascii: "0") else {
        return false
      }
      name = name[..<colon]
    }
    return name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy(isNamePart)
  }

  private static func isNamePart(_ text: ArraySlice<UInt8>) -> Bool {
    var rest = text
    while let byte = rest.popFirst() {
      if byte.isLetter || byte.isDigit || byte == UInt8(ascii: "_") { continue }
      guard byte == UInt8(ascii: "%"), rest.count >= 2, rest.prefix(2).allSatisfy(\.isHexDigit) else { return false }
      rest = rest.dropFirst(2)
    }
    return !text.isEmpty
  }
}
