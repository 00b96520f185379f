// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension PosixZone {
  /// Reads a `TZ`: `IST-1GMT0,M10.5.0,M3.5.0/1`, `<-03>3`.
  ///
  /// Daylight saving time without its days is refused: what a system fills in for them is nobody's rule.
  init(parsing bytes: [UInt8]) throws(TimeZoneDataError) {
    var scanner = PosixZoneScanner(bytes: bytes)
    try scanner.skipName()
    standard = -(try scanner.signedTime(maxHours: 24))
    daylight = nil
    guard !scanner.isAtEnd else { return }
    try scanner.skipName()
    let offset =
      scanner.peek == UInt8(ascii: ",") ? standard + CivilClock.hour : -(try scanner.signedTime(maxHours: 24))
    let start = try scanner.moment()
    let end = try scanner.moment()
    guard scanner.isAtEnd else { throw scanner.error("more than a rule") }
    daylight = Daylight(offset: offset, start: start, end: end)
  }
}

/// A place in the text of a `TZ`.
struct PosixZoneScanner {
  private let bytes: [UInt8]
  private var index = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { index == bytes.count }
  var peek: UInt8? { isAtEnd ? nil : bytes[index] }

  func error(_ message: String) -> TimeZoneDataError { TimeZoneDataError("TZ string, byte \(index): \(message)") }

  private mutating func take(_ character: Character) -> Bool {
    guard let byte = character.asciiValue, peek == byte else { return false }
    index += 1
    return true
  }

  private mutating func takeWhile(_ claim: (UInt8) -> Bool) -> Int {
    let start = index
    while let byte = peek, claim(byte) { index += 1 }
    return index - start
  }

  mutating func skipName() throws(TimeZoneDataError) {
    func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
    func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    let count: Int
    if take("<") {
      count = takeWhile { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
      guard take(">") else { throw error("a name in angle brackets does not end") }
    } else {
      count = takeWhile(isLetter)
    }
    guard count >= 3 else { throw error("a name of at least three letters is missing") }
  }

  /// `[+-]hh[:mm[:ss]]`, in seconds.
  mutating func signedTime(maxHours: Int64) throws(TimeZoneDataError) -> Int64 {
    let isNegative = take("-")
    if !isNegative { _ = take("+") }
    var seconds = try number(0...maxHours) * 3600
    if take(":") {
      seconds += try number(0...59) * 60
      if take(":") { seconds += try number(0...59) }
    }
    return isNegative ? -seconds : seconds
  }

  mutating func moment() throws(TimeZoneDataError) -> PosixZone.Moment {
    guard take(",") else { throw error("the days of daylight saving time are missing") }
    let day: PosixZone.Day
    if take("J") {
      day = .julian(try number(1...365))
    } else if take("M") {
      let month = try number(1...12)
      guard take(".") else { throw error("a week is missing") }
      let week = try number(1...5)
      guard take(".") else { throw error("a day of the week is missing") }
      day = .weekday(month: month, week: week, day: Int(try number(0...6)))
    } else {
      day = .ordinal(try number(0...365))
    }
    return PosixZone.Moment(day: day, time: take("/") ? try signedTime(maxHours: 167) : 2 * CivilClock.hour)
  }

  private mutating func number(_ range: ClosedRange<Int64>) throws(TimeZoneDataError) -> Int64 {
    let start = index
    var value: Int64 = 0
    while let byte = peek, (0x30...0x39).contains(byte), index - start < 3 {
      value = value * 10 + Int64(byte - 0x30)
      index += 1
    }
    guard index > start, range.contains(value) else { throw error("a number \(range) is missing") }
    return value
  }
}
