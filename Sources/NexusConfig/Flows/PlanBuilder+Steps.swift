// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  private static let actionKeys = ["agent", "workflow", "saga", "pool", "sleep", "waitFor"]

  /// The step, but for what it needs; nil if what it does cannot be told.
  mutating func buildStep(
    _ name: String, _ location: SourceLocation, _ fields: Fields, _ draft: inout FlowDraft
  ) -> StepDraft? {
    var uses: [ReferenceUse] = []
    guard let action = action(of: name, location, fields, &draft, &uses) else {
      draft.isIncomplete = true
      return nil
    }
    var step = FlowStep(name: name, action: action)
    refuseMisfits(step, fields, draft.definition.kind)
    refuse(&draft.definition, byKeysOf: fields, of: name)

    gateUses.append(
      GateUse(place: .step(flow: draft.definition.name, step: name), names: fields.validators()))
    if let value = fields.value("when") { step.condition = condition(value, &uses) }
    buildForEach(&step, fields, &uses)
    if let value = fields.value("input") { step.input = template(value, .step, &uses) }
    if let value = fields.value("idempotencyKey") { step.idempotencyKey = template(value, .step, &uses) }
    step.commitment = fields.word("kind", as: SagaCommitment.self) ?? .compensatable
    step.onError = draft.onError
    buildCare(of: &step, fields)
    buildUndo(of: &step, fields, &draft, &uses)
    if let value = fields.word("parentClose", as: ParentClose.self) { step.parentClose = value }
    return StepDraft(step: step, fields: fields, location: location, uses: uses)
  }

  // MARK: What it does

  private mutating func action(
    of name: String, _ location: SourceLocation, _ fields: Fields, _ draft: inout FlowDraft,
    _ uses: inout [ReferenceUse]
  ) -> StepAction? {
    let given = Self.actionKeys.compactMap { key in fields.field(key).map { (key, $0) } }
    guard let (key, field) = given.first else {
      // One of the unknown keys may be the mistyped action.
      if !fields.hasUnknownKeys {
        report(
          Diagnostic(
            "NX-CFG-245", "the step `\(name)` does nothing", at: location,
            help: "give it an `agent`, a `workflow`, `saga` or `pool`, a `sleep`, or an event to `waitFor`"))
      }
      return nil
    }
    if given.count > 1 {
      let other = given[1].1
      report(
        Diagnostic(
          "NX-CFG-115", "`\(other.written)` and `\(field.written)` make two steps",
          at: max(field.keyLocation, other.keyLocation),
          notes: [.init("the other one is here", at: min(field.keyLocation, other.keyLocation))],
          help: "keep one, or make a step of each"))
    }
    guard let value = field.value, let text = value.text else { return nil }
    switch key {
    case "sleep": return sleep(value, text, &uses)
    case "waitFor": return .event(text)
    default: return work(text, key, at: value.location, &draft)
    }
  }

  private mutating func sleep(_ value: Shaped, _ text: String, _ uses: inout [ReferenceUse]) -> StepAction? {
    if text.contains("{{") { return template(value, .step, &uses).map { .sleep($0) } }
    guard let length = DurationText.parse(text),
      let fixed = try? ValueTemplate(parsing: .string(DurationText.text(length)))
    else {
      report(ScalarShape.duration.diagnostic(for: text, isExternal: false, of: "sleep", at: value.location))
      return nil
    }
    return .sleep(fixed)
  }

  /// An agent, or a run of a flow.
  private mutating func work(
    _ text: String, _ key: String, at location: SourceLocation, _ draft: inout FlowDraft
  ) -> StepAction? {
    if let kind = flowKinds[text] {
      if key != "agent", key != kind.rawValue {
        report(
          Diagnostic(
            "NX-CFG-245", "`\(text)` is a \(kind.rawValue), not a \(key)", at: location,
            help: "write `\(kind.rawValue): \(text)`"))
      }
      flowCalls[draft.definition.name, default: []].append(FlowCall(name: text, location: location))
      return .run(text)
    }
    guard key == "agent" else {
      let names = flowKinds.filter { $0.value.rawValue == key }.map(\.key).sorted()
      report(
        Diagnostic(
          "NX-CFG-245", "there is no \(key) `\(text)`", at: location,
          help: agentLocations[AgentName(text)] == nil ? nil : "it is an agent: write `agent: \(text)`",
          suggestion: Suggestion.nearest(to: text, among: names)))
      return nil
    }
    return .agent(agent(text, at: location, &draft.definition, orAmong: flowKinds.keys.sorted()))
  }

  /// The agent of that name; if there is none, runs of the flow are refused.
  mutating func agent(
    _ text: String, at location: SourceLocation, _ definition: inout FlowDefinition, orAmong others: [String] = []
  ) -> AgentName {
    if agentLocations[AgentName(text)] == nil {
      if let kind = flowKinds[text] {
        report(
          Diagnostic("NX-CFG-245", "`\(text)` is a \(kind.rawValue), and an agent is needed here", at: location))
      } else {
        reportUndefined(text, at: location, orAmong: others)
        definition.refuse(PlanRefusal(code: "NX-CFG-203", message: "there is no agent `\(text)`"))
      }
    }
    return AgentName(text)
  }

  // MARK: What has no place in it

  private mutating func refuseMisfits(_ step: FlowStep, _ fields: Fields, _ kind: RunKind) {
    var forbidden: [String] = []
    let what: String
    switch step.action {
    case .agent:
      forbidden = ["parentClose"]
      what = "a step that an agent does"
    case .run:
      forbidden = ["retry", "retryDelay", "timeout", "heartbeat", "onUnknown"]
      what = "a step that is a run: what it runs has its own"
    case .sleep:
      forbidden = [
        "forEach", "input", "retry", "retryDelay", "timeout", "heartbeat", "onUnknown", "idempotencyKey", "parentClose",
        "compensation", "compensateFailed", "cost",
      ]
      what = "a step that sleeps"
    case .event:
      forbidden = [
        "forEach", "input", "retry", "retryDelay", "heartbeat", "onUnknown", "idempotencyKey", "parentClose",
        "cost",
      ]
      what = "a step that waits for an event"
    }
    for key in forbidden { reportMisfit(key, fields, "has no place in \(what)") }
    if kind == .workflow {
      for key in ["kind", "compensation", "compensateFailed"] { reportMisfit(key, fields, "belongs to sagas") }
    }
    if !fields.has("forEach") { reportMisfit("parallel", fields, "has no meaning without `forEach`") }
    if !fields.has("compensation") {
      reportMisfit("compensateFailed", fields, "has no meaning without `compensation`")
    }
  }

  mutating func reportMisfit(_ key: String, _ fields: Fields, _ reason: String) {
    guard let field = fields.field(key) else { return }
    report(Diagnostic("NX-CFG-115", "`\(field.written)` \(reason)", at: field.keyLocation, help: "remove it"))
  }

  // MARK: Lists

  private mutating func buildForEach(_ step: inout FlowStep, _ fields: Fields, _ uses: inout [ReferenceUse]) {
    guard let value = fields.value("forEach"), let items = template(value, .items, &uses) else { return }
    switch items.source {
    case .array(let elements) where elements.count > ForEach.maxItems:
      report(Diagnostic("NX-CFG-245", "`forEach` has more than \(ForEach.maxItems) elements", at: value.location))
    case .array: break
    case .string where items.references.count == 1 && items.isOneReference: break
    default:
      report(
        Diagnostic(
          "NX-CFG-101", "`forEach` takes a list or one reference to a list", at: value.location,
          help: "write [a, b], or \"{{ steps.NAME.output }}\""))
    }
    step.forEach = ForEach(items: items)
    if let parallel = fields.integer("parallel") { step.forEach?.parallel = parallel }
  }
}

extension ValueTemplate {
  /// A pair of braces and nothing else, so that the value is whatever is referred to.
  var isOneReference: Bool {
    guard case .string(let text) = source else { return false }
    return text.hasPrefix("{{") && text.hasSuffix("}}") && references.count == 1
  }
}
