// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What an evaluation may still spend.
struct Meter {
  /// What an operation costs that has no larger price.
  static let unit = 1
  /// What building a list costs.
  static let listCost = 10
  /// What building a map costs.
  static let mapCost = 30
  /// Characters that are walked for one unit.
  static let charactersPerUnit = 10
  /// Characters of a pattern for one unit of its factor.
  static let patternCharactersPerUnit = 4
  /// Bytes that a value in a list or map is counted as.
  static let valueBytes = 24

  private(set) var cost: Int
  private(set) var memory: Int
  private let costLimit: Int
  private let memoryLimit: Int

  init(cost: Int, memory: Int) {
    (self.cost, costLimit) = (cost, cost)
    (self.memory, memoryLimit) = (memory, memory)
  }

  var spent: Int { costLimit - max(0, cost) }

  mutating func spend(_ units: Int) throws(RuleFault) {
    cost = units > cost ? -1 : cost - units
    if cost < 0 { throw RuleFault(.costExceeded, "the rule needs more than \(costLimit) units of work") }
  }

  /// Pays for looking at that many characters or bytes.
  mutating func walk(_ count: Int) throws(RuleFault) {
    if count >= Self.charactersPerUnit { try spend(count / Self.charactersPerUnit) }
  }

  /// Pays for looking a key up: each of its bytes is looked at.
  mutating func walk(key: RuleValue) throws(RuleFault) {
    if case .string(let text) = key { try walk(text.utf8.count) }
  }

  mutating func allocate(_ bytes: Int) throws(RuleFault) {
    memory = bytes > memory ? -1 : memory - bytes
    if memory < 0 { throw RuleFault(.memoryExceeded, "the rule builds more than \(memoryLimit) bytes of values") }
  }

  /// Takes the memory of that many values.
  mutating func allocate(values count: Int) throws(RuleFault) {
    let (bytes, overflows) = count.multipliedReportingOverflow(by: Self.valueBytes)
    try allocate(overflows ? .max : bytes)
  }

  func descend(to depth: Int) throws(RuleFault) {
    if depth >= RuleLimits.maxValueDepth {
      throw RuleFault(.depthExceeded, "a value is nested deeper than \(RuleLimits.maxValueDepth) levels")
    }
  }
}
