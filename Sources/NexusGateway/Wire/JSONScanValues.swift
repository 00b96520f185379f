// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension JSONScan {
  /// The bytes as text; bytes that are not UTF-8 become replacement characters.
  static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    if let valid = try? UTF8Span(validating: bytes.extracting(range)) { return String(copying: valid) }
    return String(decoding: array(bytes, range), as: UTF8.self)
  }

  static func array(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe Array($0) }
  }

  /// The JSON string in `range`, decoded; nil if there is another value.
  static func string(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String? {
    guard isPlainText(bytes, range), let valid = try? UTF8Span(validating: bytes.extracting(inside(range))) else {
      return value(bytes, range)?.stringValue
    }
    return String(copying: valid)
  }

  /// Whether the string that fills the range, in UTF-8 that was scanned before, can be decoded: half a character, which
  /// only escapes can write, cannot.
  static func isText(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let end = inside(range).upperBound
    let text = bytes.extracting(0..<end)
    var index = inside(range).lowerBound
    while true {
      index = ByteScan.plainText(text, from: index).end
      guard index < end else { return true }
      guard index + 1 < end, text[index] == UInt8(ascii: "\\") else { return false }
      guard text[index + 1] == UInt8(ascii: "u") else {
        index += 2
        continue
      }
      guard let length = lengthOfCharacter(text, index) else { return false }
      index += length
    }
  }

  /// How long the escape of a character is, or the two of one beyond the first plane; nil for half of such a pair.
  private static func lengthOfCharacter(_ text: Span<UInt8>, _ start: Int) -> Int? {
    guard let first = codeUnit(text, start) else { return nil }
    switch first {
    case 0xD800..<0xDC00:
      guard let second = codeUnit(text, start + 6), (0xDC00..<0xE000).contains(second) else { return nil }
      return 12
    case 0xDC00..<0xE000: return nil
    default: return 6
    }
  }

  /// The number in an escape like `\u00e9`; nil where there is none.
  private static func codeUnit(_ text: Span<UInt8>, _ start: Int) -> UInt16? {
    guard start + 6 <= text.count, text[start] == UInt8(ascii: "\\"), text[start + 1] == UInt8(ascii: "u") else {
      return nil
    }
    var code: UInt16 = 0
    for index in start + 2..<start + 6 {
      let digit: UInt8
      switch text[index] {
      case 0x30...0x39: digit = text[index] - 0x30
      case 0x41...0x46: digit = text[index] - 0x41 + 10
      case 0x61...0x66: digit = text[index] - 0x61 + 10
      default: return nil
      }
      code = code << 4 | UInt16(digit)
    }
    return code
  }

  private static func inside(_ range: Range<Int>) -> Range<Int> { range.lowerBound + 1..<range.upperBound - 1 }

  /// Whether a string fills the range whose text stands there as it is.
  private static func isPlainText(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard range.count >= 2, bytes[range.lowerBound] == UInt8(ascii: "\""),
      bytes[range.upperBound - 1] == UInt8(ascii: "\"")
    else { return false }
    let text = inside(range)
    return ByteScan.plainText(bytes.extracting(0..<text.upperBound), from: text.lowerBound).end == text.upperBound
  }

  /// The value in `range`; nil if it is not JSON.
  static func value(_ bytes: Span<UInt8>, _ range: Range<Int>) -> JSONValue? {
    try? JSONValue(parsing: array(bytes, range))
  }

  static func integer(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
    // So many digits fit; everything else that is a whole number takes the long way.
    guard (1...18).contains(range.count) else { return value(bytes, range)?.intValue }
    if bytes[range.lowerBound] == UInt8(ascii: "0"), range.count > 1 { return value(bytes, range)?.intValue }
    var number: Int64 = 0
    for index in range {
      guard (0x30...0x39).contains(bytes[index]) else { return value(bytes, range)?.intValue }
      number = number * 10 + Int64(bytes[index] - 0x30)
    }
    return number
  }

  static func boolean(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool? {
    value(bytes, range)?.boolValue
  }
}
