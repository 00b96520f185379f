// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The types of what boundaries may name.
enum ActionTypes {
  static let tool = RuleType.object(
    .init(fields: [("effect", .string), ("labels", .list(.string)), ("egress", .bool)], others: nil))

  static let past = RuleType.object(
    .init(
      fields: [
        ("tool", .string), ("effect", .string), ("labels", .list(.string)), ("egress", .bool), ("state", .string),
        ("step", .string), ("at", .timestamp),
      ], others: nil))

  static let run = RuleType.object(
    .init(fields: [("id", .string), ("agent", .string), ("step", .string), ("attempt", .int)], others: nil))

  static let budget = RuleType.object(
    .init(fields: [("used", .double), ("dollarsLeft", .double), ("tokensLeft", .double)], others: nil))

  static func environment(arguments: RuleType) -> RuleEnvironment {
    RuleEnvironment(
      variables: [
        RuleVariable("args", arguments), RuleVariable("tool", .string), RuleVariable("tools", .map(.string, tool)),
        RuleVariable("history", .list(past)), RuleVariable("run", run),
        RuleVariable("budget", budget), RuleVariable("now", .timestamp),
      ])
  }

  static func value(of tool: ToolDeclaration) -> RuleValue {
    .map(RuleMap(distinct: members(of: tool)))
  }

  private static func members(of tool: ToolDeclaration) -> [RuleMap.Entry] {
    [
      .init(key: .string("effect"), value: .string(tool.effect.rawValue)),
      .init(key: .string("labels"), value: .list(tool.labels.map { .string($0) })),
      .init(key: .string("egress"), value: .bool(tool.egress)),
    ]
  }

  /// What was done before; of a tool that is not declared any more, the worst is thought.
  static func value(of past: PastAction, _ spec: GovernanceSpec) -> RuleValue {
    var entries: [RuleMap.Entry] = [
      .init(key: .string("tool"), value: .string(past.tool)),
      .init(key: .string("state"), value: .string(past.state)),
      .init(key: .string("step"), value: .string(past.step.text)),
    ]
    entries += members(of: spec.tools[past.tool] ?? ToolDeclaration())
    if let at = Timestamp(past.at) { entries.append(.init(key: .string("at"), value: .timestamp(at))) }
    return .map(RuleMap(distinct: entries))
  }
}

/// One boundary, ready to be asked.
struct CompiledBoundary: Sendable {
  let spec: BoundarySpec
  let environment: RuleEnvironment
  let argumentType: RuleType
  let match: CompiledRule?
  let permit: CompiledRule?
  let forbid: CompiledRule?
  let requireApproval: CompiledRule?

  /// Nil if there are problems, which are added.
  init?(_ boundary: BoundarySpec, at index: Int, _ spec: GovernanceSpec, problems: inout [BoundaryProblem]) {
    // A boundary of one tool alone is checked against that one's schema.
    let only = boundary.match.flatMap(Self.onlyTool)
    let schema = only.flatMap { spec.tools[$0]?.schema }
    let argumentType = schema.map { SchemaTypes(schema: $0).type } ?? .dyn
    let environment = ActionTypes.environment(arguments: argumentType)
    func compile(_ text: String?, _ part: BoundaryProblem.Part) -> CompiledRule? {
      guard let text else { return nil }
      do {
        let rule = try CompiledRule(text, in: environment)
        if rule.type == .bool || rule.type == .dyn || rule.type == .error { return rule }
        let complaint = LocatedComplaint(.type, "it has to be a bool, and is another type", at: 0)
        problems += RuleDiagnostics([complaint], in: text).all.map {
          .init(boundary: index, part: part, diagnostic: $0)
        }
      } catch {
        problems += error.all.map { .init(boundary: index, part: part, diagnostic: $0) }
      }
      return nil
    }
    let before = problems.count
    match = compile(boundary.match, .match)
    permit = compile(boundary.permit, .permit)
    forbid = compile(boundary.forbid, .forbid)
    requireApproval = compile(boundary.requireApproval, .requireApproval)
    guard problems.count == before else { return nil }
    self.spec = boundary
    self.environment = environment
    self.argumentType = argumentType
  }

  /// The tool of `tool == 'name'`, written as just that.
  static func onlyTool(_ match: String) -> String? {
    let words = match.split(separator: "==", omittingEmptySubsequences: false).map { $0.drop { $0 == " " } }
    guard words.count == 2, String(words[0]).filter({ $0 != " " }) == "tool" else { return nil }
    var name = String(words[1])
    while name.hasSuffix(" ") { name.removeLast() }
    guard let quote = name.first, quote == "'" || quote == "\"", name.last == quote, name.count > 2 else { return nil }
    name = String(name.dropFirst().dropLast())
    return name.utf8.contains { $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
      ? nil : name
  }
}

/// The boundaries asked about one action, one after the other, within one cost.
struct BoundaryRun {
  private let action: ProposedAction
  private let values: [String: RuleValue]
  private let limits: RuleLimits
  private var cost = 0

  enum Opinion {
    case says(permits: Bool, asks: Bool)
    case forbids(code: String, reason: String)
  }

  private struct Fault: Error {
    let message: String
  }

  init(action: ProposedAction, spec: GovernanceSpec, tools: RuleValue, limits: RuleLimits) {
    self.action = action
    self.limits = limits
    var values: [String: RuleValue] = [
      "tool": .string(action.tool), "tools": tools,
      "history": .list(action.history.map { ActionTypes.value(of: $0, spec) }),
      "run": .map(
        RuleMap(distinct: [
          .init(key: .string("id"), value: .string(action.run?.text ?? "")),
          .init(key: .string("agent"), value: .string(action.agent.text)),
          .init(key: .string("step"), value: .string(action.step.text)),
          .init(key: .string("attempt"), value: .int(Int64(action.attempt.value))),
        ])),
    ]
    values["budget"] = .map(
      RuleMap(distinct: [
        .init(key: .string("used"), value: .double(action.budget.used)),
        .init(key: .string("dollarsLeft"), value: .double(action.budget.dollarsLeft)),
        .init(key: .string("tokensLeft"), value: .double(action.budget.tokensLeft)),
      ]))
    values["now"] = Timestamp(action.now).map { .timestamp($0) }
    self.values = values
  }

  mutating func opinion(of boundary: CompiledBoundary) -> Opinion {
    let name = boundary.spec.id
    do throws(Fault) {
      let bindings = try bindings(for: boundary)
      guard try holds(boundary.match, bindings, otherwise: true) else { return .says(permits: false, asks: false) }
      if try holds(boundary.forbid, bindings, otherwise: false) {
        return .forbids(code: "NX-GAT-092", reason: boundary.spec.message ?? "the boundary `\(name)` forbids it")
      }
      let asks = try holds(boundary.requireApproval, bindings, otherwise: false)
      // Where nothing else says when it is permitted, it is with a person's approval.
      let permits = try holds(boundary.permit, bindings, otherwise: asks)
      return .says(permits: permits, asks: asks)
    } catch {
      return .forbids(
        code: "NX-GAT-094", reason: "the boundary `\(name)` has no answer, which forbids it: \(error.message)")
    }
  }

  private func bindings(for boundary: CompiledBoundary) throws(Fault) -> RuleBindings {
    var values = values
    do { values["args"] = try RuleValue(action.arguments, as: boundary.argumentType) } catch {
      throw Fault(message: "`args`: \(error)")
    }
    return RuleBindings(boundary.environment, values)
  }

  private mutating func holds(
    _ rule: CompiledRule?, _ bindings: RuleBindings, otherwise absent: Bool
  ) throws(Fault) -> Bool {
    guard let rule else { return absent }
    guard cost < limits.gateCost else {
      throw Fault(message: "the boundaries together cost more than \(limits.gateCost)")
    }
    let outcome = rule.evaluate(bindings, limits: limits.lowered(ruleCost: limits.gateCost - cost))
    cost += outcome.cost
    switch outcome.result {
    case .success(.bool(let holds)): return holds
    case .success(let value): throw Fault(message: "it is of the type \(value.typeName), not bool")
    case .failure(let fault): throw Fault(message: fault.message)
    }
  }
}
