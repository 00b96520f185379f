// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  mutating func buildSupervisors() {
    let items = named("supervisors", "supervisor")
    for item in items {
      supervisorLocations[SupervisorName(item.name)] = item.location
      if let agent = agentLocations[AgentName(item.name)] {
        report(
          Diagnostic(
            "NX-CFG-201", "`\(item.name)` is already the name of an agent", at: item.location,
            notes: [.init("the agent is here", at: agent)],
            help: "rename one of the two: children are referred to by name"))
      }
      if item.name == SupervisorName.root.text {
        report(
          Diagnostic(
            "NX-CFG-201", "`root` is the supervisor above all others", at: item.location, help: "choose another name"))
      }
    }
    var parents: [AgentName: SourceLocation] = [:]
    var nested: Set<SupervisorName> = []
    for item in items { build(item, &parents, &nested) }
    refuseNested(nested)
  }

  private mutating func build(
    _ item: Named, _ parents: inout [AgentName: SourceLocation], _ nested: inout Set<SupervisorName>
  ) {
    var spec = SupervisorSpec(name: SupervisorName(item.name))
    if let strategy = item.fields.word("strategy", as: RestartStrategy.self) { spec.strategy = strategy }
    if let maxRestarts = item.fields.integer("maxRestarts") { spec.intensity.maxRestarts = maxRestarts }
    if let within = item.fields.duration("withinSeconds") { spec.intensity.within = within }
    if spec.intensity.within < .milliseconds(1), let value = item.fields.value("withinSeconds") {
      report(
        Diagnostic("NX-CFG-106", "the window has no length", at: value.location, help: "write at least 1s"))
    }
    for child in item.fields.value("children")?.list ?? [] {
      guard let text = child.text else { continue }
      let agent = AgentName(text)
      if supervisorLocations[SupervisorName(text)] != nil, agentLocations[agent] == nil {
        nested.formUnion([spec.name, SupervisorName(text)])
        report(
          Diagnostic(
            "NX-CFG-305", .warning, "nested supervisors are not available yet: the runs below them are refused",
            at: child.location, help: "list the agents themselves"))
        continue
      }
      guard agentLocations[agent] != nil else {
        reportUndefined(text, at: child.location)
        continue
      }
      if let first = parents[agent] {
        report(
          Diagnostic(
            "NX-CFG-204", "the agent `\(text)` already has a supervisor", at: child.location,
            notes: [.init("it is listed here", at: first)], help: "an agent has one supervisor"))
        continue
      }
      parents[agent] = child.location
      spec.children.append(agent)
      if let index = agentIndex[agent] { plan.agents[index].supervisor = spec.name }
    }
    if spec.strategy != .oneForOne { refuseStrategy(spec, item) }
    plan.supervisors.append(spec)
  }

  /// A strategy is protection: an agent that runs without it runs unprotected, so it does not run.
  private mutating func refuseStrategy(_ spec: SupervisorSpec, _ item: Named) {
    if let value = item.fields.value("strategy") {
      report(
        Diagnostic(
          "NX-CFG-305", .warning,
          "the strategy \(spec.strategy.rawValue) is not available yet: the runs below `\(spec.name)` are refused",
          at: value.location, help: "one-for-one is available"))
    }
    let refusal = PlanRefusal(
      code: "NX-CFG-305", message: "the strategy \(spec.strategy.rawValue) of `\(spec.name)` is not available yet")
    for index in plan.agents.indices where plan.agents[index].supervisor == spec.name {
      plan.agents[index].refuse(refusal)
    }
  }

  private mutating func refuseNested(_ nested: Set<SupervisorName>) {
    for index in plan.agents.indices {
      guard let supervisor = plan.agents[index].supervisor, nested.contains(supervisor) else { continue }
      plan.agents[index].refuse(
        PlanRefusal(code: "NX-CFG-305", message: "`\(supervisor)` is nested, which is not available yet"))
    }
  }

  /// A name that no agent has: a warning, because it may be created later.
  mutating func reportUndefined(_ name: String, at location: SourceLocation) {
    report(
      Diagnostic(
        "NX-CFG-203", .warning, "there is no agent `\(name)`", at: location,
        help: "create it with `naos create \(name)`",
        suggestion: Suggestion.nearest(to: name, among: agentLocations.keys.map(\.text).sorted())))
  }
}
