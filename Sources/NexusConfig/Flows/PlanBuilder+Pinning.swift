// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  /// The most definitions that one definition may hold, counted wherever they stand in it.
  static let maxPinnedFlows = 1_000

  // MARK: Recursion

  /// A flow is pinned with everything that it runs, so it cannot run itself, by whatever way.
  mutating func refuseRecursion() {
    enum Mark {
      case open
      case done(depth: Int, count: Int)
    }
    var marks: [String: Mark] = [:]
    var isSound = true
    func visit(_ name: String, _ path: [String], _ builder: inout PlanBuilder) -> (depth: Int, count: Int) {
      switch marks[name] {
      case .done(let depth, let count)?: return (depth, count)
      case .open?: return (0, 0)
      case nil: break
      }
      marks[name] = .open
      var depth = 0
      var count = 1
      var seen: Set<String> = []
      for call in builder.flowCalls[name] ?? [] where seen.insert(call.name).inserted {
        if case .open? = marks[call.name], let start = (path + [name]).firstIndex(of: call.name) {
          let circle = ((path + [name])[start...] + [call.name]).joined(separator: " runs ")
          builder.report(
            Diagnostic(
              "NX-CFG-247", "`\(call.name)` runs itself", at: call.location, label: circle,
              help: "a run is pinned to everything that it runs: remove one of these steps, or use `forEach`"))
          isSound = false
          continue
        }
        // Deeper than that it is refused anyway, and the way back stays short.
        guard path.count < Self.maxPinnedFlows else { continue }
        let inner = visit(call.name, path + [name], &builder)
        depth = max(depth, inner.depth + 1)
        count = min(count + inner.count, Self.maxPinnedFlows + 1)
      }
      marks[name] = .done(depth: depth, count: count)
      if depth == FlowDefinition.maxChildDepth + 1
        || (count > Self.maxPinnedFlows && depth <= FlowDefinition.maxChildDepth)
      {
        builder.report(
          Diagnostic(
            "NX-CFG-247",
            depth > FlowDefinition.maxChildDepth
              ? "`\(name)` runs others inside each other, deeper than \(FlowDefinition.maxChildDepth) levels"
              : "`\(name)` runs more than \(Self.maxPinnedFlows) others, each counted wherever it is run",
            at: builder.flowLocations[name], help: "a run is pinned to everything that it runs: run less inside it"))
        isSound = false
      }
      return (depth, count)
    }
    for name in plan.flows.map(\.name) { _ = visit(name, [], &self) }
    isRecursive = !isSound
  }

  // MARK: Pinning

  /// Puts everything that a flow refers to into it, and every reason why one of that may not run.
  mutating func pinFlows() {
    guard !isRecursive else { return }
    let places = Dictionary(plan.flows.enumerated().map { ($1.name, $0) }) { first, _ in first }
    var done: Set<String> = []
    func pin(_ name: String, _ builder: inout PlanBuilder) {
      guard let place = places[name], done.insert(name).inserted else { return }
      for call in builder.flowCalls[name] ?? [] { pin(call.name, &builder) }
      var definition = builder.plan.flows[place]
      for agent in definition.namedAgents {
        guard let index = builder.agentIndex[agent] else { continue }
        let spec = builder.plan.agents[index]
        definition.agents[agent] = spec.definition
        for refusal in spec.refusals { definition.refuse(builder.refusal(refusal, of: agent)) }
      }
      for call in builder.flowCalls[name] ?? [] {
        guard let child = places[call.name] else { continue }
        definition.children[call.name] = builder.plan.flows[child]
        for refusal in builder.plan.flows[child].refusals { definition.refuse(refusal) }
      }
      builder.plan.flows[place] = definition
    }
    for flow in plan.flows { pin(flow.name, &self) }
    for index in plan.queuePools.indices {
      let agent = plan.queuePools[index].agent
      guard let place = agentIndex[agent] else { continue }
      plan.queuePools[index].refusals += plan.agents[place].refusals.map { refusal($0, of: agent) }
    }
  }

  func refusal(_ refusal: PlanRefusal, of agent: AgentName) -> PlanRefusal {
    projectRefusals.contains(refusal)
      ? refusal : PlanRefusal(code: refusal.code, message: "the agent `\(agent)`: \(refusal.message)")
  }
}

extension FlowDefinition {
  /// Every agent that it names itself, in order.
  var namedAgents: [AgentName] {
    var names: Set<AgentName> = []
    for step in steps {
      if case .agent(let name) = step.action { names.insert(name) }
      if case .probe(let name) = step.onUnknown { names.insert(name) }
      if let compensation = step.compensation { names.insert(compensation.agent) }
    }
    if case .agent(let name)? = decision?.equality { names.insert(name) }
    return names.sorted()
  }
}
