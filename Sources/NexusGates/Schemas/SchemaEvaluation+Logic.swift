// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension SchemaEvaluation {
  /// Keywords that apply schemas to the very instance; keywords about other kinds of values say nothing of this one.
  mutating func evaluate(logic operation: SchemaProgram.Operation, _ value: JSONValue, tracker: Tracker) -> Bool {
    switch operation {
    case .reference(let node): return check(node, value, at: nil, by: nil, into: tracker)
    case .dynamicReference(let number): return check(target(number), value, at: nil, by: nil, into: tracker)
    case .allOf(let list):
      var isValid = true
      for index in 0..<Int(list.count) {
        let node = program.lists[Int(list.first) + index]
        isValid = check(node, value, at: nil, by: .index(index), ordinal: Int32(index), into: tracker) && isValid
        if !isValid, !collects || isOver { return false }
      }
      return isValid
    case .anyOf(let list): return checkAny(list, value, tracker: tracker)
    case .oneOf(let list): return checkOne(list, value, tracker: tracker)
    case .not(let node):
      return !test(node, value)
        || fail(
          .forbiddenAlternative, value, "a value that does not match", "the value must not match the schema in not")
    case .conditional(let condition, let then, let otherwise):
      let holds = testMarking(condition, value, tracker: tracker)
      let branch = holds ? then : otherwise
      guard branch != SchemaProgram.none else { return true }
      rename(holds ? "then" : "else", ordinal: 0)
      return check(branch, value, at: nil, by: nil, into: tracker)
    default: return true
    }
  }

  /// Tests, and lets the tracker know what a schema that matched has evaluated.
  private mutating func testMarking(_ node: NodeNumber, _ value: JSONValue, tracker: Tracker) -> Bool {
    guard tracker != Self.noTracker else { return test(node, value) }
    let own = trackers.count
    trackers.append(EvaluatedParts())
    let holds = test(node, value, into: own)
    let parts = trackers.removeLast()
    if holds { trackers[tracker].formUnion(parts) }
    return holds
  }

  private mutating func checkAny(_ list: SchemaProgram.NodeList, _ value: JSONValue, tracker: Tracker) -> Bool {
    var isValid = false
    for index in 0..<Int(list.count) {
      guard testMarking(program.lists[Int(list.first) + index], value, tracker: tracker) else { continue }
      if tracker == Self.noTracker { return true }
      isValid = true
    }
    return isValid || failAlternatives(list, value)
  }

  private mutating func checkOne(_ list: SchemaProgram.NodeList, _ value: JSONValue, tracker: Tracker) -> Bool {
    var matching: Int?
    for index in 0..<Int(list.count) {
      let node = program.lists[Int(list.first) + index]
      guard matching != nil ? test(node, value) : testMarking(node, value, tracker: tracker) else { continue }
      if let first = matching {
        return fail(
          .severalAlternatives, value, "exactly one of \(list.count)",
          "the value must match exactly one of \(list.count) schemas, but matches those at \(first) and \(index)")
      }
      matching = index
    }
    return matching != nil || failAlternatives(list, value)
  }

  /// No schema of several matches: says so, and what is wrong by the only one that the value can have been meant for.
  ///
  /// That is the one that finds no fault with the value as a whole, with its type or with a constant in it.
  private mutating func failAlternatives(_ list: SchemaProgram.NodeList, _ value: JSONValue) -> Bool {
    guard collects, !isOver else { return false }
    _ = fail(
      .noAlternative, value, "one of \(list.count) schemas", "the value matches none of \(list.count) schemas")
    let before = issues
    let depth = before.last?.instancePath.count ?? 0
    var meant: [[SchemaIssue]] = []
    for index in 0..<Int(list.count) {
      issues = []
      let node = program.lists[Int(list.first) + index]
      _ = check(node, value, at: nil, by: .index(index), ordinal: Int32(index))
      let rules = issues.contains { issue in
        [.notTheConstant, .notInEnumeration].contains(issue.code)
          || issue.instancePath.count == depth && [.wrongType, .notAllowed].contains(issue.code)
      }
      if !rules { meant.append(issues) }
    }
    issues = before
    if meant.count == 1 { issues += meant[0].prefix(SchemaLimits.maxIssues - issues.count) }
    return false
  }
}
