// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension SchemaEvaluation {
  /// Nil for a keyword that is not about objects.
  mutating func evaluate(_ operation: SchemaProgram.Operation, object: JSONObject, tracker: Tracker) -> Bool? {
    switch operation {
    case .members(let number): return checkMembers(object, plan: Int(number), tracker: tracker)
    case .minProperties(let least):
      return object.count >= least
        || fail(.tooFewMembers, .object(object), "\(least)", "the object must have at least \(least) members")
    case .maxProperties(let most):
      return object.count <= most
        || fail(.tooManyMembers, .object(object), "\(most)", "the object must have at most \(most) members")
    case .propertyNames(let node):
      var isValid = true
      for member in object.members where !test(node, .string(member.key)) {
        isValid = fail(
          .memberNameNotAllowed, .string(member.key), "a name that propertyNames allows",
          "the name of the member \(SchemaIssue.quote(.string(member.key))) is not allowed")
        if !collects || isOver { return false }
      }
      return isValid
    case .dependentRequired(let number):
      var isValid = true
      for dependency in program.requirements[Int(number)] where Self.has(dependency.name, object) {
        for name in dependency.dependent where !Self.has(name, object) {
          let (name, cause) = (JSONValue.string(name), JSONValue.string(dependency.name))
          isValid = fail(
            .memberMissing, .object(object), SchemaIssue.quote(name),
            "the member \(name.text()) is required where there is \(cause.text())")
        }
      }
      return isValid
    case .dependentSchemas(let number):
      var isValid = true
      let dependencies = program.dependentSchemas[Int(number)]
      for index in dependencies.indices where Self.has(dependencies[index].name, object) {
        let dependency = dependencies[index]
        isValid =
          check(
            dependency.dependent, .object(object), at: nil, by: .name(dependency.name), ordinal: Int32(index),
            into: tracker) && isValid
        if !isValid, !collects || isOver { return false }
      }
      return isValid
    case .unevaluatedProperties(let node):
      var isValid = true
      for index in object.members.indices where !trackers[tracker].contains(index) {
        let member = object.members[index]
        isValid = check(node, member.value, at: .name(member.key), by: nil) && isValid
        if !isValid, !collects || isOver { return false }
      }
      trackers[tracker].markAll()
      return isValid
    default: return nil
    }
  }

  private static func has(_ name: String, _ object: JSONObject) -> Bool {
    object.members.contains { $0.key.isIdentical(to: name) }
  }

  // MARK: Members

  private mutating func checkMembers(_ object: JSONObject, plan number: Int, tracker: Tracker) -> Bool {
    let ready = program.plans[number]
    var isValid = true
    var required = 0
    var hint = 0
    for index in object.members.indices {
      let found = ready.plan.find(object.members[index].key, hint: hint)
      if found >= 0 {
        hint = found + 1
        if ready.plan.entries[found].isRequired { required += 1 }
      }
      isValid = checkMember(object.members[index], at: index, by: ready, entry: found, tracker: tracker) && isValid
      if !isValid, !collects || isOver { return false }
    }
    guard required < ready.plan.requiredCount else { return isValid }
    return reportMissing(object, plan: ready.plan)
  }

  private mutating func checkMember(
    _ member: JSONObject.Member, at index: Int, by ready: MembersPlan.Ready, entry: Int, tracker: Tracker
  ) -> Bool {
    var isValid = true
    var isEvaluated = false
    if entry >= 0 {
      let node = ready.plan.entries[entry].node
      if node != SchemaProgram.none {
        isEvaluated = true
        let ordinal = ready.plan.entries[entry].ordinal
        rename("properties", ordinal: ready.plan.propertiesOrdinal)
        isValid = check(node, member.value, at: .name(member.key), by: .name(member.key), ordinal: ordinal)
      }
    }
    for rule in ready.plan.rules where matches(rule.pattern, member.key) {
      isEvaluated = true
      if !isValid, !collects { return false }
      rename("patternProperties", ordinal: ready.plan.patternsOrdinal)
      let name = collects ? program.patterns[Int(rule.pattern)].text : ""
      isValid =
        check(rule.node, member.value, at: .name(member.key), by: .name(name), ordinal: rule.ordinal) && isValid
    }
    let additional = ready.plan.additional
    if !isEvaluated, additional != SchemaProgram.none {
      isEvaluated = true
      rename("additionalProperties", ordinal: ready.plan.additionalOrdinal)
      isValid = check(additional, member.value, at: .name(member.key), by: nil)
    }
    if isEvaluated, tracker != Self.noTracker { trackers[tracker].mark(index) }
    return isValid
  }

  private mutating func reportMissing(_ object: JSONObject, plan: MembersPlan) -> Bool {
    guard collects else { return false }
    rename("required", ordinal: plan.requiredOrdinal)
    for entry in plan.entries where entry.isRequired && !Self.has(entry.name, object) {
      let name = SchemaIssue.quote(.string(entry.name))
      _ = fail(.memberMissing, .object(object), name, "the member \(name) is required")
    }
    return false
  }
}
