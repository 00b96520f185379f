// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Timestamp {
  /// Reads a point in time by RFC 3339; nil for anything else and outside of the years 1 to 9999.
  package init?(rfc3339 text: String) {
    var reader = TimeTextReader(text)
    guard let year = reader.digits(4), reader.takes("-"), let month = reader.digits(2), reader.takes("-"),
      let day = reader.digits(2), reader.takes("T") || reader.takes("t"),
      let hour = reader.digits(2), reader.takes(":"), let minute = reader.digits(2), reader.takes(":"),
      let second = reader.digits(2),
      (1...12).contains(month), day >= 1, day <= CivilDate.daysIn(month: month, year: year), hour < 24, minute < 60,
      second < 60
    else { return nil }
    var nanoseconds: Int64 = 0
    if reader.takes(".") {
      guard let fraction = reader.fraction() else { return nil }
      nanoseconds = fraction
    }
    guard let offset = reader.offset(), reader.isAtEnd else { return nil }
    let days = CivilDate.daysSinceEpoch(year: year, month: month, day: day)
    let seconds = days * CivilDate.secondsPerDay + hour * 3600 + minute * 60 + second - offset
    self.init(seconds: seconds, nanoseconds: Int32(nanoseconds))
  }

  /// By RFC 3339, in UTC, with as many digits of the fraction as are not zero.
  package var rfc3339: String {
    let date = CivilDate(seconds: seconds)
    return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2) + "T" + padded(date.hour, 2)
      + ":" + padded(date.minute, 2) + ":" + padded(date.second, 2) + fractionText(Int64(nanoseconds)) + "Z"
  }
}

extension RuleDuration {
  /// Reads numbers with units, such as `1h30m`, `-1.5s` or `250ms`; nil for anything else and beyond 292 years.
  package init?(_ text: String) {
    var reader = TimeTextReader(text)
    let isNegative = reader.takes("-")
    if !isNegative { _ = reader.takes("+") }
    if reader.rest == "0" {
      self.init(nanoseconds: 0)
      return
    }
    // Negative throughout, because the smallest has no positive counterpart.
    var total: Int64 = 0
    repeat {
      guard let part = reader.durationPart() else { return nil }
      let (sum, overflows) = total.subtractingReportingOverflow(part)
      if overflows { return nil }
      total = sum
    } while !reader.isAtEnd
    if !isNegative, total == .min { return nil }
    self.init(nanoseconds: isNegative ? total : -total)
  }

  /// Seconds with as many digits of the fraction as are not zero, then `s`.
  package var text: String {
    let (seconds, rest) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
    return (nanoseconds < 0 ? "-" : "") + "\(seconds)" + fractionText(Int64(rest)) + "s"
  }
}

private func padded(_ value: Int64, _ width: Int) -> String {
  let digits = String(value)
  return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

/// `.5` for half a second, nothing for none.
private func fractionText(_ nanoseconds: Int64) -> String {
  guard nanoseconds != 0 else { return "" }
  var digits = Array(padded(nanoseconds, 9).utf8)
  while digits.last == UInt8(ascii: "0") { digits.removeLast() }
  return "." + String(decoding: digits, as: UTF8.self)
}

/// Reads the parts of which times are written.
struct TimeTextReader {
  private let bytes: [UInt8]
  private var index = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  var isAtEnd: Bool { index == bytes.count }
  var rest: String { String(decoding: bytes[index...], as: UTF8.self) }

  mutating func takes(_ character: Unicode.Scalar) -> Bool {
    guard index < bytes.count, UInt32(bytes[index]) == character.value else { return false }
    index += 1
    return true
  }

  mutating func digits(_ count: Int) -> Int64? {
    guard index + count <= bytes.count else { return nil }
    var value: Int64 = 0
    for byte in bytes[index..<index + count] {
      guard byte.isDigit else { return nil }
      value = value * 10 + Int64(byte & 0x0F)
    }
    index += count
    return value
  }

  /// The digits behind a point as nanoseconds; what is smaller is dropped.
  mutating func fraction() -> Int64? {
    var (value, count): (Int64, Int) = (0, 0)
    while index < bytes.count, bytes[index].isDigit {
      if count < 9 { value = value * 10 + Int64(bytes[index] & 0x0F) }
      count += 1
      index += 1
    }
    guard count > 0 else { return nil }
    for _ in 0..<max(0, 9 - count) { value *= 10 }
    return value
  }

  /// `Z` or an offset from UTC with its sign, in seconds.
  mutating func offset() -> Int64? {
    if takes("Z") || takes("z") { return 0 }
    let isWest = takes("-")
    guard isWest || takes("+") else { return nil }
    guard let hours = digits(2), takes(":"), let minutes = digits(2), hours < 24, minutes < 60 else { return nil }
    return (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
  }

  /// One number with its unit, in nanoseconds.
  mutating func durationPart() -> Int64? {
    var (whole, count): (Int64, Int) = (0, 0)
    while index < bytes.count, bytes[index].isDigit {
      let (product, overflows) = whole.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = product.addingReportingOverflow(Int64(bytes[index] & 0x0F))
      if overflows || overflowsToo { return nil }
      whole = sum
      count += 1
      index += 1
    }
    var billionths: Int64 = 0
    if takes(".") {
      if let fraction = fraction() { billionths = fraction } else if count == 0 { return nil }
    } else if count == 0 {
      return nil
    }
    guard let unit = unit() else { return nil }
    let (scaled, overflows) = whole.multipliedReportingOverflow(by: unit)
    // A billionth of an hour is 3600 ns, so this stays far below the limit.
    let part = unit == 1 ? 0 : Int64((Double(billionths) / 1e9 * Double(unit)).rounded(.toNearestOrEven))
    let (total, overflowsToo) = scaled.addingReportingOverflow(part)
    return overflows || overflowsToo ? nil : total
  }

  /// In nanoseconds.
  private mutating func unit() -> Int64? {
    let units: [(String, Int64)] = [
      ("ns", 1), ("us", 1000), ("\u{B5}s", 1000), ("\u{3BC}s", 1000), ("ms", 1_000_000), ("s", 1_000_000_000),
      ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]
    for (name, value) in units where bytes[index...].starts(with: name.utf8) {
      index += name.utf8.count
      return value
    }
    return nil
  }
}
