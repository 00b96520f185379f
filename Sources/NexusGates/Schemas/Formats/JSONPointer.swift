// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// JSON Pointers (RFC 6901) and relative ones.
enum JSONPointer {
  static func isValid(_ text: ArraySlice<UInt8>) -> Bool {
    guard let first = text.first else { return true }
    guard first == UInt8(ascii: "/") else { return false }
    var isEscape = false
    for byte in text {
      if isEscape, byte != UInt8(ascii: "0"), byte != UInt8(ascii: "1") { return false }
      isEscape = byte == UInt8(ascii: "~")
    }
    return !isEscape
  }

  /// A number of levels without leading zeros, then `#` or a pointer.
  static func isRelative(_ text: ArraySlice<UInt8>) -> Bool {
    let digits = text.prefix { $0.isDigit }
    guard let first = digits.first, digits.count == 1 || first != UInt8(ascii: "0") else { return false }
    let rest = text[digits.endIndex...]
    return rest.elementsEqual([UInt8(ascii: "#")]) || isValid(rest)
  }
}
