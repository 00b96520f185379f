// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Reads the tokens of one date from the left to the right.
struct DateReader {
  let tokens: [Token]
  let isDayFirst: Bool?
  let reference: Day?
  private var at = 0

  init(_ tokens: [Token], isDayFirst: Bool?, reference: Day?) {
    self.tokens = tokens
    self.isDayFirst = isDayFirst
    self.reference = reference
  }

  private static let unknown = SkillError("unknown_format", "this is not written like a date")
  private static let impossible = SkillError("impossible_date", "there is no such day, or no such time")

  // MARK: Tokens

  private func number(_ ahead: Int = 0) -> (value: Int, digits: Int)? {
    guard at + ahead < tokens.count, case .number(let value, let digits) = tokens[at + ahead] else { return nil }
    return (value, digits)
  }

  private func word(_ ahead: Int = 0) -> [UInt8]? {
    guard at + ahead < tokens.count, case .word(let word) = tokens[at + ahead] else { return nil }
    return word
  }

  private func sign(_ ahead: Int = 0) -> UInt8? {
    guard at + ahead < tokens.count, case .sign(let sign) = tokens[at + ahead] else { return nil }
    return sign
  }

  private mutating func take(word name: StaticString) -> Bool {
    guard let word = word(), Words.isWord(word, name) else { return false }
    at += 1
    return true
  }

  private mutating func take(sign wanted: UInt8) -> Bool {
    guard sign() == wanted else { return false }
    at += 1
    return true
  }

  private var isAtEnd: Bool { at == tokens.count }

  // MARK: The whole

  mutating func read() throws(SkillError) -> (day: Day, clock: Clock?) {
    if let day = try relative() {
      let clock = try time()
      guard isAtEnd else { throw Self.unknown }
      return (day, clock)
    }
    let weekday = takeWeekday()
    let day = try date()
    let clock = try time()
    guard isAtEnd else { throw Self.unknown }
    if let weekday, weekday != day.weekday {
      throw SkillError("wrong_weekday", "the date is not on the weekday that is named with it")
    }
    return (day, clock)
  }

  private mutating func takeWeekday() -> Int? {
    guard let word = word(), let place = Words.place(of: word, in: Words.weekdays) else { return nil }
    at += 1
    _ = take(sign: 46)
    _ = take(sign: 44)
    return place
  }

  // MARK: Dates

  private mutating func date() throws(SkillError) -> Day {
    if let word = word() { return try monthFirst(word) }
    guard let first = number() else { throw Self.unknown }
    if first.digits == 4, sign(1) == 45, let month = number(2), sign(3) == 45, let day = number(4) {
      guard month.digits == 2, day.digits == 2 else { throw Self.unknown }
      at += 5
      return try Self.day(first.value, month.value, day.value)
    }
    if first.digits == 8 {
      at += 1
      return try Self.day(first.value / 10_000, first.value / 100 % 100, first.value % 100)
    }
    guard first.digits <= 2 else { throw Self.unknown }
    if let separator = sign(1), [45, 46, 47].contains(separator), let second = number(2), sign(3) == separator,
      let year = number(4)
    {
      guard second.digits <= 2, year.digits == 4 else { throw Self.unknown }
      at += 5
      return try numeric(first.value, second.value, year.value, separator)
    }
    return try dayFirst(first.value)
  }

  /// `28 November 2026`, `28th of Nov, 2026`, `28-Nov-2026`.
  private mutating func dayFirst(_ day: Int) throws(SkillError) -> Day {
    at += 1
    if let suffix = word(), Self.isOrdinal(suffix) { at += 1 } else { _ = take(sign: 46) }
    _ = take(word: "of")
    let isHyphenated = take(sign: 45)
    guard let name = word(), let month = Words.place(of: name, in: Words.months) else { throw Self.unknown }
    at += 1
    if isHyphenated { guard take(sign: 45) else { throw Self.unknown } } else { _ = take(sign: 46) }
    _ = take(sign: 44)
    guard let year = number(), year.digits == 4 else { throw Self.unknown }
    at += 1
    return try Self.day(year.value, month + 1, day)
  }

  /// `November 28, 2026`, `Nov. 28th 2026`.
  private mutating func monthFirst(_ name: [UInt8]) throws(SkillError) -> Day {
    guard let month = Words.place(of: name, in: Words.months) else { throw Self.unknown }
    at += 1
    _ = take(sign: 46)
    guard let day = number(), day.digits <= 2 else { throw Self.unknown }
    at += 1
    if let suffix = word(), Self.isOrdinal(suffix) { at += 1 }
    _ = take(sign: 44)
    guard let year = number(), year.digits == 4 else { throw Self.unknown }
    at += 1
    return try Self.day(year.value, month + 1, day.value)
  }

  /// Three numbers: with dots the day comes first; else what cannot be a month is the day, or the order is told.
  private func numeric(_ first: Int, _ second: Int, _ year: Int, _ separator: UInt8) throws(SkillError) -> Day {
    if separator == 46 || isDayFirst == true { return try Self.day(year, second, first) }
    if isDayFirst == false { return try Self.day(year, first, second) }
    if first == second { return try Self.day(year, first, second) }
    if first > 12 { return try Self.day(year, second, first) }
    if second > 12 { return try Self.day(year, first, second) }
    throw SkillError("ambiguous_date", "either number may be the month: say in `order` which")
  }

  private static func day(_ year: Int, _ month: Int, _ day: Int) throws(SkillError) -> Day {
    guard let day = Day(year, month, day) else { throw impossible }
    return day
  }

  private static func isOrdinal(_ word: [UInt8]) -> Bool {
    Words.isWord(word, "st") || Words.isWord(word, "nd") || Words.isWord(word, "rd") || Words.isWord(word, "th")
  }

  // MARK: Days that count from another

  private mutating func relative() throws(SkillError) -> Day? {
    let start = at
    let isForward = take(word: "in")
    if let count = number(), let unit = word(1).flatMap(Self.unit),
      isForward || word(2).map({ Words.isWord($0, "ago") }) ?? false
    {
      at += isForward ? 2 : 3
      return try counted(isForward ? count.value : -count.value, unit)
    }
    at = start
    if take(word: "today") { return try counted(0, 1) }
    if take(word: "tomorrow") { return try counted(1, 1) }
    if take(word: "yesterday") { return try counted(-1, 1) }
    let isNext = take(word: "next")
    guard isNext || take(word: "last") else { return nil }
    guard let weekday = word().flatMap({ Words.place(of: $0, in: Words.weekdays) }) else { throw Self.unknown }
    at += 1
    let today = try known().weekday
    let ahead = (weekday - today + 6) % 7 + 1
    let behind = (today - weekday + 6) % 7 + 1
    return try counted(isNext ? ahead : -behind, 1)
  }

  /// Days; months are counted below zero.
  private static func unit(_ word: [UInt8]) -> Int? {
    if Words.isWord(word, "day") || Words.isWord(word, "days") { return 1 }
    if Words.isWord(word, "week") || Words.isWord(word, "weeks") { return 7 }
    if Words.isWord(word, "month") || Words.isWord(word, "months") { return -1 }
    if Words.isWord(word, "year") || Words.isWord(word, "years") { return -12 }
    return nil
  }

  private func known() throws(SkillError) -> Day {
    guard let reference else {
      throw SkillError("needs_reference", "this counts from a day: say in `reference` from which")
    }
    return reference
  }

  private func counted(_ count: Int, _ unit: Int) throws(SkillError) -> Day {
    let reference = try known()
    guard abs(count) <= 4_000_000 else { throw Self.impossible }
    let day = unit > 0 ? Day(number: reference.number + count * unit) : reference.adding(months: count * -unit)
    guard let day else { throw Self.impossible }
    return day
  }

  // MARK: Times

  private mutating func time() throws(SkillError) -> Clock? {
    guard !isAtEnd else { return nil }
    // One T, a comma or `at` may stand between the date and the time.
    _ = take(word: "t") || take(sign: 44) || take(word: "at")
    guard let hour = number(), hour.digits <= 2 else { throw Self.unknown }
    at += 1
    var minute = 0
    var second = 0
    var fraction: (value: Int, digits: Int)?
    let hasMinutes = sign() == 58
    if take(sign: 58) {
      guard let given = number(), given.digits == 2 else { throw Self.unknown }
      minute = given.value
      at += 1
      if take(sign: 58) {
        guard let given = number(), given.digits == 2 else { throw Self.unknown }
        second = given.value
        at += 1
        if take(sign: 46) {
          guard let given = number(), given.digits <= 9 else { throw Self.unknown }
          fraction = given
          at += 1
        }
      }
    }
    let half = takeHalf()
    guard hasMinutes || half != nil else { throw Self.unknown }
    guard half == nil || (1...12).contains(hour.value) else { throw Self.impossible }
    let clockHour = half.map { hour.value % 12 + $0 } ?? hour.value
    guard var clock = Clock(clockHour, minute, second) else { throw Self.impossible }
    if let fraction { clock.fraction = Self.padded(fraction.value, fraction.digits) }
    clock.offset = try offset()
    return clock
  }

  /// 0 before noon, 12 after it, nil if that is not said.
  private mutating func takeHalf() -> Int? {
    if take(word: "am") { return 0 }
    if take(word: "pm") { return 12 }
    return nil
  }

  private mutating func offset() throws(SkillError) -> Int? {
    if take(word: "z") || take(word: "utc") || take(word: "gmt") { return 0 }
    let isBehind = sign() == 45
    guard isBehind || sign() == 43 else { return nil }
    at += 1
    guard let hours = number() else { throw Self.unknown }
    at += 1
    var minutes = hours.value * 60
    if hours.digits == 4 {
      guard hours.value % 100 < 60 else { throw Self.impossible }
      minutes = hours.value / 100 * 60 + hours.value % 100
    } else {
      guard hours.digits == 2 else { throw Self.unknown }
      if take(sign: 58) {
        guard let given = number(), given.digits == 2 else { throw Self.unknown }
        guard given.value < 60 else { throw Self.impossible }
        minutes += given.value
        at += 1
      }
    }
    guard minutes < 24 * 60 else { throw Self.impossible }
    return isBehind ? -minutes : minutes
  }

  static func padded(_ value: Int, _ digits: Int) -> [UInt8] {
    var rest = value
    var bytes = [UInt8](repeating: 48, count: digits)
    var index = digits - 1
    while index >= 0, rest > 0 {
      bytes[index] = UInt8(48 + rest % 10)
      rest /= 10
      index -= 1
    }
    return bytes
  }
}
