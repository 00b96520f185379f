// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension SchemaEvaluation {
  // MARK: Texts

  /// Nil for a keyword that is not about texts.
  mutating func evaluate(_ operation: SchemaProgram.Operation, text: String) -> Bool? {
    switch operation {
    case .minLength(let least):
      // A scalar takes at most four bytes.
      if text.utf8.count / 4 >= least { return true }
      return Self.scalarCount(text) >= least
        || fail(.tooShort, .string(text), "\(least)", "the text must have at least \(least) characters")
    case .maxLength(let most):
      if text.utf8.count <= most { return true }
      return Self.scalarCount(text) <= most
        || fail(.tooLong, .string(text), "\(most)", "the text must have at most \(most) characters")
    case .pattern(let number):
      if matches(number, text) { return true }
      let pattern = collects ? program.patterns[Int(number)].text : ""
      return fail(.patternNotFound, .string(text), SchemaIssue.cut(pattern), "the text must match the pattern")
    case .format(let format):
      return format.accepts(text)
        || fail(.notInFormat, .string(text), format.rawValue, "the text must be of the format \(format.rawValue)")
    case .content(let isBase64, let isJSON):
      return EncodedContent.isReadable(text, isBase64: isBase64, isJSON: isJSON)
        || fail(
          .contentNotReadable, .string(text), isJSON ? "application/json" : "base64",
          "the text must hold \(isJSON ? "JSON" : "base64")")
    default: return nil
    }
  }

  /// Every byte but the continuing ones begins a scalar.
  private static func scalarCount(_ text: String) -> Int {
    let bytes = text.utf8.span
    var count = 0
    for index in bytes.indices where bytes[index] & 0xC0 != 0x80 { count += 1 }
    return count
  }

  // MARK: Numbers

  /// Nil for a keyword that is not about numbers.
  mutating func evaluate(_ operation: SchemaProgram.Operation, number value: JSONValue) -> Bool? {
    switch operation {
    case .minimum(let number):
      let bound = program.numbers[Int(number)].value
      return !SchemaNumber.isLess(value, bound)
        || fail(.tooSmall, value, bound.text(), "the number must be at least \(bound.text())")
    case .maximum(let number):
      let bound = program.numbers[Int(number)].value
      return !SchemaNumber.isLess(bound, value)
        || fail(.tooLarge, value, bound.text(), "the number must be at most \(bound.text())")
    case .exclusiveMinimum(let number):
      let bound = program.numbers[Int(number)].value
      return SchemaNumber.isLess(bound, value)
        || fail(.tooSmall, value, bound.text(), "the number must be greater than \(bound.text())")
    case .exclusiveMaximum(let number):
      let bound = program.numbers[Int(number)].value
      return SchemaNumber.isLess(value, bound)
        || fail(.tooLarge, value, bound.text(), "the number must be less than \(bound.text())")
    case .multipleOf(let number):
      let divisor = program.numbers[Int(number)]
      return divisor.divides(value)
        || fail(
          .notAMultiple, value, divisor.value.text(), "the number must be a multiple of \(divisor.value.text())")
    default: return nil
    }
  }

  // MARK: Arrays

  /// Nil for a keyword that is not about arrays.
  mutating func evaluate(_ operation: SchemaProgram.Operation, elements: [JSONValue], tracker: Tracker) -> Bool? {
    switch operation {
    case .minItems(let least):
      return elements.count >= least
        || fail(.tooFewItems, .array(elements), "\(least)", "the array must have at least \(least) items")
    case .maxItems(let most):
      return elements.count <= most
        || fail(.tooManyItems, .array(elements), "\(most)", "the array must have at most \(most) items")
    case .uniqueItems: return checkUnique(elements)
    case .prefixItems(let list):
      let count = min(Int(list.count), elements.count)
      var isValid = true
      for index in 0..<count {
        let node = program.lists[Int(list.first) + index]
        isValid =
          check(node, elements[index], at: .index(index), by: .index(index), ordinal: Int32(index)) && isValid
        if !isValid, !collects || isOver { return false }
      }
      if tracker != Self.noTracker { trackers[tracker].mark(upTo: count) }
      return isValid
    case .items(let node, let first):
      var isValid = true
      for index in stride(from: Int(first), to: elements.count, by: 1) {
        isValid = check(node, elements[index], at: .index(index), by: nil) && isValid
        if !isValid, !collects || isOver { return false }
      }
      if tracker != Self.noTracker { trackers[tracker].markAll() }
      return isValid
    case .contains(let node, let least, let most, let marks):
      return checkContained(elements, node: node, least: least, most: most, tracker: marks ? tracker : Self.noTracker)
    case .unevaluatedItems(let node):
      var isValid = true
      for index in elements.indices where !trackers[tracker].contains(index) {
        isValid = check(node, elements[index], at: .index(index), by: nil) && isValid
        if !isValid, !collects || isOver { return false }
      }
      trackers[tracker].markAll()
      return isValid
    default: return nil
    }
  }

  private mutating func checkContained(
    _ elements: [JSONValue], node: NodeNumber, least: Int, most: Int, tracker: Tracker
  ) -> Bool {
    var count = 0
    for index in elements.indices where test(node, elements[index]) {
      count += 1
      if tracker != Self.noTracker {
        trackers[tracker].mark(index)
      } else if count >= least, most == .max {
        return true
      }
    }
    if count < least {
      return fail(
        .tooFewContained, .array(elements), "\(least)", "at least \(least) items must match the schema in contains")
    }
    return count <= most
      || fail(.tooManyContained, .array(elements), "\(most)", "at most \(most) items may match the schema in contains")
  }

  private mutating func checkUnique(_ elements: [JSONValue]) -> Bool {
    guard let (first, second) = Self.firstEqualPair(elements) else { return true }
    return fail(
      .itemsNotUnique, elements[second], "unique items", "the items \(first) and \(second), counted from 0, are equal")
  }

  private static func firstEqualPair(_ elements: [JSONValue]) -> (Int, Int)? {
    // Comparing few with each other costs less than hashing them.
    if elements.count <= 6 {
      for second in elements.indices.dropFirst() {
        for first in 0..<second where elements[first] == elements[second] { return (first, second) }
      }
      return nil
    }
    var seen: [JSONValue: Int] = [:]
    for (index, element) in elements.enumerated() {
      if let first = seen.updateValue(index, forKey: element) { return (first, index) }
    }
    return nil
  }
}
