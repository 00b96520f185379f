// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension RuleValue {
  /// Whether two values are equal by the language, within the standard limits; values beyond them are not.
  package func isEqual(to other: RuleValue) -> Bool {
    var meter = Meter(cost: RuleLimits.maxGateCost, memory: 0)
    return (try? Self.areEqual(self, other, &meter)) ?? false
  }

  /// Whether two values are equal by the language: of different types never, except numbers of the same value.
  ///
  /// Every step is paid for, so that comparing what shares its parts cannot take longer than the limit allows.
  static func areEqual(_ left: RuleValue, _ right: RuleValue, _ meter: inout Meter, depth: Int = 0) throws(RuleFault)
    -> Bool
  {
    switch (left, right) {
    case (.string(let left), .string(let right)):
      try meter.walk(min(left.utf8.count, right.utf8.count))
      return left.hasSameScalars(as: right)
    case (.int(let left), .int(let right)): return left == right
    case (.double(let left), .double(let right)): return left == right
    case (.bool(let left), .bool(let right)): return left == right
    case (.null, .null): return true
    case (.uint(let left), .uint(let right)): return left == right
    case (.bytes(let left), .bytes(let right)):
      try meter.walk(min(left.count, right.count))
      return left == right
    case (.type(let left), .type(let right)): return left.hasSameScalars(as: right)
    case (.timestamp(let left), .timestamp(let right)): return left == right
    case (.duration(let left), .duration(let right)): return left == right
    case (.list(let left), .list(let right)): return try areEqual(left, right, &meter, depth: depth)
    case (.map(let left), .map(let right)): return try areEqual(left, right, &meter, depth: depth)
    case (.boxed(let left), .boxed(let right)): return try areEqual(left, right, &meter, depth: depth)
    default: return NumberOrder(left, right) == .equal
    }
  }

  private static func areEqual(_ left: [RuleValue], _ right: [RuleValue], _ meter: inout Meter, depth: Int)
    throws(RuleFault) -> Bool
  {
    guard left.count == right.count else { return false }
    try meter.descend(to: depth)
    for index in left.indices {
      try meter.spend(1)
      guard try areEqual(left[index], right[index], &meter, depth: depth + 1) else { return false }
    }
    return true
  }

  private static func areEqual(_ left: RuleMap, _ right: RuleMap, _ meter: inout Meter, depth: Int)
    throws(RuleFault) -> Bool
  {
    guard left.count == right.count else { return false }
    try meter.descend(to: depth)
    for entry in left.entries {
      try meter.spend(1)
      try meter.walk(key: entry.key)
      guard let other = right.value(for: entry.key),
        try areEqual(entry.value, other, &meter, depth: depth + 1)
      else { return false }
    }
    return true
  }

  private static func areEqual(_ left: RuleValueBox, _ right: RuleValueBox, _ meter: inout Meter, depth: Int)
    throws(RuleFault) -> Bool
  {
    switch (left, right) {
    case (.optional(nil), .optional(nil)): return true
    case (.optional(let left?), .optional(let right?)):
      try meter.descend(to: depth)
      return try areEqual(left, right, &meter, depth: depth + 1)
    case (.address(let left), .address(let right)): return left == right
    case (.network(let left), .network(let right)): return left == right
    default: return false
    }
  }
}
