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
    let part = bytes.extracting(range)
    var copy: [UInt8] = []
    copy.reserveCapacity(part.count)
    for index in part.indices { copy.append(part[index]) }
    return copy
  }

  /// The JSON string in `range`, decoded; nil if there is another value.
  static func string(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String? {
    guard isPlainText(bytes, range), let valid = try? UTF8Span(validating: bytes.extracting(inside(range))) else {
      return value(bytes, range)?.stringValue
    }
    return String(copying: valid)
  }

  /// Whether a string that can be decoded fills the range.
  static func isText(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    isPlainText(bytes, range) || string(bytes, range) != nil
  }

  private static func inside(_ range: Range<Int>) -> Range<Int> { range.lowerBound + 1..<range.upperBound - 1 }

  /// Whether a string fills the range whose text stands there as it is.
  private static func isPlainText(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard range.count >= 2, bytes[range.lowerBound] == UInt8(ascii: "\""),
      bytes[range.upperBound - 1] == UInt8(ascii: "\"")
    else { return false }
    for index in inside(range) {
      let byte = bytes[index]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
    }
    return true
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
