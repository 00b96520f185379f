// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension WallTime {
  /// Reads `2026-11-23T05:37:00.123Z`, the form that the API writes: UTC, with or without a fraction of a second.
  package init?(iso8601 text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.count <= 32, bytes.last == UInt8(ascii: "Z") else { return nil }
    for (index, mark) in [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")] where bytes[index] != mark.utf8.first {
      return nil
    }
    func number(_ range: Range<Int>) -> Int64? {
      var value: Int64 = 0
      for byte in bytes[range] {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      }
      return value
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19)
    else { return nil }
    guard (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61 else { return nil }
    var fraction: Int64 = 0
    if bytes.count > 20 {
      guard bytes[19] == UInt8(ascii: "."), bytes.count > 21, number(20..<bytes.count - 1) != nil else { return nil }
      let digits = bytes[20..<bytes.count - 1].prefix(6) + Array(repeating: UInt8(ascii: "0"), count: 6)
      for byte in digits.prefix(6) { fraction = fraction * 10 + Int64(byte - UInt8(ascii: "0")) }
    }
    let days = Self.daysSinceEpoch(year: year, month: month, day: day)
    self.init(microseconds: (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + fraction)
  }

  /// The inverse of `CivilDate`: Howard Hinnant's `days_from_civil`, for years from 0.
  private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
