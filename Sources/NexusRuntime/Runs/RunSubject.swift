// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel
internal import Synchronization

/// What a run executes, as it was when the run began.
enum RunSubject: Sendable {
  // Indirect: it is handed on by frames that last as long as a run does.
  indirect case agent(AgentSpec)
  indirect case flow(FlowDefinition)
  /// A definition that this version cannot read: the run waits for one that can.
  case unreadable(RunKind)

  var kind: RunKind {
    switch self {
    case .agent: .agent
    case .flow(let definition): definition.kind
    case .unreadable(let kind): kind
    }
  }

  /// The agent that the run is named after; nil if the run makes attempts of others.
  var agent: AgentSpec? {
    if case .agent(let spec) = self { spec } else { nil }
  }

  /// The queue pool whose workers do the run; nil for other runs.
  var queue: PoolName? {
    if case .flow(let definition) = self, definition.isQueued { PoolName(definition.name) } else { nil }
  }

  /// The longest that the whole run may take, from where its machine says that the limit counts; nil for no limit.
  var timeout: Duration? {
    switch self {
    case .agent(let spec): spec.timeout
    case .flow(let definition): definition.timeout
    case .unreadable: nil
    }
  }

  /// Whose attempts the run may make.
  var agents: [AgentName] {
    switch self {
    case .agent(let spec): [spec.name]
    case .flow(let definition): Array(definition.agents.keys)
    case .unreadable: []
    }
  }

  /// Who makes the attempts of a step; nil if that cannot be told.
  func agent(at step: StepPath) -> AgentName? {
    switch self {
    case .agent(let spec): spec.name
    case .flow(let definition): definition.agent(at: step)
    case .unreadable: nil
    }
  }

  /// Budgets have to keep something for it, or for a flow that it runs.
  var keepsReserve: Bool {
    if case .flow(let definition) = self { definition.keepsReserveAnywhere } else { false }
  }

  /// The machine of a run before its first entry.
  func machine(
    run: RunID, input: JSONValue, judge: (any OutputJudge)?, rules: IntegrityRules
  ) -> any DurableMachine {
    switch self {
    case .agent(let spec):
      RunMachine(run: run, retry: spec.retry, gates: spec.gates(input: input, judge: judge), rules: rules)
    case .flow(let definition):
      FlowMachine(run: run, definition: definition, input: input, judge: judge, rules: rules)
    case .unreadable: UnreadableRun()
    }
  }

  /// How an attempt is made: the pinned definition of its agent laid over what the configuration says of it today.
  ///
  /// An agent that the configuration does not know any more still runs by its pinned definition.
  ///
  /// - Parameters:
  ///   - order: the attempt.
  ///   - present: what the configuration says of an agent today.
  /// - Returns: nil if there is no such agent, or its definition cannot be read.
  func spec(for order: StepOrder, present: (AgentName) -> AgentSpec?) -> AgentSpec? {
    switch self {
    case .agent(let spec): return spec.limited(by: order.limits)
    case .flow(let definition):
      guard let name = order.agent else { return nil }
      guard let pinned = definition.agents[name] else { return present(name)?.limited(by: order.limits) }
      return (present(name) ?? .forgotten(name)).pinned(to: pinned)?.limited(by: order.limits)
    case .unreadable: return nil
    }
  }
}

extension AgentSpec {
  /// The validators of what comes out of a run of the agent.
  func gates(input: JSONValue, judge: (any OutputJudge)?) -> AgentGates {
    // An `llm` agent goes through its conversation to where it was, and is told there what was wrong.
    let asksAnew = if case .llm = kind { false } else { true }
    return AgentGates(
      agent: name.text, input: input, output: outputGates, entrance: inputGates, asksAnew: asksAnew, judge: judge)
  }

  /// An agent that the configuration does not have any more.
  static func forgotten(_ name: AgentName) -> AgentSpec {
    AgentSpec(name: name, kind: .process(command: ["false"]), workingDirectory: "/")
  }

  /// The agent with the limits of a step laid over its own.
  ///
  /// Of a step every sign of life counts. A service is watched as a whole, whatever its tasks are.
  func limited(by limits: StepLimits) -> AgentSpec {
    guard mode == .task, let silence = limits.heartbeat else { return self }
    var health = health ?? HealthSpec()
    if let own = health.heartbeat, own <= silence { return self }
    health.heartbeat = silence
    health.activityIsHeartbeat = true
    var spec = self
    spec.health = health
    return spec
  }
}

/// An agent as the attempts of a run have it; its many settings are kept once.
package final class PinnedAgent: Sendable {
  let name: AgentName
  let mode: AgentMode
  let spec: AgentSpec

  package init(_ spec: AgentSpec) {
    name = spec.name
    mode = spec.mode
    self.spec = spec
  }
}

/// What the configuration says of the agents right now, for whoever has no time to ask its owner.
final class AgentCatalogue: Sendable {
  /// When more agents of definitions than this were read, all are forgotten: those in use are soon known again.
  private static let maxPinned = 1_024
  /// Of so many definitions that name an agent the last ones are remembered.
  private static let maxDefinitions = 16

  private struct State {
    var specs: [AgentName: AgentSpec] = [:]
    var isGoverned = false
    /// Definitions laid over these specs, by their agents: few definitions name one, and their hashes are long.
    var pinned: [AgentName: [(definition: DefinitionHash, agent: PinnedAgent)]] = [:]
  }
  private let state = Mutex(State())

  func take(_ plan: ProjectPlan) {
    let named = Dictionary(plan.agents.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    state.withLock { $0 = State(specs: named, isGoverned: plan.governance != nil) }
  }

  /// Whether there are rules about actions.
  var isGoverned: Bool { state.withLock { $0.isGoverned } }

  /// How an attempt is made: see `RunSubject.spec`, which is asked once for each agent of a definition.
  ///
  /// - Returns: nil if there is no such agent, or its definition cannot be read.
  func agent(for order: StepOrder, of subject: RunSubject, pinnedBy definition: DefinitionHash) -> PinnedAgent? {
    guard let name = order.agent, order.limits.heartbeat == nil else {
      let specs = state.withLock { $0.specs }
      return subject.spec(for: order) { specs[$0] }.map(PinnedAgent.init)
    }
    return state.withLock { state in
      if let known = state.pinned[name]?.first(where: { $0.definition == definition }) { return known.agent }
      guard let spec = subject.spec(for: order, present: { state.specs[$0] }) else { return nil }
      if state.pinned.count >= Self.maxPinned { state.pinned = [:] }
      let agent = PinnedAgent(spec)
      if let count = state.pinned[name]?.count, count >= Self.maxDefinitions { state.pinned[name]?.removeFirst() }
      state.pinned[name, default: []].append((definition, agent))
      return agent
    }
  }
}
