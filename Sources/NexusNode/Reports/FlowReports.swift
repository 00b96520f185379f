// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusRuntime

/// How workflows, sagas and pools read to operators: as the configuration has them, and as a run stands.
enum FlowReports {
  /// What the configuration has, and how its queue pools stand.
  ///
  /// - Parameters:
  ///   - plan: the configuration.
  ///   - standing: how a queue pool stands; nil for one of which nobody knows.
  /// - Returns: the flows in the order of the configuration.
  static func list(_ plan: ProjectPlan, standing: (QueuePoolSpec) -> PoolDesk.Standing?) -> FlowList {
    let queues = Dictionary(plan.queuePools.map { ($0.name.text, $0) }, uniquingKeysWith: { first, _ in first })
    return FlowList(
      flows: plan.flows.map { flow in
        var report = report(flow)
        if flow.isQueued, let spec = queues[flow.name] {
          report.strategy = spec.strategy.rawValue
          report.queue = standing(spec).map { queue(spec, $0) }
        }
        return report
      })
  }

  private static func queue(_ spec: QueuePoolSpec, _ standing: PoolDesk.Standing) -> QueuePoolReport {
    QueuePoolReport(
      size: standing.size, minSize: spec.minSize, maxSize: spec.maxSize, isDraining: standing.isDraining,
      waiting: standing.waiting, maxQueue: spec.maxQueue, busy: standing.busy, loads: standing.loads)
  }

  private static func report(_ flow: FlowDefinition) -> FlowReport {
    FlowReport(
      kind: flow.kind.rawValue, name: flow.name, steps: flow.steps.map { step(of: flow, $0) },
      strategy: flow.decision.map { strategy($0) }, refusals: flow.refusals.map { "\($0.code): \($0.message)" })
  }

  private static func step(of flow: FlowDefinition, _ step: FlowStep) -> FlowStepReport {
    FlowStepReport(
      name: step.name, action: action(step) + (step.forEach == nil ? "" : " for each"),
      needs: step.needs.map { flow.steps[$0].name },
      commitment: flow.kind == .saga ? step.commitment.rawValue : nil, compensation: step.compensation?.agent.text,
      when: step.condition?.source)
  }

  private static func action(_ step: FlowStep) -> String {
    switch step.action {
    case .agent(let agent): "agent \(agent)"
    case .run(let name): "run \(name)"
    case .sleep(let length): "sleep \(length.source.stringValue ?? length.source.text())"
    case .event(let name): "event \(name)"
    }
  }

  private static func strategy(_ decision: PoolDecision) -> String {
    decision.strategy == .quorum ? "quorum of \(decision.quorum)" : decision.strategy.rawValue
  }

  // MARK: Runs

  /// The steps of a run, from its journal; nil if this version cannot read its definition.
  static func steps(
    of run: RunID, definition bytes: [UInt8]?, input: JSONValue, journal: [JournalEntry]
  ) -> (steps: [StepReport], checkpoints: [CheckpointReport])? {
    guard let bytes, let value = try? JSONValue(parsing: bytes), let definition = FlowDefinition(pinned: value) else {
      return nil
    }
    var machine = FlowMachine(run: run, definition: definition, input: input)
    for entry in journal { machine.apply(entry) }
    return (machine.stepViews.map(report), checkpoints(machine, journal))
  }

  private static func checkpoints(_ machine: FlowMachine, _ journal: [JournalEntry]) -> [CheckpointReport] {
    var digests: [Int: String] = [:]
    for case .integrity(.checkpointed(let seal)) in journal.lazy.map(\.entry) { digests[seal.number] = seal.digest }
    return machine.checkpoints.map { view in
      CheckpointReport(
        number: view.number, step: view.step?.text, isVerified: view.isVerified, at: view.at,
        digest: digests[view.number])
    }
  }

  private static func report(_ view: StepView) -> StepReport {
    var report = StepReport(
      path: view.path, status: view.status, attempts: view.attempts, startedAt: view.startedAt, endedAt: view.endedAt,
      cost: view.cost, output: view.output, compensation: view.compensation)
    report.error = view.error.map { RunFailure(code: $0.code, message: $0.message) }
    report.child = view.child
    report.input = view.input
    report.dueAt = view.dueAt
    if let judgement = view.judgement { GateWords.show(judgement, in: &report) }
    return report
  }
}
