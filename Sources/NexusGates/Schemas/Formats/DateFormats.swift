// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Dates, times and durations by RFC 3339, §5.6 and appendix A.
enum DateFormats {
  static func isDate(_ text: ArraySlice<UInt8>) -> Bool {
    let bytes = Array(text)
    guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
      let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
      (1...12).contains(month)
    else { return false }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return (1...lengths[month - 1]).contains(day)
  }

  static func isDateTime(_ bytes: [UInt8]) -> Bool {
    bytes.count > 11 && bytes[10] | 0x20 == UInt8(ascii: "t") && isDate(bytes[..<10]) && isTime(bytes[11...])
  }

  static func isTime(_ text: ArraySlice<UInt8>) -> Bool {
    let bytes = Array(text)
    guard bytes.count >= 9, bytes[2] == UInt8(ascii: ":"), bytes[5] == UInt8(ascii: ":"),
      let hour = number(bytes[0..<2]), let minute = number(bytes[3..<5]), let second = number(bytes[6..<8]),
      hour < 24, minute < 60, second <= 60
    else { return false }
    var rest = bytes[8...]
    if rest.first == UInt8(ascii: ".") {
      let digits = rest.dropFirst().prefix { $0.isDigit }
      guard !digits.isEmpty else { return false }
      rest = rest[digits.endIndex...]
    }
    guard let offset = offset(Array(rest)) else { return false }
    // A leap second is the last of a day of UTC.
    let ofDay = (hour * 60 + minute - offset + 2 * 1_440) % 1_440
    return second < 60 || ofDay == 1_439
  }

  /// Minutes ahead of UTC.
  private static func offset(_ bytes: [UInt8]) -> Int? {
    if bytes.count == 1, bytes[0] | 0x20 == UInt8(ascii: "z") { return 0 }
    guard bytes.count == 6, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"),
      bytes[3] == UInt8(ascii: ":"), let hours = number(bytes[1..<3]), let minutes = number(bytes[4..<6]), hours < 24,
      minutes < 60
    else { return nil }
    let total = hours * 60 + minutes
    return bytes[0] == UInt8(ascii: "-") ? -total : total
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    var value = 0
    for digit in digits {
      guard digit.isDigit else { return nil }
      value = value * 10 + Int(digit - 0x30)
    }
    return value
  }

  /// Units follow each other without a gap: years before months, but years never directly before days.
  static func isDuration(_ bytes: [UInt8]) -> Bool {
    guard bytes.first == UInt8(ascii: "P") else { return false }
    var rest = bytes.dropFirst()
    let isWeeks = rest.last == UInt8(ascii: "W")
    if isWeeks { return rest.count > 1 && rest.dropLast().allSatisfy(\.isDigit) }
    let hasDate = takeUnits(&rest, Array("YMD".utf8))
    if rest.isEmpty { return hasDate == true }
    guard hasDate != nil, rest.popFirst() == UInt8(ascii: "T") else { return false }
    return takeUnits(&rest, Array("HMS".utf8)) == true && rest.isEmpty
  }

  /// Whether there was a unit; nil if they do not follow each other.
  private static func takeUnits(_ rest: inout ArraySlice<UInt8>, _ units: [UInt8]) -> Bool? {
    var next: Int?
    while let first = rest.first, first.isDigit {
      let digits = rest.prefix { $0.isDigit }
      rest = rest[digits.endIndex...]
      guard let unit = rest.popFirst(), let place = units.firstIndex(of: unit), next == nil || place == next else {
        return nil
      }
      next = place + 1
    }
    return next != nil
  }
}
