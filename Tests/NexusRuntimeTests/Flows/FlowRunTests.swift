// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A run of several steps` {
  private static let fan = Flows.flow(
    "fan", .workflow, Flows.step("left"), Flows.step("right"), Flows.step("join", of: Flows.helper, needs: [0, 1]))

  @Test func `has attempts of one agent under way at a time, each with its own step, folder and key`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.fan)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("fan", input: ["n": 1])
      #expect(run.kind == .workflow)
      let both = try await fixture.next(2, of: &processes)
      let (left, right) = (try #require(both["left"]), try #require(both["right"]))
      #expect(left.environment("NAOS_IDEMPOTENCY_KEY") == "\(run.id)/left")
      #expect(right.environment("NAOS_IDEMPOTENCY_KEY") == "\(run.id)/right")
      #expect(left.environment("NAOS_OUTPUT") == "\(fixture.directory)/runs/\(run.id)/left/1/output")
      #expect(left.environment("NAOS_RUN_ID") == run.id.text)
      #expect(left.request.standardInput == Array(#"{"n":1}"#.utf8))
      #expect(fixture.runtime.board.status(of: Flows.worker)?.runningRuns == 2)
      right.succeed("2")
      left.succeed("1")
      let join = try #require(await processes.next())
      #expect(join.environment("NAOS_AGENT") == "helper")
      #expect(join.request.standardInput == Array(#"{"left":1,"right":2}"#.utf8))
      join.succeed("\"both\"")
      await fixture.runtime.executor.wait(for: run.id)
      let summary = try await fixture.record(run.id).summary
      #expect(summary.status == .completed)
      #expect(summary.output == "both")
      #expect(summary.attempts == 3)
      #expect(fixture.runtime.board.status(of: Flows.worker)?.runningRuns == 0)
      #expect(fixture.runtime.board.status(of: Flows.worker)?.state == .idle)
      #expect(fixture.boundary.openKeys.isEmpty)
    }
  }

  @Test func `tries a step again on its own account, and fails with what the last attempt said`() async throws {
    let flow = Flows.flow(
      "one", .workflow, Flows.step("only") { $0.retry.policy = RetryPolicy(maxAttempts: 2) })
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("one", input: .null)
      try #require(await processes.next()).end(.exited(code: 3))
      let second = try #require(await processes.next())
      #expect(second.environment("NAOS_ATTEMPT") == "2")
      #expect(await fixture.runtime.supervisors.restarts(of: Flows.worker)?.count == 0)
      second.end(.exited(code: 4))
      await fixture.runtime.executor.wait(for: run.id)
      let summary = try await fixture.record(run.id).summary
      #expect(summary.status == .failed)
      #expect(summary.error?.exit == 4)
      #expect(fixture.runtime.board.status(of: Flows.worker)?.state == .failed)
    }
  }

  @Test func `gives each element of a list a folder with a name that any file system takes`() async throws {
    let items = try ValueTemplate(parsing: "{{ run.input }}")
    let flow = Flows.flow("each", .workflow, Flows.step("draft") { $0.forEach = ForEach(items: items) })
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("each", input: ["a", "b"])
      let both = try await fixture.next(2, of: &processes)
      let second = try #require(both["draft[1]"])
      #expect(second.environment("NAOS_OUTPUT") == "\(fixture.directory)/runs/\(run.id)/draft~5B1~5D/1/output")
      #expect(second.request.standardInput == Array("b".utf8))
      for (step, process) in both { process.succeed("\"\(step)\"") }
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.output == ["draft[0]", "draft[1]"])
    }
  }

  @Test func `still runs an agent that the configuration has no more`() async throws {
    let flow = Flows.flow("one", .workflow, Flows.step("only"))
    let plan = Flows.plan(flow)
    try await RuntimeFixture.with(plan) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      var smaller = plan
      smaller.agents.removeAll { $0.name == Flows.worker }
      _ = await fixture.runtime.executor.reload(smaller, prune: true)
      let run = try await fixture.runtime.executor.start("one", input: .null)
      let process = try #require(await processes.next())
      #expect(process.request.arguments == ["work"])
      process.succeed("done")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `keeps the durable steps of each step's agent apart`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.fan)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("fan", input: .null)
      _ = try await fixture.next(2, of: &processes)
      let calls = fixture.runtime.agentCalls
      func caller(_ step: String) -> Caller {
        Caller(agent: Flows.worker, run: run.id, step: StepPath(step), attempt: AttemptNumber(1))
      }
      func call(_ method: String, _ step: String, _ body: String = "") async -> AgentReply {
        await calls.handle(
          AgentCall(
            method: method, path: ["steps", "draft"], query: [:], body: Array(body.utf8), caller: caller(step),
            key: VirtualKey("k")))
      }
      #expect(await call("PUT", "left", "1").status == 200)
      #expect(await call("GET", "right").status == 404)
      #expect(await call("PUT", "right", "2").status == 200)
      #expect(await call("PUT", "left", "3").body == 1)
      #expect(await call("GET", "left").body == 1)
      let recorded = try await fixture.journal(run.id).compactMap { entry -> StepPath? in
        if case .stepRecorded(let path, _) = entry { path } else { nil }
      }
      #expect(recorded == [StepPath("left/draft"), StepPath("right/draft")])
    }
  }

  @Test func `is cancelled with all its attempts`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.fan)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("fan", input: .null)
      let both = try await fixture.next(2, of: &processes)
      try await fixture.runtime.executor.cancel(run.id, by: "test")
      await fixture.runtime.executor.wait(for: run.id)
      for process in both.values { #expect(process.signals == [.terminate]) }
      #expect(try await fixture.record(run.id).summary.status == .cancelled)
      #expect(await fixture.runtime.supervisors.restarts(of: Flows.worker)?.count == 0)
    }
  }

  @Test func `is killed without a word to its processes`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.fan)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("fan", input: .null)
      let both = try await fixture.next(2, of: &processes)
      for process in both.values { process.ignoreTerminate() }
      try await fixture.runtime.executor.cancel(run.id, by: "test", kill: true)
      await fixture.runtime.executor.wait(for: run.id)
      for process in both.values { #expect(process.signals == [.kill]) }
      #expect(try await fixture.record(run.id).summary.status == .cancelled)
      let last = try #require(try await fixture.journal(run.id).last)
      guard case .killed(by: "test", _) = last else {
        Issue.record("the journal ends with \(last)")
        return
      }
    }
  }

  @Test func `is paused with all its attempts, and goes on with those that had not ended`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.fan)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("fan", input: .null)
      let both = try await fixture.next(2, of: &processes)
      var notes = try fixture.notes()
      try #require(both["left"]).succeed("1")
      await notes.wait(for: "fan: left: completed")
      try await fixture.runtime.executor.pause(run.id, by: "test")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .paused)
      #expect(try #require(both["right"]).signals == [.terminate])
      try await fixture.runtime.executor.resume(run.id, by: "test")
      let again = try #require(await processes.next())
      #expect(again.environment("NAOS_STEP") == "right")
      again.succeed("2")
      try #require(await processes.next()).succeed("3")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `goes on after a restart of the node without doing again what is done`() async throws {
    let store = InMemoryStore()
    try await RuntimeFixture.with(Flows.plan(Self.fan), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("fan", input: .null, idempotencyKey: "k")
      let both = try await fixture.next(2, of: &processes)
      var notes = try fixture.notes()
      try #require(both["left"]).succeed("1")
      await notes.wait(for: "fan: left: completed")
      await fixture.runtime.shutdown()
      #expect(try #require(both["right"]).signals == [.terminate])
      #expect(try await fixture.record(run.id).summary.status == .running)
    }
    let run = try #require(try await store.run(named: "fan", idempotencyKey: "k")).id
    try await RuntimeFixture.with(Flows.plan(Self.fan), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      #expect(try await fixture.runtime.executor.recover().resumed == 1)
      let right = try #require(await processes.next())
      #expect(right.environment("NAOS_STEP") == "right")
      #expect(right.environment("NAOS_ATTEMPT") == "2")
      #expect(right.environment("NAOS_IDEMPOTENCY_KEY") == "\(run)/right")
      right.succeed("2")
      let join = try #require(await processes.next())
      #expect(join.request.standardInput == Array(#"{"left":1,"right":2}"#.utf8))
      join.succeed("3")
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .completed)
    }
  }

  @Test func `fails when its journal is as long as it may be, and says so`() async throws {
    // The commits before it are those of the run and of its first attempts.
    let store = FaultyStore(InMemoryStore(), .tooLarge, at: 3)
    try await RuntimeFixture.with(Flows.plan(Self.fan), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("fan", input: .null)
      let both = try await fixture.next(2, of: &processes)
      try #require(both["left"]).succeed("1")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try #require(both["right"]).signals == [.kill])
      let summary = try await fixture.record(run.id).summary
      #expect(summary.status == .failed)
      #expect(summary.error?.code == "NX-STO-008")
    }
  }

  @Test func `undoes what it did when it is a saga whose journal is as long as it may be`() async throws {
    // The run, the beginning of `a`, its end; then what `b` came to.
    let store = FaultyStore(InMemoryStore(), .tooLarge, at: 4)
    let saga = Flows.flow(
      "trip", .saga,
      Flows.step("a") { $0.compensation = CompensationStep(agent: Flows.helper) }, Flows.step("b", needs: [0]))
    try await RuntimeFixture.with(Flows.plan(saga), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("trip", input: .null)
      try #require(await processes.next()).succeed("1")
      try #require(await processes.next()).succeed("2")
      let undo = try #require(await processes.next())
      #expect(undo.environment("NAOS_AGENT") == "helper")
      undo.succeed("undone")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(store.fired == 1)
      let summary = try await fixture.record(run.id).summary
      #expect(summary.status == .compensated)
      #expect(summary.error?.code == "NX-STO-008")
    }
  }

  @Test func `undoes nothing when its journal has no room for the success of its pivot`() async throws {
    let store = FaultyStore(InMemoryStore(), .tooLarge, at: 4)
    let saga = Flows.flow(
      "trip", .saga, Flows.step("a") { $0.compensation = CompensationStep(agent: Flows.helper) },
      Flows.step("b", needs: [0]) { $0.commitment = .pivot })
    try await RuntimeFixture.with(Flows.plan(saga), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("trip", input: .null)
      try #require(await processes.next()).succeed("1")
      try #require(await processes.next()).succeed("2")
      await fixture.runtime.executor.wait(for: run.id)
      let summary = try await fixture.record(run.id).summary
      #expect(summary.status == .failed && summary.error?.code == "NX-STO-008")
      let hasGoneBack = try await fixture.journal(run.id).contains {
        if case .compensationStarted = $0 { true } else { false }
      }
      #expect(!hasGoneBack)
    }
  }

  @Test(.timeLimit(.minutes(1))) func `a wait for it can be given up`() async throws {
    try await RuntimeFixture.with(Flows.plan(Self.fan)) { fixture in
      let run = try await fixture.runtime.executor.start("fan", input: .null)
      let wait = Task { await fixture.runtime.executor.wait(for: run.id) }
      wait.cancel()
      await wait.value
      await fixture.runtime.executor.wait(for: RunID("run_unknown"))
    }
  }

  @Test func `that is a pool has its result before its losers have ended`() async throws {
    var pool = Flows.flow("race", .pool, Flows.step("one"), Flows.step("two"))
    pool.decision = PoolDecision(strategy: .first)
    try await RuntimeFixture.with(Flows.plan(pool)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("race", input: .null)
      let both = try await fixture.next(2, of: &processes)
      try #require(both["one"]).succeed("fast")
      await fixture.runtime.executor.wait(for: run.id, until: .result)
      #expect(try await fixture.record(run.id).summary.output == "fast")
      #expect(await fixture.runtime.executor.residentRuns == 1)
      try #require(both["two"]).end(.signalled(signal: 15))
      await fixture.runtime.executor.wait(for: run.id)
    }
  }

  @Test func `waits for a version that can read its definition`() async throws {
    let store = InMemoryStore()
    let run = RunID("run_x")
    let at = WallTime(microseconds: 0)
    let record = RunRecord(
      id: run, kind: .workflow, name: "fan", definition: DefinitionHash("d"), input: .null, idempotencyKey: nil,
      createdAt: at, fence: FencingToken(1), head: .none, summary: RunSummary(status: .queued, updatedAt: at))
    let created = RunEntry.created(
      RunCreation(kind: .workflow, name: "fan", input: .null, definition: DefinitionHash("d")))
    try await store.commit(
      StoreTransaction(
        .synced,
        [
          .putDefinition(DefinitionHash("d"), Array(#"{"version":99}"#.utf8)), .insertRun(record),
          .append(
            run: run, fence: FencingToken(1),
            entries: [JournalEntry(sequence: JournalSequence(1), at: at, entry: created)], summary: record.summary),
        ]))
    try await RuntimeFixture.with(Flows.plan(Self.fan), store: store) { fixture in
      _ = try await fixture.runtime.executor.recover()
      await fixture.runtime.executor.wait(for: run)
      let summary = try await fixture.record(run).summary
      #expect(summary.status == .paused)
      #expect(summary.pauseReason == .version)
      try await fixture.runtime.executor.cancel(run, by: "test")
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .cancelled)
    }
  }

  @Test func `goes on as its definition says when a person stops the agent of a step`() async throws {
    let flow = Flows.flow(
      "two", .workflow, Flows.step("first") { $0.onError = .skip }, Flows.step("second", of: Flows.helper, needs: [0]))
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("two", input: .null)
      let first = try #require(await processes.next())
      await fixture.runtime.executor.stopRuns(of: Flows.worker, kill: false)
      #expect(first.signals == [.terminate])
      try #require(await processes.next()).succeed("late")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.output == "late")
    }
  }

  @Test func `is refused where one of its agents may not run`() async throws {
    let plan = Flows.plan(Self.fan) {
      $0.agents[1].refusals = [PlanRefusal(code: "NX-CFG-091", message: "no trust yet")]
    }
    try await RuntimeFixture.with(plan) { fixture in
      let refusal = await #expect(throws: RuntimeRefusal.self) {
        try await fixture.runtime.executor.start("fan", input: .null)
      }
      #expect(refusal?.code == "NX-CFG-091")
    }
  }
}
