// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Reads one field of an expression.
struct CronFieldParser {
  let unit: CronUnit

  func parse(_ field: CronPiece) throws(CronSyntaxError) -> CronField {
    var result = CronField()
    result.isStarred = field.text.hasPrefix("*") || field.text.hasPrefix("?")
    for item in field.split(",") { try add(item, to: &result) }
    return result
  }

  private func add(_ item: CronPiece, to field: inout CronField) throws(CronSyntaxError) {
    guard !item.text.isEmpty else { throw item.error("a value of the \(unit.name) is missing here") }
    if item.text.uppercased() == "L", unit == .day {
      field.includesLast = true
      return
    }
    let parts = item.split("/", maxSplits: 1)
    var range = try self.range(parts[0])
    var step = 1
    if parts.count > 1 {
      step = try self.step(parts[1], item)
      // `5/15` is every 15 from 5 on, to the end of the field.
      if !parts[0].text.contains("-") { range = range.lowerBound...max(range.upperBound, unit.every.upperBound) }
    }
    for value in stride(from: range.lowerBound, through: range.upperBound, by: step) {
      // 7 is another name of Sunday.
      field.values |= 1 << UInt64(unit == .weekday ? value % 7 : value)
    }
  }

  private func range(_ piece: CronPiece) throws(CronSyntaxError) -> ClosedRange<Int> {
    if piece.text == "*" { return unit.every }
    if piece.text == "?" {
      guard unit == .day || unit == .weekday else {
        throw piece.error("`?` stands only in the fields of days", suggestion: "*")
      }
      return unit.every
    }
    let ends = piece.split("-")
    guard ends.count <= 2 else { throw piece.error("a range has two ends") }
    let lower = try value(ends[0])
    guard ends.count == 2 else { return lower...lower }
    var upper = try value(ends[1])
    // A week that ends with Sunday: SAT-SUN.
    if unit == .weekday, upper == 0, lower > 0 { upper = 7 }
    guard lower <= upper else {
      let every = unit.every
      throw piece.error(
        "a range goes upwards; one over the end of the \(unit.name)s is two",
        suggestion: "\(range(lower, every.upperBound)),\(range(every.lowerBound, upper))")
    }
    return lower...upper
  }

  private func range(_ lower: Int, _ upper: Int) -> String { lower == upper ? "\(lower)" : "\(lower)-\(upper)" }

  private func step(_ piece: CronPiece, _ item: CronPiece) throws(CronSyntaxError) -> Int {
    guard let step = number(piece.text), step > 0 else {
      throw piece.error("a step is a whole number from 1 on")
    }
    let span = unit.every.upperBound - unit.every.lowerBound
    guard step <= span else {
      throw item.error(
        "a step of \(step) is longer than all \(unit.name)s: it would pass once only"
          + (unit.duration(of: step).map { "; `@every \($0)` is by real time" } ?? ""))
    }
    return step
  }

  private func value(_ piece: CronPiece) throws(CronSyntaxError) -> Int {
    guard !piece.text.isEmpty else { throw piece.error("a value of the \(unit.name) is missing here") }
    if let number = number(piece.text) {
      guard unit.bounds.contains(number) else {
        let isNext = number == unit.bounds.upperBound + 1 && unit.bounds.lowerBound == 0 && unit != .weekday
        throw piece.error(
          "\(unit.name) \(number) does not exist: \(unit.bounds.lowerBound) to \(unit.bounds.upperBound)",
          suggestion: isNext ? "0" : nil)
      }
      return number
    }
    let upper = piece.text.uppercased()
    if let index = unit.names.firstIndex(of: upper) { return unit.every.lowerBound + index }
    throw piece.error(complaint(about: upper), suggestion: unit.names.first { $0 == upper.prefix(3) })
  }

  private func complaint(about text: String) -> String {
    if text.hasPrefix("H") { return "`H` is not known: choose the \(unit.name)" }
    if text.hasSuffix("W"), unit == .day { return "`W` (the nearest working day) is not known" }
    if text.contains("#"), unit == .weekday { return "`#` (the nth weekday of a month) is not known" }
    if text.hasSuffix("L"), unit == .weekday { return "`L` stands only in the field of days of the month, alone" }
    if text.hasPrefix("L"), unit == .day { return "`L` stands alone" }
    let names = unit.names.isEmpty ? "" : " or \(unit.names[0]) to \(unit.names[unit.names.count - 1])"
    return "not a \(unit.name): \(unit.bounds.lowerBound) to \(unit.bounds.upperBound)\(names)"
  }

  /// Up to three digits: nothing in an expression is longer.
  private func number(_ text: Substring) -> Int? {
    guard (1...3).contains(text.count), text.allSatisfy({ ("0"..."9").contains($0) }) else { return nil }
    return Int(text)
  }
}
