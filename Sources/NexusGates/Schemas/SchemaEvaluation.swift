// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// One validation: walks an instance and a program together.
///
/// It either only answers, and stops at the first issue, or collects all issues with their paths.
struct SchemaEvaluation {
  typealias NodeNumber = SchemaProgram.NodeNumber
  typealias Tracker = Int

  /// Nobody asks which parts were evaluated.
  static let noTracker: Tracker = -1

  let program: SchemaProgram
  let isDynamic: Bool
  var collects: Bool
  var issues: [SchemaIssue] = []
  private(set) var isCutOff = false
  /// The limit that was passed, if one was: from then on every answer is no, and means nothing.
  private(set) var passedLimit: String?
  var trackers: [EvaluatedParts] = []
  private var depth = 0
  private var evaluations = 0
  private let instance: JSONValue
  /// What may still come without a look at how large the instance is.
  private var maxEvaluations = SchemaLimits.usualEvaluations
  private var isMeasured = false
  private var patternSteps = SchemaLimits.maxPatternSteps
  /// The resources entered, the outermost first, for dynamic references.
  private var scopes: [Int32] = []
  private var instancePath: [PathPart] = []
  private var schemaPath: [PathPart] = []
  /// Which parts of the schema path are keywords.
  private var keywordPlaces: [Int] = []
  private var ordinals: [Int32] = []

  /// An evaluation of the instance, which `check` is given.
  init(_ program: SchemaProgram, of instance: JSONValue, collects: Bool) {
    self.program = program
    self.instance = instance
    self.collects = collects
    isDynamic = !program.dynamicTargets.isEmpty
  }

  /// Whether the value is valid against the subschema; the tracker learns which parts were evaluated.
  mutating func check(_ number: NodeNumber, _ value: JSONValue, into tracker: Tracker) -> Bool {
    let node = program.nodes[Int(number)]
    if node.first == node.end { return true }
    evaluations += 1
    depth += 1
    defer { depth -= 1 }
    if evaluations > maxEvaluations { measure() }
    guard depth <= SchemaLimits.maxEvaluationDepth, evaluations <= maxEvaluations else {
      passLimit()
      return false
    }
    guard node.tracks || isDynamic else { return run(node, value, tracker: tracker) }
    return checkSlowly(node, value, into: tracker)
  }

  /// With a scope for dynamic references, and a tracker of its own where keywords ask for evaluated parts.
  private mutating func checkSlowly(_ node: SchemaProgram.Node, _ value: JSONValue, into tracker: Tracker) -> Bool {
    let isNewScope = isDynamic && scopes.last != node.resource
    if isNewScope { scopes.append(node.resource) }
    defer { if isNewScope { scopes.removeLast() } }
    guard node.tracks else { return run(node, value, tracker: tracker) }
    let own = trackers.count
    trackers.append(EvaluatedParts())
    let isValid = run(node, value, tracker: own)
    let parts = trackers.removeLast()
    if isValid, tracker != Self.noTracker { trackers[tracker].formUnion(parts) }
    return isValid
  }

  private mutating func run(_ node: SchemaProgram.Node, _ value: JSONValue, tracker: Tracker) -> Bool {
    var isValid = true
    for place in Int(node.first)..<Int(node.end) {
      let keyword = program.keywords[place]
      // What was evaluated is not known of a schema that already failed.
      if !isValid, keyword.operation.isLate { continue }
      guard !collects else {
        enter(keyword: keyword)
        isValid = evaluate(keyword.operation, value, tracker: tracker) && isValid
        leave(keyword: keyword)
        continue
      }
      guard evaluate(keyword.operation, value, tracker: tracker) else { return false }
    }
    return isValid
  }

  private mutating func evaluate(_ operation: SchemaProgram.Operation, _ value: JSONValue, tracker: Tracker) -> Bool {
    switch value {
    case .string(let text):
      if let answer = evaluate(operation, text: text) { return answer }
    case .int, .double:
      if let answer = evaluate(operation, number: value) { return answer }
    case .array(let elements):
      if let answer = evaluate(operation, elements: elements, tracker: tracker) { return answer }
    case .object(let object):
      if let answer = evaluate(operation, object: object, tracker: tracker) { return answer }
    default: break
    }
    switch operation {
    case .never:
      let sentence = collects ? refusal : ""
      return fail(.notAllowed, value, "nothing", sentence)
    case .type(let types):
      guard !types.allows(value) else { return true }
      guard collects else { return false }
      let names = SchemaTypeSet.named.filter { types.contains($0.type) }.map(\.name).joined(separator: " or ")
      return fail(.wrongType, value, names, "the value must be of type \(names)")
    case .const(let number):
      let constant = program.values[Int(number)]
      return value == constant
        || fail(.notTheConstant, value, SchemaIssue.quote(constant), "the value must be the one that the schema names")
    case .enumeration(let number):
      let enumeration = program.enumerations[Int(number)]
      return enumeration.contains(value)
        || fail(
          .notInEnumeration, value, SchemaIssue.quote(.array(enumeration.values)),
          "the value must be one of those that the schema lists")
    default: return evaluate(logic: operation, value, tracker: tracker)
    }
  }

  /// What to say where nothing is allowed.
  private var refusal: String {
    switch instancePath.last {
    case .name(let name): "the member \(SchemaIssue.quote(.string(name))) is not allowed"
    case .index(let index): "the item at \(index), counted from 0, is not allowed"
    case nil: "nothing is allowed"
    }
  }

  // MARK: Limits

  private mutating func measure() {
    guard !isMeasured else { return }
    isMeasured = true
    maxEvaluations = min(
      SchemaLimits.maxEvaluations,
      SchemaLimits.usualEvaluations + instance.valueCount * SchemaLimits.evaluationsOfValue)
  }

  private mutating func passLimit() {
    guard passedLimit == nil else { return }
    passedLimit =
      depth > SchemaLimits.maxEvaluationDepth
      ? "schemas are entered more than \(SchemaLimits.maxEvaluationDepth) deep"
      : "more than \(maxEvaluations) subschemas are evaluated for an instance of this size"
  }

  /// Whether a pattern of the program occurs in the text.
  mutating func matches(_ pattern: Int32, _ text: String) -> Bool {
    if let answer = program.patterns[Int(pattern)].matches(text, steps: &patternSteps) { return answer }
    if passedLimit == nil { passedLimit = "patterns take more than \(SchemaLimits.maxPatternSteps) steps" }
    return false
  }

  /// Once a limit is passed nothing more needs to be looked at.
  var isOver: Bool { passedLimit != nil }

  // MARK: Scopes

  /// The target of a dynamic reference: in the outermost scope that has one.
  func target(_ number: Int32) -> NodeNumber {
    let target = program.dynamicTargets[Int(number)]
    for scope in scopes {
      if let found = target.byResource[scope] { return found }
    }
    return target.fallback
  }

  // MARK: Paths and issues

  private mutating func enter(keyword: SchemaProgram.Keyword) {
    if case .never = keyword.operation { return }
    keywordPlaces.append(schemaPath.count)
    schemaPath.append(.name(program.names[Int(keyword.name)]))
    ordinals.append(keyword.ordinal)
  }

  private mutating func leave(keyword: SchemaProgram.Keyword) {
    if case .never = keyword.operation { return }
    keywordPlaces.removeLast()
    schemaPath.removeLast()
    ordinals.removeLast()
  }

  /// Names the keyword anew where one operation stands for several.
  mutating func rename(_ keyword: String, ordinal: Int32) {
    guard collects else { return }
    schemaPath[schemaPath.count - 1] = .name(keyword)
    ordinals[ordinals.count - 1] = ordinal
  }

  /// Checks a part of the instance against a part of the keyword's value.
  mutating func check(
    _ number: NodeNumber, _ value: JSONValue, at instancePart: @autoclosure () -> PathPart?,
    by schemaPart: @autoclosure () -> PathPart?, ordinal: Int32 = 0, into tracker: Tracker = Self.noTracker
  ) -> Bool {
    guard collects else { return check(number, value, into: tracker) }
    let (instancePart, schemaPart) = (instancePart(), schemaPart())
    if let instancePart { instancePath.append(instancePart) }
    if let schemaPart {
      schemaPath.append(schemaPart)
      ordinals.append(ordinal)
    }
    let isValid = check(number, value, into: tracker)
    if instancePart != nil { instancePath.removeLast() }
    if schemaPart != nil {
      schemaPath.removeLast()
      ordinals.removeLast()
    }
    return isValid
  }

  /// Only the answer, whatever is being collected.
  mutating func test(_ number: NodeNumber, _ value: JSONValue, into tracker: Tracker = Self.noTracker) -> Bool {
    let collected = collects
    collects = false
    defer { collects = collected }
    return check(number, value, into: tracker)
  }

  /// Notes an issue, if they are collected; always false, so that it can be returned.
  mutating func fail(
    _ code: SchemaIssue.Code, _ value: @autoclosure () -> JSONValue, _ expected: @autoclosure () -> String,
    _ message: @autoclosure () -> String
  ) -> Bool {
    guard collects, passedLimit == nil else { return false }
    guard issues.count < SchemaLimits.maxIssues else {
      isCutOff = true
      return false
    }
    var keyword = ""
    if let place = keywordPlaces.last, case .name(let name) = schemaPath[place] { keyword = name }
    issues.append(
      SchemaIssue(
        code: code, instancePath: instancePath, schemaPath: schemaPath, keyword: keyword, expected: expected(),
        got: SchemaIssue.quote(value()), message: SchemaIssue.cut(message()), ordinals: ordinals))
    return false
  }

  /// What was collected, in its order.
  var outcome: SchemaOutcome {
    if let passedLimit {
      let issue = SchemaIssue(
        code: .limitPassed, instancePath: [], schemaPath: [], keyword: "", expected: "", got: "",
        message: "the validation passed its limit: \(passedLimit)", ordinals: [])
      return SchemaOutcome(issues: [issue], isCutOff: true)
    }
    return SchemaOutcome(issues: issues.sorted(by: SchemaIssue.precedes), isCutOff: isCutOff)
  }
}
