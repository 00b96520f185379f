// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

// What validators guard.
extension PlanBuilder {
  private static let targetForms = "write steps.NAME.output, workflows.FLOW.steps.NAME.output or agents.NAME.output"

  /// What a target names; empty after a diagnostic.
  mutating func targets(_ text: String, at location: SourceLocation) -> [GateTarget] {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let last = parts.last, last == "output" else {
      let isInput = parts.last == "input"
      report(
        Diagnostic(
          isInput ? "NX-GAT-082" : "NX-GAT-080",
          isInput ? "`\(text)`: only outputs are guarded by validators" : "`\(text)` is no target", at: location,
          help: isInput ? "an agent's `input` is a JSON Schema of what goes into it" : Self.targetForms))
      return []
    }
    switch (parts.count, parts[0]) {
    case (3, "agents"): return agentTarget(parts[1], at: location)
    case (3, "steps"): return stepTargets(parts[1], of: nil, at: location)
    case (5, let plural) where parts[2] == "steps":
      guard let kind = [RunKind.workflow, .saga, .pool].first(where: { $0.rawValue + "s" == plural }) else { break }
      return stepTargets(parts[3], of: (kind, parts[1]), at: location)
    default: break
    }
    report(Diagnostic("NX-GAT-080", "`\(text)` is no target", at: location, help: Self.targetForms))
    return []
  }

  private mutating func agentTarget(_ name: String, at location: SourceLocation) -> [GateTarget] {
    guard agentIndex[AgentName(name)] != nil else {
      report(
        Diagnostic(
          "NX-GAT-080", "there is no agent `\(name)`", at: location,
          suggestion: Suggestion.nearest(to: name, among: plan.agents.map(\.name.text))))
      return []
    }
    return [.agent(AgentName(name))]
  }

  private mutating func stepTargets(
    _ step: String, of flow: (kind: RunKind, name: String)?, at location: SourceLocation
  ) -> [GateTarget] {
    var candidates = plan.flows
    if let flow {
      candidates = plan.flows.filter { $0.kind == flow.kind && $0.name == flow.name }
      guard !candidates.isEmpty else {
        report(
          Diagnostic(
            "NX-GAT-080", "there is no \(flow.kind.rawValue) `\(flow.name)`", at: location,
            suggestion: Suggestion.nearest(
              to: flow.name, among: plan.flows.filter { $0.kind == flow.kind }.map(\.name))))
        return []
      }
    }
    let found = candidates.filter { $0.steps.contains { $0.name == step } }
    guard !found.isEmpty else {
      report(
        Diagnostic(
          "NX-GAT-080", "there is no step `\(step)`" + (flow.map { " in `\($0.name)`" } ?? ""), at: location,
          suggestion: Suggestion.nearest(to: step, among: candidates.flatMap { $0.steps.map(\.name) })))
      return []
    }
    return found.map { .step(kind: $0.kind, flow: $0.name, step: step) }
  }

  /// What names its validators under `validate`; nil if it could not be made.
  func target(of place: GateUse.Place) -> GateTarget? {
    switch place {
    case .agent(let name): .agent(name)
    case .step(let flow, let step):
      plan.flows.first { $0.name == flow && $0.steps.contains { $0.name == step } }
        .map { .step(kind: $0.kind, flow: flow, step: step) }
    }
  }

  /// Adds a target once, if there is something that comes out of it.
  mutating func add(_ target: GateTarget, to draft: inout GateDraft, at location: SourceLocation) {
    guard !draft.spec.targets.contains(target) else { return }
    if case .step(_, let flow, let name) = target,
      let step = plan.flow(flow)?.steps.first(where: { $0.name == name })
    {
      switch step.action {
      case .agent: break
      case .run:
        if let place = draft.asksForRetry {
          report(
            Diagnostic(
              "NX-GAT-083", "the step `\(name)` is a run, and cannot be asked for another output", at: location,
              notes: [.init("a retry is asked for here", at: place)],
              help:
                "write `onInvalid: stop` or `escalate`, and the same for the rules, or guard the step inside the run"))
        }
      case .sleep, .event:
        report(
          Diagnostic(
            "NX-GAT-083", "nothing comes out of the step `\(name)` that a validator could guard", at: location,
            help: "guard the step that reads it"))
      }
    }
    draft.spec.targets.append(target)
  }

  // MARK: Laying upon

  /// Every agent and every step gets the validators that guard it, in the order of the file.
  mutating func layUpon(_ drafts: [GateDraft]) {
    for draft in drafts {
      let gate = draft.spec.gate
      for target in draft.spec.targets {
        switch target {
        case .agent(let name):
          if let index = agentIndex[name] { plan.agents[index].outputGates.append(gate) }
          lay(gate) { step, _ in step.action == .agent(name) }
        case .step(_, let flow, let name):
          lay(gate) { step, definition in definition.name == flow && step.name == name }
        }
      }
    }
    for flow in plan.flows {
      for step in flow.steps where step.gates.count > GateDefinition.maxPerStep {
        report(
          Diagnostic(
            "NX-GAT-083", "the step `\(step.name)` has more than \(GateDefinition.maxPerStep) validators",
            at: flowLocations[flow.name], help: "put the rules of several into one"))
      }
    }
  }

  private mutating func lay(_ gate: GateDefinition, where guards: (FlowStep, FlowDefinition) -> Bool) {
    for flow in plan.flows.indices {
      let definition = plan.flows[flow]
      for step in definition.steps.indices
      where guards(definition.steps[step], definition) && !definition.steps[step].gates.contains(gate.name) {
        plan.flows[flow].steps[step].gates.append(gate.name)
        plan.flows[flow].gates[gate.name] = gate
      }
    }
  }
}
