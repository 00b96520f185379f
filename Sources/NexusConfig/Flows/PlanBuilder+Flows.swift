// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  /// Which flows there are: what budgets and steps name may stand further below.
  mutating func collectFlows() {
    for (kind, plural) in [(RunKind.workflow, "workflows"), (.saga, "sagas"), (.pool, "pools")] {
      for item in named(plural, kind.rawValue) where takeRunName(item) {
        flowKinds[item.name] = kind
        flowItems.append((kind, item))
      }
    }
  }

  mutating func buildFlows() {
    for (kind, item) in flowItems {
      if kind == .pool { buildPool(item) } else { buildFlow(item, kind) }
    }
    refuseRecursion()
  }

  /// `naos run` needs one name for each.
  private mutating func takeRunName(_ item: Named) -> Bool {
    if let earlier = agentLocations[AgentName(item.name)] ?? flowLocations[item.name] {
      report(
        Diagnostic(
          "NX-CFG-201", "the name `\(item.name)` is already taken", at: item.location,
          notes: [.init("the first one is here", at: earlier)], help: "`naos run` needs one name for each"))
      return false
    }
    flowLocations[item.name] = item.location
    return true
  }

  private mutating func buildFlow(_ item: Named, _ kind: RunKind) {
    let fields = item.fields
    var draft = FlowDraft(FlowDefinition(kind: kind, name: item.name))
    if let exhausted = fields.word("onExhausted", as: OnExhausted.self) { draft.definition.onExhausted = exhausted }
    if kind == .saga, let word = fields.word("onCompensationFailure", as: OnCompensationFailure.self) {
      draft.definition.onCompensationFailure = word
    }
    draft.definition.timeout = fields.duration("timeout")
    if let most = fields.integer("maxParallel") { draft.definition.maxParallel = most }
    if let word = fields.word("onError", as: OnStepError.self) { draft.onError = word }
    refuse(&draft.definition, byKeysOf: fields)
    buildSteps(&draft, fields)
    connect(&draft)
    if kind == .saga {
      checkCommitments(draft)
      checkReserves(draft)
    }
    checkReferences(draft)
    add(draft)
  }

  mutating func add(_ draft: FlowDraft) {
    var definition = draft.definition
    definition.steps = draft.steps.map(\.step)
    plan.flows.append(definition)
  }

  /// Keys that restrict and cannot be enforced yet.
  func refuse(_ definition: inout FlowDefinition, byKeysOf fields: Fields, of step: String? = nil) {
    for name in fields.order {
      guard let field = fields.field(name), field.availability == .laterAndRestricts else { continue }
      let whose = step.map { " of step `\($0)`" } ?? ""
      definition.refuse(
        PlanRefusal(code: "NX-CFG-302", message: "`\(field.written)`\(whose) cannot be enforced yet"))
    }
  }

  private mutating func buildSteps(_ draft: inout FlowDraft, _ fields: Fields) {
    draft.isIncomplete = fields.hasUnknownKeys
    guard let value = fields.value("steps"), let list = value.list else {
      draft.isIncomplete = true
      return
    }
    if list.isEmpty {
      report(
        Diagnostic(
          "NX-CFG-245", "the \(draft.definition.kind.rawValue) `\(draft.definition.name)` has no steps",
          at: value.location, help: "write `- { name: NAME, agent: AGENT }`"))
    }
    if list.count > FlowDefinition.maxSteps {
      report(
        Diagnostic(
          "NX-CFG-245", "there are more than \(FlowDefinition.maxSteps) steps",
          at: list[FlowDefinition.maxSteps].location, help: "let a step run a workflow, or use `forEach`"))
      draft.isIncomplete = true
      return
    }
    var first: [String: SourceLocation] = [:]
    for inner in list.compactMap(\.fields) {
      guard let name = inner.value("name"), let text = name.text else {
        draft.isIncomplete = true
        continue
      }
      if let earlier = first.updateValue(name.location, forKey: text) {
        first[text] = earlier
        report(
          Diagnostic(
            "NX-CFG-201", "there is already a step `\(text)`", at: name.location,
            notes: [.init("the first one is here", at: earlier)], help: "rename one of the two"))
        draft.isIncomplete = true
        continue
      }
      if let step = buildStep(text, name.location, inner, &draft) { draft.steps.append(step) }
    }
  }
}

extension FlowDefinition {
  /// Adds a reason, once.
  mutating func refuse(_ refusal: PlanRefusal) {
    if !refusals.contains(refusal) { refusals.append(refusal) }
  }
}
