// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What differs between two configurations of a project, and when each difference applies on a running node.
package struct PlanDifference: Sendable, Hashable {
  package enum Kind: String, Sendable { case added, removed, changed, moved }

  package enum Application: String, Sendable {
    case now
    case nextRestart = "next restart"
    case nextRun = "next run"
    case nextUp = "next naos up"
    case withPrune = "only with --prune"
  }

  package struct Change: Sendable, Hashable {
    package var kind: Kind
    /// `agent`, `supervisor`, `workflow`, `saga`, `pool`, `schedule`, `provider`, `model`, `budget`, `price`, `approval`,
    /// `webhook`, `server`, `store`, `audit`, `project`.
    package var subject: String
    package var name: String
    /// For people: `restart: transient → permanent`.
    package var detail: String
    package var applies: Application
  }

  package private(set) var changes: [Change] = []

  package init(from old: ProjectPlan, to new: ProjectPlan) {
    compareAgents(old, new)
    compareSupervisors(old, new)
    compareFlows(old, new)
    // A budget goes with whom it binds, and that is said of them.
    let budgets = old.budgets.filter { budget in
      new.has(budget.scope) || new.budgets.contains { $0.scope == budget.scope }
    }
    compareNamed("budget", budgets.map { ($0.scope.text, $0) }, new.budgets.map { ($0.scope.text, $0) }, .now)
    compareNamed("price", old.prices.map { ($0.model, $0) }, new.prices.map { ($0.model, $0) }, .now)
    compareNamed("provider", old.providers.map { ($0.name, $0) }, new.providers.map { ($0.name, $0) }, .nextUp)
    compareNamed("model", old.models.map { ($0.alias, $0) }, new.models.map { ($0.alias, $0) }, .nextUp)
    compareNamed("approval", old.approvals.map { ($0.name, $0) }, new.approvals.map { ($0.name, $0) }, .now)
    compareNamed("webhook", old.webhooks.map { ($0.name, $0) }, new.webhooks.map { ($0.name, $0) }, .now)
    if old.governance != new.governance { add(.changed, "project", "governance", "rules about actions", .now) }
    if old.localScript != new.localScript { add(.changed, "provider", "local", "script", .nextUp) }
    if old.server != new.server { add(.changed, "server", "server", "host or ports", .nextUp) }
    if old.durability != new.durability {
      add(.changed, "store", "store", "\(old.durability.rawValue) → \(new.durability.rawValue)", .nextUp)
    }
    if old.retention != new.retention { add(.changed, "store", "store", "retention", .now) }
    if old.audit != new.audit { add(.changed, "audit", "audit", "anchor, times or retention", .nextUp) }
    if old.holds != new.holds {
      add(.changed, "project", "cost", "holds: \(old.holds.rawValue) → \(new.holds.rawValue)", .now)
    }
    if old.alerts != new.alerts { add(.changed, "project", "cost", "alerts", .now) }
    if old.costMode != new.costMode {
      add(.changed, "project", "cost", "mode: \(old.costMode.rawValue) → \(new.costMode.rawValue)", .now)
    }
  }

  private mutating func add(
    _ kind: Kind, _ subject: String, _ name: String, _ detail: String, _ applies: Application
  ) {
    changes.append(Change(kind: kind, subject: subject, name: name, detail: detail, applies: applies))
  }

  // MARK: Agents

  private mutating func compareAgents(_ old: ProjectPlan, _ new: ProjectPlan) {
    let before = Dictionary(old.agents.map { ($0.name, $0) }) { first, _ in first }
    let after = Dictionary(new.agents.map { ($0.name, $0) }) { first, _ in first }
    for agent in new.agents {
      guard let was = before[agent.name] else {
        add(.added, "agent", agent.name.text, agent.mode.rawValue, agent.mode == .service ? .now : .nextRun)
        continue
      }
      if was.supervisor != agent.supervisor {
        let (from, to) = (was.supervisor ?? .root, agent.supervisor ?? .root)
        // It cannot be under two supervisors: the old one stops it, the new one starts it.
        let restarts = agent.mode == .service ? ", restarts it" : ""
        add(.moved, "agent", agent.name.text, "\(from) → \(to)\(restarts)", .now)
      }
      let details = Self.details(was, agent)
      guard !details.isEmpty else { continue }
      add(
        .changed, "agent", agent.name.text, details.joined(separator: ", "),
        agent.mode == .service ? .nextRestart : .nextRun)
    }
    for agent in old.agents where after[agent.name] == nil {
      add(.removed, "agent", agent.name.text, "", .withPrune)
    }
  }

  /// What differs between two forms of an agent but for its supervisor: with both values where they are words.
  private static func details(_ old: AgentSpec, _ new: AgentSpec) -> [String] {
    var details: [String] = []
    func words(_ name: String, _ before: String, _ after: String) {
      if before != after { details.append("\(name): \(before) → \(after)") }
    }
    func note(_ name: String, _ isSame: Bool) { if !isSame { details.append(name) } }
    words("mode", old.mode.rawValue, new.mode.rawValue)
    words("restart", old.restart.rawValue, new.restart.rawValue)
    words("autoStart", "\(old.autoStart)", "\(new.autoStart)")
    words("significant", "\(old.isSignificant)", "\(new.isSignificant)")
    note("program", old.kind == new.kind)
    note("env", old.environment == new.environment)
    note("secrets", old.gateSecrets == new.gateSecrets)
    note("workdir", old.workingDirectory == new.workingDirectory)
    note("shutdown", old.shutdown == new.shutdown)
    note("backoff", old.backoff == new.backoff)
    note("retry", old.retry == new.retry)
    note("timeout", old.timeout == new.timeout)
    note("grants", old.grants == new.grants)
    note("validators", old.outputGates == new.outputGates && old.inputGates == new.inputGates)
    note("refusals", old.refusals == new.refusals)
    if details.isEmpty {
      // Whatever is not named above is a difference all the same.
      var aligned = old
      aligned.supervisor = new.supervisor
      if aligned != new { details.append("settings") }
    }
    return details
  }

  // MARK: Supervisors

  private mutating func compareSupervisors(_ old: ProjectPlan, _ new: ProjectPlan) {
    for supervisor in new.supervisors {
      let name = supervisor.name.text
      guard let was = old.supervisor(supervisor.name) else {
        add(.added, "supervisor", name, supervisor.flags.strategy.rawValue, .now)
        continue
      }
      if was.parent != supervisor.parent {
        add(.moved, "supervisor", name, "\(was.parent ?? .root) → \(supervisor.parent ?? .root), restarts it", .now)
      }
      var details: [String] = []
      if was.flags.strategy != supervisor.flags.strategy {
        details.append("strategy: \(was.flags.strategy.rawValue) → \(supervisor.flags.strategy.rawValue)")
      }
      if was.flags.intensity != supervisor.flags.intensity {
        details.append("\(Self.text(was.flags.intensity)) → \(Self.text(supervisor.flags.intensity))")
      }
      if was.flags.overIntensity != supervisor.flags.overIntensity {
        details.append("onMaxRestarts: \(supervisor.flags.overIntensity.rawValue)")
      }
      if was.flags.autoShutdown != supervisor.flags.autoShutdown {
        details.append("autoShutdown: \(supervisor.flags.autoShutdown.rawValue)")
      }
      if was.children != supervisor.children { details.append("children") }
      if was.restart != supervisor.restart { details.append("restart") }
      if was.isSignificant != supervisor.isSignificant { details.append("significant") }
      if !details.isEmpty { add(.changed, "supervisor", name, details.joined(separator: ", "), .now) }
    }
    for supervisor in old.supervisors where new.supervisor(supervisor.name) == nil {
      add(.removed, "supervisor", supervisor.name.text, "", .withPrune)
    }
  }

  private static func text(_ intensity: RestartIntensity) -> String {
    "\(intensity.maxRestarts) in \(intensity.within.components.seconds) s"
  }

  // MARK: Flows and schedules

  private mutating func compareFlows(_ old: ProjectPlan, _ new: ProjectPlan) {
    for kind in [RunKind.workflow, .saga, .pool] {
      func own(_ plan: ProjectPlan) -> [(String, FlowDefinition)] {
        // A queue is compared by what the file says of it, below.
        plan.flows.filter { $0.kind == kind && !$0.isQueued }.map { flow in
          // What is pinned with it is a change of its own.
          var flow = flow
          flow.agents = [:]
          flow.children = [:]
          return (flow.name, flow)
        }
      }
      compareNamed(kind.rawValue, own(old), own(new), .nextRun)
    }
    compareNamed("pool", old.queuePools.map { ($0.name.text, $0) }, new.queuePools.map { ($0.name.text, $0) }, .now)
    compareNamed("schedule", old.schedules.map { ($0.name.text, $0) }, new.schedules.map { ($0.name.text, $0) }, .now)
  }

  // MARK: The rest

  private mutating func compareNamed<Value: Equatable>(
    _ subject: String, _ old: [(String, Value)], _ new: [(String, Value)], _ applies: Application
  ) {
    for (name, value) in new {
      // More than one of a name is told apart by its value alone.
      let matching = old.filter { $0.0 == name }
      if matching.isEmpty {
        add(.added, subject, name, "", applies)
      } else if !matching.contains(where: { $0.1 == value }) {
        add(.changed, subject, name, "", applies)
      }
    }
    for (name, _) in old where !new.contains(where: { $0.0 == name }) { add(.removed, subject, name, "", applies) }
  }
}
