// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

/// Walks one random flow to its end over the real runtime: attempts fail, time jumps, people interfere, the store is slow,
/// busy, full and loses its answers, and nodes are killed and started again at any point.
final class RunSimulation {
  /// Turns of the world after which a walk has hung.
  static let maxTurns = 4_000
  private static let flow = "flow"
  private static let key = "once"

  let world: SimulatedWorld
  let definition: FlowDefinition
  private let plan: ProjectPlan
  private let executor: SeededExecutor
  private let work = WorkHost()
  private var node: SimulatedNode
  private var run: RunID?
  private var isStarting = false
  private var end: RunStatus?
  private var kills = 0
  private var killsLeft: Int
  private var troubleLeft: Int
  /// The journal as it was seen last; what is written stays.
  private var seen: [JournalEntry] = []

  init(seed: UInt64, executor: SeededExecutor, directory: String) throws {
    self.executor = executor
    world = SimulatedWorld(seed: seed, directory: directory)
    var random = SplitMix(seed: seed)
    definition = try SimulatedProject.complete(RandomFlow.make(&random), name: Self.flow)
    plan = SimulatedProject.plan(definition, &random)
    killsLeft = Int.random(in: 0...3, using: &random)
    troubleLeft = Int.random(in: 0...5, using: &random)
    node = SimulatedNode(plan: plan, store: world.store(), world: world)
  }

  struct Outcome: Sendable {
    let problem: String?
    let end: RunStatus?
    let kills: Int
    let faults: Int

    init(_ problem: String?, _ simulation: RunSimulation) {
      self.problem = problem
      end = simulation.end
      kills = simulation.kills
      faults = simulation.world.faults
    }
  }

  /// - Returns: what went wrong, or nil.
  func walk() async throws -> String? {
    try await withThrowingTaskGroup(of: Void.self) { [work] group in
      group.addTask { await work.run() }
      begin(node)
      let problem = try await walkOn()
      node.kill(writing: 0)
      // Whatever still sleeps in the nodes of before wakes, sees that it is over, and ends.
      while let deadline = world.clock.nextDeadline {
        world.clock.advance(by: max(.zero, deadline - world.clock.now()))
        await executor.idle()
      }
      work.finish()
      return problem
    }
  }

  private func walkOn() async throws -> String? {
    for _ in 0..<Self.maxTurns {
      await executor.idle()
      if let broken = try await check() { return broken }
      if try await isOver() { return try await checkEnd() }
      guard try await turn() else { return "nothing can happen any more: \(try await words())" }
    }
    return "no end after \(Self.maxTurns) turns: \(try await words())"
  }

  private func begin(_ node: SimulatedNode) { work.spawn("node") { await node.live() } }

  // MARK: What happens

  private func turn() async throws -> Bool {
    if node.isUseless || (killsLeft > 0 && world.chance(9)) {
      if !node.isUseless {
        killsLeft -= 1
        kills += 1
      }
      replaceNode()
      return true
    }
    if run == nil {
      if !isStarting { start() }
    } else if troubleLeft > 0, world.chance(8) {
      troubleLeft -= 1
      interfere()
      return true
    }
    return try await goOn()
  }

  private func replaceNode() {
    for process in node.launcher.running where world.chance(3) { world.hasEffect(process) }
    if world.chance(4), !node.isUseless {
      // In good order; the next one does not wait until it is through, and takes its runs.
      node.shutdown()
    }
    node.kill(writing: world.below(node.store.waiting + 1))
    isStarting = false
    node = SimulatedNode(plan: plan, store: world.store(), world: world)
    begin(node)
  }

  /// A client that asks again until it is heard, always under one key.
  private func start() {
    isStarting = true
    let (executor, flow, key) = (node.runtime.executor, Self.flow, Self.key)
    work.spawn("client") {
      do throws(RuntimeRefusal) {
        _ = try await executor.start(flow, input: ["list": ["x", "y", "z"]], idempotencyKey: key)
      } catch {
        // The world sees that there is no run, and asks again.
        if error.kind != .storage, error.kind != .unavailable { Issue.record("the run does not start: \(error)") }
      }
    }
  }

  private func goOn() async throws -> Bool {
    let processes = node.launcher.running
    let isWaiting = node.store.waiting > 0
    let deadline = world.clock.nextDeadline
    if isWaiting, world.chance(2) || (processes.isEmpty && deadline == nil) {
      node.store.flush()
      return true
    }
    if !processes.isEmpty, deadline == nil || !world.chance(3) {
      end(processes[world.below(processes.count)])
      return true
    }
    if let deadline {
      world.clock.advance(by: max(.zero, deadline - world.clock.now()))
      return true
    }
    if isStarting, run == nil {
      isStarting = false
      start()
      return true
    }
    return try await help()
  }

  private func end(_ process: FakeProcess) {
    switch world.below(10) {
    case 0: process.end(.exited(code: 3))
    case 1:
      world.hasEffect(process)
      process.end(.exited(code: 1))
    case 2: process.end(.exited(code: 75))
    case 3:
      world.hasEffect(process)
      process.endByLostGuard()
    default:
      world.hasEffect(process)
      process.write(answer(of: process))
      process.end(.exited(code: 0))
    }
  }

  private func answer(of process: FakeProcess) -> String {
    switch process.environment("NAOS_AGENT") {
    case "probe": #"{"applied":\#(world.chance(2)),"output":"found"}"#
    case "judge": #"{"groups":[["m0","m1","m2"],["m3","m4"]]}"#
    default: world.chance(3) ? "odd" : "same"
    }
  }

  // MARK: What people do

  private func interfere() {
    guard let run else { return }
    switch world.below(6) {
    case 0: ask { try await $0.cancel(run, by: "ann") }
    case 1: ask { try await $0.cancel(run, by: "ann", kill: true) }
    case 2: ask { try await $0.pause(run, by: "ann") }
    case 3: ask { try await $0.signal(run, name: "go0", id: "once", payload: "early") }
    case 4: ask { try await $0.retry(run, by: "ann") }
    default: ask { try await $0.resume(run, by: "ann") }
    }
  }

  private func ask(
    _ verb: @escaping @Sendable (RunExecutor) async throws -> Void
  ) {
    let executor = node.runtime.executor
    work.spawn("person") {
      do {
        try await verb(executor)
      } catch let refusal as RuntimeRefusal where refusal.kind != .invalid || refusal.code == "NX-RUN-051" {
        // Most of what people ask for at random is not possible at that moment.
      } catch {
        Issue.record("a person was told: \(error)")
      }
    }
  }

  /// Nothing goes on by itself: somebody has to look at a run that rests, or to send what is waited for.
  private func help() async throws -> Bool {
    let unfinished = try await world.disk.runs(RunQuery(limit: 100)).filter { !$0.summary.status.isFinal }
    if let paused = unfinished.first(where: { $0.summary.status == .paused }) {
      let id = paused.id
      let stuck = try await stuckSteps(of: paused)
      switch world.below(6) {
      case 4: ask { try await $0.cancel(id, by: "ann") }
      case 5: ask { try await $0.cancel(id, by: "ann", kill: true) }
      case 0 where stuck.last != nil:
        ask { try await $0.skip(id, step: stuck[stuck.count - 1], by: "ann", reason: "by hand") }
      case 1 where stuck.last != nil:
        ask { try await $0.markDone(id, step: stuck[stuck.count - 1], by: "ann", output: "by hand") }
      case 2: ask { try await $0.retry(id, by: "ann") }
      default: ask { try await $0.resume(id, by: "ann") }
      }
      return true
    }
    for record in unfinished {
      guard let step = try await recovered(record).escalated.first else { continue }
      let id = record.id
      let decision = [GateDecision.accept, .accept, .retry, .stop][world.below(4)]
      ask { try await $0.decide(id, step: step, decision, by: "ann", note: "") }
      return true
    }
    guard let run, unfinished.contains(where: { $0.id == run && $0.summary.status == .suspended }) else { return false }
    for name in ["go0", "go1"] { ask { try await $0.signal(run, name: name, id: nil, payload: "now") } }
    return definition.eventNames.contains { ["go0", "go1"].contains($0) }
  }

  private func stuckSteps(of record: RunRecord) async throws -> [StepPath] {
    let machine = try await recovered(record)
    return try await journal(of: record.id).compactMap { entry in
      switch entry.entry {
      case .attemptStarted(let path, _, _), .stepBegun(let path): machine.canResolve(path) ? path : nil
      default: nil
      }
    }
  }

  // MARK: What must hold

  private func journal(of run: RunID) async throws -> [JournalEntry] {
    try await world.disk.journal(of: run, after: .none, limit: .max)
  }

  /// How every run stands, and what its journal says.
  private func words() async throws -> String {
    var lines: [String] = []
    for record in try await world.disk.runs(RunQuery(limit: 100)) {
      let words = try await journal(of: record.id).map { JournalWord.of($0.entry) }
      let status = record.summary.status.rawValue
      lines.append("\(record.id) \(record.name) \(status) \(record.fence): \(words.joined(separator: " · "))")
    }
    return lines.joined(separator: "\n")
  }

  /// The journal of the run, as a golden keeps it.
  func golden() async throws -> JournalGolden? {
    guard let run, let record = try await world.disk.run(run) else { return nil }
    return try JournalGolden(
      definition: definition.pinned, input: record.input, entries: try await journal(of: run))
  }

  private func recovered(_ record: RunRecord) async throws -> FlowMachine {
    let pinned = record.id == run ? definition : definition.children[record.name]
    var machine = FlowMachine(run: record.id, definition: pinned ?? definition, input: record.input)
    for entry in try await journal(of: record.id) { machine.apply(entry) }
    return machine
  }

  /// At every moment.
  private func check() async throws -> String? {
    if run == nil {
      run = try await world.disk.run(named: Self.flow, idempotencyKey: Self.key)?.id
    }
    guard let run else { return nil }
    let now = try await journal(of: run)
    if Array(now.prefix(seen.count)) != seen { return "what was written is gone: \(try await words())" }
    seen = now
    var open: Set<String> = []
    for process in node.launcher.running where process.environment("NAOS_RUN_ID") == run.text {
      let step = process.environment("NAOS_STEP") ?? ""
      if !open.insert(step).inserted { return "two attempts of \(step) at a time" }
    }
    if open.count > definition.maxParallel { return "\(open.count) attempts at a time" }
    guard let record = try await world.disk.run(run) else { return "the run is gone" }
    let outlook = try await recovered(record).outlook
    let summary = record.summary
    if outlook.status.isFinal != summary.status.isFinal || outlook.pauseReason != summary.pauseReason
      || outlook.output != summary.output || outlook.error != summary.error || outlook.attempts != summary.attempts
    {
      return "the journal adds up to \(outlook), the list says \(summary): \(try await words())"
    }
    return nil
  }

  private func isOver() async throws -> Bool {
    guard let run, try await world.disk.run(run)?.summary.status.isFinal == true else { return false }
    guard await node.runtime.executor.residentRuns == 0, node.launcher.running.isEmpty else { return false }
    return try await world.disk.runs(RunQuery(limit: 100)).allSatisfy(\.summary.status.isFinal)
  }

  private func checkEnd() async throws -> String? {
    guard let run, let record = try await world.disk.run(run) else { return "no run" }
    end = record.summary.status
    for child in try await world.disk.runs(RunQuery(parent: run, limit: 100)) where child.summary.status == .completed {
      if let key = child.idempotencyKey { world.hasEffect(under: key) }
    }
    for (id, entries) in world.acknowledged {
      let written = Dictionary(
        try await journal(of: id).map { ($0.sequence, $0) }, uniquingKeysWith: { first, _ in first })
      for entry in entries where written[entry.sequence] != entry {
        return "\(id) lost \(JournalWord.of(entry.entry)), which was acknowledged"
      }
    }
    if let problem = try await checkLaunches() { return problem }
    return FlowRules(
      run: run, definition: definition, journal: try await journal(of: run), status: record.summary.status,
      effects: world.effects, living: []
    ).broken()
  }

  /// No process was started whose attempt is not in the journal, and no attempt twice.
  private func checkLaunches() async throws -> String? {
    var begun: Set<SimulatedWorld.Launch> = []
    for record in try await world.disk.runs(RunQuery(limit: 100)) {
      for entry in try await journal(of: record.id) {
        guard case .attemptStarted(let path, let attempt, _) = entry.entry else { continue }
        begun.insert(SimulatedWorld.Launch(key: "\(record.id)/\(path)", attempt: "\(attempt)"))
      }
    }
    var seen: Set<SimulatedWorld.Launch> = []
    for launch in world.launches {
      if !begun.contains(launch) { return "\(launch) was started, and no journal says so: \(try await words())" }
      if !seen.insert(launch).inserted { return "\(launch) was started twice: \(try await words())" }
    }
    return nil
  }
}
