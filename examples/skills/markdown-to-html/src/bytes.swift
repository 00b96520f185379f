// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

typealias Line = ArraySlice<UInt8>

enum Bytes {
  static let newline: UInt8 = 10
  static let space: UInt8 = 32

  static func isPunctuation(_ byte: UInt8) -> Bool {
    (33...47).contains(byte) || (58...64).contains(byte) || (91...96).contains(byte) || (123...126).contains(byte)
  }
  static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
  static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
  static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte | 32) }

  static func escape(_ byte: UInt8, into html: inout [UInt8]) {
    switch byte {
    case 38: append("&amp;", to: &html)
    case 60: append("&lt;", to: &html)
    case 62: append("&gt;", to: &html)
    case 34: append("&quot;", to: &html)
    // A NUL is no character of HTML.
    case 0: html += [0xEF, 0xBF, 0xBD]
    default: html.append(byte)
    }
  }

  static func escape(_ bytes: some Sequence<UInt8>, into html: inout [UInt8]) {
    for byte in bytes { escape(byte, into: &html) }
  }

  static func append(_ text: StaticString, to html: inout [UInt8]) {
    html += UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  static func starts(_ line: Line, with text: StaticString) -> Bool {
    guard line.count >= text.utf8CodeUnitCount else { return false }
    for index in 0..<text.utf8CodeUnitCount where line[line.startIndex + index] != text.utf8Start[index] {
      return false
    }
    return true
  }
}

extension Line {
  var isBlank: Bool { allSatisfy(Bytes.isBlank) }

  /// How many blanks stand in front.
  var indent: Int { prefix { $0 == Bytes.space }.count }

  /// Without blanks at either end.
  var trimmed: Line {
    var rest = self
    while let first = rest.first, Bytes.isBlank(first) { rest = rest.dropFirst() }
    while let last = rest.last, Bytes.isBlank(last) { rest = rest.dropLast() }
    return rest
  }
}
