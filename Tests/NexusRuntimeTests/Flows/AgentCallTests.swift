// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct `What becomes of calls` {
  private static func ask(
    _ fixture: RuntimeFixture, _ path: [String], _ body: JSONValue = [:], of run: RunID, by method: String = "POST",
    agent: AgentName = RuntimeFixture.worker, wait: Int = 0
  ) async -> AgentReply {
    await fixture.runtime.agentCalls.handle(
      AgentCall(
        method: method, path: path, query: ["wait": String(wait)], body: body.encoded(),
        caller: Caller(agent: agent, run: run, step: StepPath("main"), attempt: AttemptNumber(1)),
        key: VirtualKey("k")))
  }

  private static let saga = Flows.flow("trip", .saga, Flows.step("only", of: Flows.helper))
  private static func plan(_ change: (inout ProjectPlan) -> Void = { _ in }) -> ProjectPlan {
    Flows.plan(saga, change: change)
  }

  /// Writes a run down that nobody has driven here.
  private static func insert(
    _ run: RunID, _ name: String, _ status: RunStatus, parent: RunID? = nil, key: String? = nil,
    at: WallTime = WallTime(microseconds: 1_700_000_000_000_000), into store: any Store
  ) async throws {
    var summary = RunSummary(status: .queued, updatedAt: at)
    let record = RunRecord(
      id: run, kind: .agent, name: name, definition: DefinitionHash("d"), input: .null, idempotencyKey: key,
      createdAt: at, fence: FencingToken(1), head: .none, summary: summary, parent: parent)
    summary.status = status
    summary.endedAt = status.isFinal ? at : nil
    let entry = status == .paused ? RunEntry.paused(.person, note: "") : .resumed(by: "somebody")
    let journal = [JournalEntry(sequence: JournalSequence(1), at: at, entry: entry)]
    try await store.commit(
      .insertRun(record), .append(run: run, fence: FencingToken(1), entries: journal, summary: summary))
  }

  private static func old(_ number: Int) -> RunID {
    RunID(RunID.first(at: WallTime(microseconds: 1_700_000_000_000_000)).text.dropLast(1) + "\(number)")
  }

  // MARK: Limits

  private static let perRun = BudgetSpec(scope: .global, window: .run, maxTokens: TokenCount(10))

  private static func undoable() -> FlowDefinition {
    Flows.flow("trip", .saga, Flows.step("only") { $0.compensation = CompensationStep(agent: Flows.helper) })
  }

  @Test func `whoever is bound by a limit of each run may call only what counts in it`() async throws {
    var soft = Self.perRun
    soft.onLimit = .alert
    let changes: [(refused: Set<String>, change: @Sendable (inout ProjectPlan) -> Void)] = [
      (["abandon", "trip"], { $0.budgets = [Self.perRun] }),
      (["helper", "abandon", "trip"], { $0.agents[0].loops.maxCalls = 3 }),
      ([], { [soft] in $0.budgets = [soft] }),
      ([], { $0.budgets = [BudgetSpec(scope: .global, window: .day, maxTokens: TokenCount(10))] }),
    ]
    for (refused, change) in changes {
      try await RuntimeFixture.with(Flows.plan(Self.undoable(), change: change)) { fixture in
        let run = try await fixture.runtime.executor.start("worker", input: .null).id
        let calls: [(word: String, path: [String], body: JSONValue)] = [
          ("helper", ["helper"], [:]), ("abandon", ["helper", "a"], ["parentClose": "abandon"]),
          ("trip", ["trip"], [:]),
        ]
        for call in calls {
          let reply = await Self.ask(fixture, ["call"] + call.path, call.body, of: run)
          #expect(reply.status == (refused.contains(call.word) ? 403 : 202), "\(call.word): \(reply)")
          if refused.contains(call.word) { #expect(reply.body?["code"] == "NX-RUN-060") }
        }
      }
    }
  }

  @Test func `what is called counts for its caller, however deep, and on the next node`() async throws {
    let store = InMemoryStore()
    let outer = Flows.flow("outer", .workflow, FlowStep(name: "inner", action: .run("inner")))
    let inner = Flows.flow("inner", .workflow, Flows.step("only", of: Flows.helper))
    let plan = Flows.plan(outer, inner)
    let first = Flows.worker
    try await RuntimeFixture.with(plan, store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      _ = try #require(await processes.next())
      #expect(await Self.ask(fixture, ["call", "outer"], of: run).status == 202)
      let only = try #require(await processes.next())
      let child = RunID(try #require(only.environment("NAOS_RUN_ID")))
      let caller = try #require(fixture.boundary.openKeys.values.first { $0.run == child })
      #expect(caller.payers == [Caller.Payer(agent: first, run: run)])
      // The step of a flow that it runs calls another one.
      let reply = await fixture.runtime.agentCalls.handle(
        AgentCall(
          method: "POST", path: ["call", "worker"], query: ["wait": "0"], body: [],
          caller: Caller(agent: Flows.helper, run: child, step: StepPath("only"), attempt: AttemptNumber(1)),
          key: VirtualKey("k")))
      #expect(reply.status == 202, "\(reply)")
      let deepest = RunID(try #require(await processes.next()?.environment("NAOS_RUN_ID")))
      let payers = fixture.boundary.openKeys.values.first { $0.run == deepest }?.payers
      #expect(payers == [Caller.Payer(agent: Flows.helper, run: child), Caller.Payer(agent: first, run: run)])
    }
    let runs = try await store.runs(RunQuery(limit: 10))
    let root = try #require(runs.first { $0.parent == nil }).id
    try await RuntimeFixture.with(plan, store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await fixture.runtime.executor.recover()
      for _ in 0..<3 { _ = try #require(await processes.next()) }
      for caller in fixture.boundary.openKeys.values {
        #expect(caller.payers.last == (caller.run == root ? nil : Caller.Payer(agent: first, run: root)), "\(caller)")
        #expect(caller.payers.count == (caller.run == root ? 0 : caller.agent == first ? 2 : 1), "\(caller)")
      }
    }
  }

  @Test func `what a flow begins belongs to it and its steps, however deep, and on the next node`() async throws {
    let store = InMemoryStore()
    let outer = Flows.flow("outer", .workflow, FlowStep(name: "inner", action: .run("inner")))
    let inner = Flows.flow("inner", .saga, Flows.step("only", of: Flows.helper))
    let plan = Flows.plan(outer, inner)
    @Sendable func expected(_ root: RunID, _ child: RunID) -> [[Caller.FlowPart]] {
      let above = [
        Caller.FlowPart(scope: "saga:inner", run: child), Caller.FlowPart(scope: "step:outer/inner", run: root),
        Caller.FlowPart(scope: "workflow:outer", run: root),
      ]
      let step = Caller.FlowPart(scope: "step:inner/only", run: child)
      // The attempt of the step, and that of the agent which it has called.
      return [[step] + above, [step] + above]
    }
    try await RuntimeFixture.with(plan, store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let root = try await fixture.runtime.executor.start("outer", input: .null).id
      let child = RunID(try #require(await processes.next()?.environment("NAOS_RUN_ID")))
      let reply = await fixture.runtime.agentCalls.handle(
        AgentCall(
          method: "POST", path: ["call", "worker"], query: ["wait": "0"], body: [],
          caller: Caller(agent: Flows.helper, run: child, step: StepPath("only"), attempt: AttemptNumber(1)),
          key: VirtualKey("k")))
      #expect(reply.status == 202, "\(reply)")
      _ = try #require(await processes.next())
      #expect(fixture.boundary.openKeys.values.map(\.flows) == expected(root, child))
    }
    let runs = try await store.runs(RunQuery(limit: 10))
    let root = try #require(runs.first { $0.name == "outer" }).id
    let child = try #require(runs.first { $0.name == "inner" }).id
    try await RuntimeFixture.with(plan, store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await fixture.runtime.executor.recover()
      for _ in 0..<2 { _ = try #require(await processes.next()) }
      #expect(fixture.boundary.openKeys.values.map(\.flows) == expected(root, child))
    }
  }

  @Test func `a flow with a budget lets nothing go that would leave it`() async throws {
    let flow = Flows.flow("outer", .workflow, Flows.step("only", of: Flows.helper))
    let scopes: [(scope: BudgetScope, isRefused: Bool)] = [
      (.workflow("outer"), true), (.step(flow: "outer", step: "only"), true), (.workflow("other"), false),
    ]
    for (scope, isRefused) in scopes {
      let plan = Flows.plan(flow) { $0.budgets = [BudgetSpec(scope: scope, maxTokens: TokenCount(10))] }
      try await RuntimeFixture.with(plan) { fixture in
        var processes = fixture.launcher.processes.makeAsyncIterator()
        let run = try await fixture.runtime.executor.start("outer", input: .null).id
        _ = try #require(await processes.next())
        for (name, closes) in [("a", "abandon"), ("b", "cancel")] {
          let reply = await fixture.runtime.agentCalls.handle(
            AgentCall(
              method: "POST", path: ["call", "worker", name], query: ["wait": "0"],
              body: JSONValue.object(["parentClose": .string(closes)]).encoded(),
              caller: Caller(agent: Flows.helper, run: run, step: StepPath("only"), attempt: AttemptNumber(1)),
              key: VirtualKey("k")))
          #expect(reply.status == (isRefused && closes == "abandon" ? 403 : 202), "\(scope) \(closes): \(reply)")
        }
      }
    }
  }

  @Test func `one run makes so many calls and no more`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      #expect(await Self.ask(fixture, ["call", "helper", "a"], of: run).status == 202)
      // A call of what is not there is one, too.
      for number in 1..<1_000 { _ = await Self.ask(fixture, ["call", "ghost", "\(number)"], of: run) }
      let reply = await Self.ask(fixture, ["call", "helper", "b"], of: run)
      #expect(reply.status == 403 && reply.body?["code"] == "NX-RUN-061", "\(reply)")
      #expect(await Self.ask(fixture, ["call", "helper", "a"], of: run).status == 202)
      #expect(try await fixture.runs(named: "helper").count == 1)
    }
  }

  @Test func `runs that are let go are as deep as the others`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var run = try await fixture.runtime.executor.start("worker", input: .null).id
      for _ in 0..<16 {
        let reply = await Self.ask(fixture, ["call", "worker"], ["parentClose": "abandon"], of: run)
        run = RunID(try #require(reply.body?["run"]?.stringValue, "\(reply)"))
      }
      let reply = await Self.ask(fixture, ["call", "worker"], ["parentClose": "abandon"], of: run)
      #expect(reply.status == 403 && reply.body?["code"] == "NX-RUN-056", "\(reply)")
    }
  }

  // MARK: Retention

  @Test func `the end of a run is kept until its parent is over`() async throws {
    let store = InMemoryStore()
    try await Self.insert(Self.old(1), "worker", .running, into: store)
    try await Self.insert(Self.old(2), "helper", .completed, parent: Self.old(1), into: store)
    try await Self.insert(Self.old(3), "worker", .failed, into: store)
    try await Self.insert(Self.old(4), "helper", .completed, parent: Self.old(3), into: store)
    try await Self.insert(Self.old(5), "helper", .completed, parent: Self.old(9), into: store)
    let clock = ManualClock(wall: WallTime(microseconds: 1_795_000_000_000_000))
    try await RuntimeFixture.with(Self.plan(), store: store, clock: clock) { fixture in
      _ = try await fixture.runtime.executor.prune(RetentionSpec(completed: .zero), dryRun: false)
      let left = try await store.runs(RunQuery()).map(\.id)
      #expect(Set(left) == [Self.old(1), Self.old(2), Self.old(3)])
    }
  }

  @Test func `a caller above which somebody is gone may call`() async throws {
    let store = InMemoryStore()
    try await Self.insert(Self.old(1), "worker", .queued, parent: Self.old(9), into: store)
    try await RuntimeFixture.with(Self.plan(), store: store) { fixture in
      _ = try await fixture.runtime.executor.recover()
      let reply = await Self.ask(fixture, ["call", "helper"], of: Self.old(1))
      #expect(reply.status == 202, "\(reply)")
    }
  }

  // MARK: Ends

  @Test(arguments: ["helper", "trip"])
  func `what ended with its caller goes on when that is retried and calls again`(name: String) async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      let executor = fixture.runtime.executor
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await executor.start("worker", input: .null).id
      _ = try #require(await processes.next())
      #expect(await Self.ask(fixture, ["call", name], of: run).status == 202)
      _ = try #require(await processes.next())
      let child = try #require(try await fixture.runs(named: name).first).id
      var notes = try fixture.notes()
      try await executor.cancel(run, by: "test")
      await notes.wait(for: name == "trip" ? "trip: compensated" : "helper: cancelled")
      await executor.wait(for: child)
      await executor.wait(for: run)
      try await executor.retry(run, by: "test")
      let again = try #require(await processes.next())
      let pending = await Self.ask(fixture, ["call", name], of: run)
      #expect(pending.status == 202, "\(pending)")
      try #require(await processes.next()).succeed("41")
      let done = await Self.ask(fixture, ["call", name], of: run, wait: 60)
      #expect(done.status == 200 && done.body?["status"] == "completed", "\(done)")
      #expect(try await fixture.runs(named: name).count == (name == "trip" ? 2 : 1))
      again.succeed("1")
      await executor.wait(for: run)
    }
  }

  @Test func `a caller that ends because its journal is full ends what it called`() async throws {
    let isFull = Once()
    let store = FaultyStore(InMemoryStore(), fate: { _ in isFull.take() ? .fails(.tooLarge) : .done })
    try await RuntimeFixture.with(Self.plan(), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let caller = try #require(await processes.next())
      #expect(await Self.ask(fixture, ["call", "helper"], of: run).status == 202)
      _ = try #require(await processes.next())
      var notes = try fixture.notes()
      isFull.arm()
      caller.succeed("1")
      await notes.wait(for: "helper: cancelled")
      #expect(try await fixture.record(run).summary.error?.code == "NX-STO-008")
    }
  }

  @Test func `a called run that is paused ends when its caller is found to be over`() async throws {
    let store = InMemoryStore()
    try await Self.insert(Self.old(1), "worker", .completed, into: store)
    try await Self.insert(
      Self.old(2), "helper", .paused, parent: Self.old(1), key: "\(Self.old(1))/.call/helper", into: store)
    try await Self.insert(Self.old(3), "helper", .paused, parent: Self.old(1), key: "step", into: store)
    try await Self.insert(Self.old(4), "worker", .paused, into: store)
    try await Self.insert(
      Self.old(5), "helper", .paused, parent: Self.old(4), key: "\(Self.old(4))/.call/helper", into: store)
    try await RuntimeFixture.with(Self.plan(), store: store) { fixture in
      var notes = try fixture.notes()
      _ = try await fixture.runtime.executor.recover()
      await notes.wait(for: "helper: cancelled")
      #expect(try await fixture.record(Self.old(2)).summary.status == .cancelled)
      for number in 3...5 { #expect(try await fixture.record(Self.old(number)).summary.status == .paused) }
    }
  }

  @Test func `everything that a run has called ends with it, more than a page of it`() async throws {
    let store = InMemoryStore()
    try await Self.insert(Self.old(1), "worker", .completed, into: store)
    let count = 300
    for number in 0..<count {
      let time = WallTime(microseconds: 1_700_000_001_000_000 + Int64(number) * 1_000)
      try await Self.insert(
        RunID.first(at: time), "helper", number.isMultiple(of: 2) ? .paused : .queued, parent: Self.old(1),
        key: "\(Self.old(1))/.call/helper/\(number)", at: time, into: store)
    }
    try await RuntimeFixture.with(Self.plan(), store: store) { fixture in
      var notes = try fixture.notes()
      _ = try await fixture.runtime.executor.recover()
      for _ in 0..<count { await notes.wait(for: "helper: cancelled") }
      #expect(try await store.runs(RunQuery(statuses: [.paused, .queued], limit: 1_000)).isEmpty)
    }
  }

  @Test func `what a run has called goes on if the run was retried before it could be ended`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      let executor = fixture.runtime.executor
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await executor.start("worker", input: .null).id
      _ = try #require(await processes.next())
      try await executor.cancel(run, by: "test")
      await executor.wait(for: run)
      try await executor.retry(run, by: "test")
      _ = try #require(await processes.next())
      #expect(await Self.ask(fixture, ["call", "helper"], of: run).status == 202)
      _ = try #require(await processes.next())
      let child = try #require(try await fixture.runs(named: "helper").first).id
      // That of the end before comes late.
      await executor.endCalls(of: run)
      let isTold = try await fixture.journal(child).contains { if case .cancelRequested = $0 { true } else { false } }
      #expect(!isTold)
      try await executor.cancel(run, by: "test")
      await executor.wait(for: run)
      await executor.endCalls(of: run)
      await executor.wait(for: child)
      #expect(try await fixture.record(child).summary.status == .cancelled)
    }
  }
}

/// True once after it was armed.
private final class Once: Sendable {
  private let isArmed = Mutex(false)

  func arm() { isArmed.withLock { $0 = true } }

  func take() -> Bool {
    isArmed.withLock { armed in
      defer { armed = false }
      return armed
    }
  }
}
