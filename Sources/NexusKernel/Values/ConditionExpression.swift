// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What a condition is made of.
indirect enum ConditionExpression: Sendable, Hashable {
  case literal(JSONValue)
  case reference(Reference)
  case list([ConditionExpression])
  case not(ConditionExpression)
  /// At least two.
  case all([ConditionExpression])
  /// At least two.
  case any([ConditionExpression])
  case compared(ConditionExpression, Comparison, ConditionExpression)

  enum Comparison: String, Sendable, CaseIterable {
    // The longer marks first: the parser takes the first that fits.
    case equal = "=="
    case unequal = "!="
    case atMost = "<="
    case atLeast = ">="
    case below = "<"
    case above = ">"
    case isIn = "in"
  }

  func collect(_ found: inout [Reference]) {
    switch self {
    case .literal: break
    case .reference(let reference): found.append(reference)
    case .list(let elements), .all(let elements), .any(let elements):
      for element in elements { element.collect(&found) }
    case .not(let inner): inner.collect(&found)
    case .compared(let left, _, let right):
      left.collect(&found)
      right.collect(&found)
    }
  }

  // MARK: Evaluation

  func holds(in scope: some ValueScope) throws(RunError) -> Bool {
    switch try value(in: scope) {
    case .bool(let value): return value
    case let other: throw mismatch("`\(text)` is \(other.kindWord), and a condition needs true or false")
    }
  }

  private func value(in scope: some ValueScope) throws(RunError) -> JSONValue {
    switch self {
    case .literal(let value): return value
    case .reference(let reference): return try reference.value(in: scope)
    case .list(let elements):
      var values: [JSONValue] = []
      for element in elements { values.append(try element.value(in: scope)) }
      return .array(values)
    case .not(let inner): return .bool(!(try inner.holds(in: scope)))
    case .all(let sides): return .bool(try Self.decide(sides, by: false, in: scope))
    case .any(let sides): return .bool(try Self.decide(sides, by: true, in: scope))
    case .compared(let left, let comparison, let right):
      return .bool(try Self.compare(left, comparison, right, in: scope))
    }
  }

  /// The value that decides, if one side has it, whatever becomes of the others; else the first error, if there is one.
  private static func decide(
    _ sides: [ConditionExpression], by decisive: Bool, in scope: some ValueScope
  ) throws(RunError) -> Bool {
    var failure: RunError?
    for side in sides {
      do throws(RunError) {
        if try side.holds(in: scope) == decisive { return decisive }
      } catch {
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return !decisive
  }

  private static func compare(
    _ left: ConditionExpression, _ comparison: Comparison, _ right: ConditionExpression, in scope: some ValueScope
  ) throws(RunError) -> Bool {
    switch comparison {
    case .equal, .unequal:
      let mayBeMissing = left == .literal(.null) || right == .literal(.null)
      let isEqual =
        try left.operand(in: scope, mayBeMissing: mayBeMissing)
        == right.operand(in: scope, mayBeMissing: mayBeMissing)
      return isEqual == (comparison == .equal)
    case .isIn: return try isIn(left, right, in: scope)
    case .below, .atMost, .above, .atLeast:
      let (first, second) = (try left.value(in: scope), try right.value(in: scope))
      guard let order = first.order(to: second) else {
        throw mismatch(
          "`\(comparison.rawValue)` orders two numbers or two texts, and `\(left.text)` is \(first.kindWord), "
            + "`\(right.text)` is \(second.kindWord)")
      }
      switch comparison {
      case .below: return order < 0
      case .atMost: return order <= 0
      case .above: return order > 0
      default: return order >= 0
      }
    }
  }

  private func operand(in scope: some ValueScope, mayBeMissing: Bool) throws(RunError) -> JSONValue {
    guard mayBeMissing, case .reference(let reference) = self else { return try value(in: scope) }
    return reference.valueIfPresent(in: scope) ?? .null
  }

  private static func isIn(
    _ left: ConditionExpression, _ right: ConditionExpression, in scope: some ValueScope
  ) throws(RunError) -> Bool {
    let (element, container) = (try left.value(in: scope), try right.value(in: scope))
    switch (element, container) {
    case (_, .array(let elements)): return elements.contains(element)
    case (.string(let key), .object(let object)): return object[key] != nil
    default:
      throw mismatch(
        "`in` looks for a value in a list or for a key in an object, and `\(left.text)` is \(element.kindWord), "
          + "`\(right.text)` is \(container.kindWord)")
    }
  }

  // MARK: Messages

  private func mismatch(_ message: String) -> RunError { Self.mismatch(message) }

  private static func mismatch(_ message: String) -> RunError {
    RunError(code: "NX-RUN-021", message: message, isRetryable: false)
  }

  /// As a person would write it, with a bracket around everything that is composed.
  var text: String {
    switch self {
    case .literal(let value): value.text()
    case .reference(let reference): reference.text
    case .list(let elements): "[" + elements.map(\.text).joined(separator: ", ") + "]"
    case .not(let inner): "!" + inner.text
    case .all(let sides): "(" + sides.map(\.text).joined(separator: " && ") + ")"
    case .any(let sides): "(" + sides.map(\.text).joined(separator: " || ") + ")"
    case .compared(let left, let comparison, let right): "(\(left.text) \(comparison.rawValue) \(right.text))"
    }
  }
}

extension JSONValue {
  /// Below, at or above zero as this comes before, with or behind the other; nil if the two have no order.
  ///
  /// Numbers are compared exactly, also where a double could not hold the integer; texts by code points.
  func order(to other: JSONValue) -> Int? {
    switch (self, other) {
    case (.int(let left), .int(let right)): Self.sign(left, right)
    case (.double(let left), .double(let right)): left.isNaN || right.isNaN ? nil : Self.sign(left, right)
    case (.int(let left), .double(let right)): Self.order(left, right)
    case (.double(let left), .int(let right)): Self.order(right, left).map { -$0 }
    case (.string(let left), .string(let right)):
      left.isIdentical(to: right)
        ? 0 : left.unicodeScalars.lexicographicallyPrecedes(right.unicodeScalars) ? -1 : 1
    default: nil
    }
  }

  private static func sign<Number: Comparable>(_ left: Number, _ right: Number) -> Int {
    left < right ? -1 : left == right ? 0 : 1
  }

  private static func order(_ whole: Int64, _ number: Double) -> Int? {
    if number.isNaN { return nil }
    guard let cut = Int64(exactly: number.rounded(.towardZero)) else { return number < 0 ? 1 : -1 }
    if whole != cut { return sign(whole, cut) }
    return sign(0, number - number.rounded(.towardZero))
  }
}
