// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A set of Unicode scalars as sorted ranges that neither overlap nor touch.
struct ScalarSet: Sendable, Hashable {
  struct Range: Sendable, Hashable {
    var low: UInt32
    var high: UInt32
  }

  static let highest: UInt32 = 0x10FFFF
  private(set) var ranges: [Range] = []

  init() {}

  init(_ low: UInt32, _ high: UInt32) { ranges = [Range(low: low, high: high)] }

  init(_ scalar: UInt32) { self.init(scalar, scalar) }

  init(_ scalars: [UInt32]) { self.init(ranges: scalars.map { Range(low: $0, high: $0) }) }

  /// Takes ranges in any order, also overlapping ones.
  init(ranges unsorted: [Range]) {
    for range in unsorted.sorted(by: { $0.low < $1.low }) {
      if let last = ranges.last, range.low <= last.high || range.low == last.high + 1 {
        ranges[ranges.count - 1].high = max(last.high, range.high)
      } else {
        ranges.append(range)
      }
    }
  }

  /// Every scalar for which the predicate holds, by looking at each one: for tables that are built once.
  init(where holds: (Unicode.Scalar.Properties, UInt32) -> Bool) {
    var start: UInt32?
    for value in 0...Self.highest {
      let isIn = Unicode.Scalar(value).map { holds($0.properties, value) } ?? false
      if isIn, start == nil { start = value }
      if !isIn, let low = start {
        ranges.append(Range(low: low, high: value - 1))
        start = nil
      }
    }
    if let start { ranges.append(Range(low: start, high: Self.highest)) }
  }

  var isEmpty: Bool { ranges.isEmpty }

  func contains(_ scalar: UInt32) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].high < scalar { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].low <= scalar
  }

  func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges: ranges + other.ranges) }

  static func union(of sets: [ScalarSet]) -> ScalarSet { ScalarSet(ranges: sets.flatMap(\.ranges)) }

  var inverted: ScalarSet {
    var result = ScalarSet()
    var next: UInt32 = 0
    for range in ranges {
      if range.low > next { result.ranges.append(Range(low: next, high: range.low - 1)) }
      next = range.high + 1
    }
    if next <= Self.highest { result.ranges.append(Range(low: next, high: Self.highest)) }
    return result
  }
}

extension ScalarSet {
  /// Everything.
  static let any = ScalarSet(0, highest)
  static let digits = ScalarSet(0x30, 0x39)
  static let word = ScalarSet(ranges: [
    Range(low: 0x30, high: 0x39), Range(low: 0x41, high: 0x5A), Range(low: 0x5F, high: 0x5F),
    Range(low: 0x61, high: 0x7A),
  ])
  static let newline = ScalarSet(0x0A)
  /// ECMA-262 §12.3, LineTerminator.
  static let lineTerminators = ScalarSet([0x0A, 0x0D, 0x2028, 0x2029])
  /// ECMA-262 §22.2.2.9: WhiteSpace and LineTerminator.
  static let ecmaSpace = ScalarSet(
    ranges: ScalarSet([0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]).ranges
      + [Range(low: 0x2000, high: 0x200A), Range(low: 0xFEFF, high: 0xFEFF)])
  /// RE2's `\s`: `[\t\n\f\r ]`.
  static let re2Space = ScalarSet([0x09, 0x0A, 0x0C, 0x0D, 0x20])

  /// RE2's `[[:name:]]`, all of them in ASCII; nil for a name that does not exist.
  static func posix(_ name: String) -> ScalarSet? {
    let upper = ScalarSet(0x41, 0x5A)
    let lower = ScalarSet(0x61, 0x7A)
    return switch name {
    case "alnum": union(of: [digits, upper, lower])
    case "alpha": upper.union(lower)
    case "ascii": ScalarSet(0, 0x7F)
    case "blank": ScalarSet([0x09, 0x20])
    case "cntrl": ScalarSet(0, 0x1F).union(ScalarSet(0x7F))
    case "digit": digits
    case "graph": ScalarSet(0x21, 0x7E)
    case "lower": lower
    case "print": ScalarSet(0x20, 0x7E)
    case "punct":
      union(of: [
        ScalarSet(0x21, 0x2F), ScalarSet(0x3A, 0x40), ScalarSet(0x5B, 0x60), ScalarSet(0x7B, 0x7E),
      ])
    case "space": ScalarSet(0x09, 0x0D).union(ScalarSet(0x20))
    case "upper": upper
    case "word": word
    case "xdigit": union(of: [digits, ScalarSet(0x41, 0x46), ScalarSet(0x61, 0x66)])
    default: nil
    }
  }
}
