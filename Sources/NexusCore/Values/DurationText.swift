// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Durations as users write them: `30s`, `5m`, `1h30m`, `250ms`, or a number of seconds.
package enum DurationText {
  /// Longer ones are typing errors; `infinity` has a word of its own where it is allowed.
  package static let longest = Duration.seconds(3650 * 86_400)

  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000),
  ]

  /// Units go from large to small, each at most once; nil for anything else.
  package static func parse(_ text: String) -> Duration? {
    var rest = text[...]
    var total: Int64 = 0
    var next = 0
    if let seconds = ExactDecimal(rest) { return checked(seconds.scaled(byPowerOfTen: 9)) }
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(number.count)
      let unit = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let decimal = ExactDecimal(number), let index = units[next...].firstIndex(where: { $0.name == unit }) else {
        return nil
      }
      next = index + 1
      guard let nanoseconds = product(decimal, units[index].nanoseconds) else { return nil }
      let (sum, overflow) = total.addingReportingOverflow(nanoseconds)
      guard !overflow else { return nil }
      total = sum
    }
    return checked(total)
  }

  private static func product(_ decimal: ExactDecimal, _ nanoseconds: Int64) -> Int64? {
    var divisor: Int64 = 1
    for _ in 0..<min(decimal.scale, 18) { divisor *= 10 }
    let (product, overflow) = decimal.units.multipliedReportingOverflow(by: nanoseconds)
    guard !overflow, decimal.scale <= 18, product % divisor == 0 else { return nil }
    return product / divisor
  }

  private static func checked(_ nanoseconds: Int64?) -> Duration? {
    guard let nanoseconds, nanoseconds >= 0 else { return nil }
    let duration = Duration.nanoseconds(nanoseconds)
    return duration <= longest ? duration : nil
  }

  /// How long somebody still has to wait, in words and rounded up to whole seconds: `42 s`, `1 min 30 s`, `4 h`.
  package static func wait(_ duration: Duration) -> String {
    let seconds = max(0, (duration + .seconds(1) - .nanoseconds(1)).components.seconds)
    switch seconds {
    case ..<60: return "\(seconds) s"
    case ..<3600: return words(seconds / 60, "min", seconds % 60, "s")
    case ..<86_400: return words(seconds / 3600, "h", seconds % 3600 / 60, "min")
    default: return words(seconds / 86_400, "d", seconds % 86_400 / 3600, "h")
    }
  }

  private static func words(_ large: Int64, _ unit: String, _ small: Int64, _ smallUnit: String) -> String {
    "\(large) \(unit)" + (small == 0 ? "" : " \(small) \(smallUnit)")
  }

  /// The shortest form that reads back as the same duration.
  package static func text(_ duration: Duration) -> String {
    let components = duration.components
    var rest = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    let below = components.attoseconds % 1_000_000_000_000_000
    guard below == 0 else {
      let nanoseconds = String(1_000_000_000 + components.attoseconds / 1_000_000_000).dropFirst()
      return "\(components.seconds).\(nanoseconds)"
    }
    guard rest > 0 else { return "0s" }
    var text = ""
    for (name, nanoseconds) in units {
      let unit = nanoseconds / 1_000_000
      if rest >= unit {
        text += "\(rest / unit)\(name)"
        rest %= unit
      }
    }
    return text
  }
}
