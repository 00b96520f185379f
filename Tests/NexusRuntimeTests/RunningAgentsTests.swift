// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Synchronization
import Testing

@Suite struct `A running agent` {
  @Test func `gets its input, its environment and nothing else, and its output becomes the run's`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: "hello")
      let process = try #require(await processes.next())
      #expect(process.request.standardInput == Array("hello".utf8))
      #expect(process.environment("NAOS_RUN_ID") == run.id.text)
      #expect(process.environment("OPENAI_BASE_URL") == "http://127.0.0.1:9/v1")
      #expect(process.environment("ANTHROPIC_BASE_URL") == "http://127.0.0.1:9")
      #expect(process.environment("PATH") == "/bin")
      #expect(process.environment("NAOS_ATTEMPT") == "1")
      process.write("the ")
      process.write("answer\n")
      process.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      let record = try await fixture.record(run.id)
      #expect(record.summary.status == .completed)
      #expect(record.summary.output == "the answer")
      #expect(fixture.runtime.board.status(of: RuntimeFixture.worker)?.state == .idle)
      #expect(fixture.boundary.openKeys.isEmpty)
    }
  }

  @Test func `cannot have another file taken for its output`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      let secret = fixture.directory + "/token"
      try Files.write(Array("naos_secret".utf8), to: secret, mode: 0o600)
      let path = try #require(process.environment("NAOS_OUTPUT"))
      try #require(unsafe symlink(secret, path) == 0)
      process.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      let summary = try await fixture.record(run.id).summary
      #expect(summary.status == .failed)
      #expect(summary.output == nil)
      #expect(summary.error?.code == "NX-AGT-005")
    }
  }

  @Test func `cannot fill the status with the marks of one character`() async throws {
    try await RuntimeFixture.with { fixture in
      let note = "a" + String(repeating: "\u{301}", count: 100_000)
      let caller = Caller(agent: RuntimeFixture.worker, run: nil, step: StepPath("main"), attempt: AttemptNumber(1))
      let reply = await fixture.runtime.agentCalls.handle(
        AgentCall(
          method: "POST", path: ["heartbeat"], query: [:], body: JSONValue.object(["note": .string(note)]).encoded(),
          caller: caller, key: VirtualKey("k")))
      #expect(reply.status == 200)
      let step = try #require(fixture.runtime.board.status(of: RuntimeFixture.worker)?.step)
      #expect(step.unicodeScalars.count == 200)
    }
  }

  @Test func `may write its output to the file that it is given`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: ["n": 1])
      let process = try #require(await processes.next())
      #expect(process.request.standardInput == Array(#"{"n":1}"#.utf8))
      process.write("only a log line")
      let path = try #require(process.environment("NAOS_OUTPUT"))
      try Files.write(Array(#"{"ok":true}"#.utf8), to: path)
      process.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.output == ["ok": true])
    }
  }

  @Test func `is restarted at once after a crash, later after the second, and given up after the third`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      try #require(await processes.next()).end(.signalled(signal: 9))
      let second = try #require(await processes.next())
      #expect(second.environment("NAOS_ATTEMPT") == "2")
      second.end(.exited(code: 1))
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(1))
      try #require(await processes.next()).end(.exited(code: 3))
      await fixture.runtime.executor.wait(for: run.id)
      let record = try await fixture.record(run.id)
      #expect(record.summary.status == .failed)
      #expect(record.summary.error?.message == "the agent exited with code 3")
      #expect(try await fixture.store.restarts(since: WallTime(microseconds: 0)).count == 2)
    }
  }

  @Test func `that dies at its high-water mark is rewound`() async throws {
    try await RuntimeFixture.with(RuntimeFixture.plan { $0.retry.maxAttempts = 4 }) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      var tally = AttemptTally()
      tally.made = 7
      var replayed = AttemptTally()
      replayed.replayed = 7
      fixture.boundary.nextTallies(tally, replayed)
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      try #require(await processes.next()).end(.exited(code: 1))
      try #require(await processes.next()).end(.exited(code: 1))
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(1))
      try #require(await processes.next()).end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(fixture.boundary.rewinds == [0, 0, 1])
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `whose command does not exist fails at once with the reason`() async throws {
    try await RuntimeFixture.with { fixture in
      fixture.launcher.failNext(LaunchError(stage: .lookup, errorNumber: 2, message: "no program `work` in PATH"))
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      await fixture.runtime.executor.wait(for: run.id)
      let record = try await fixture.record(run.id)
      #expect(record.summary.status == .failed)
      #expect(record.summary.error?.code == "NX-AGT-002")
      #expect(record.summary.attempts == 1)
    }
  }

  @Test func `is asked to stop, then killed, when its run is cancelled`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      process.ignoreTerminate()
      try await fixture.runtime.executor.cancel(run.id, by: "test")
      await fixture.clock.waitForSleepers(1)
      #expect(process.signals == [.terminate])
      fixture.clock.advance(by: .seconds(5))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(process.signals == [.terminate, .kill])
      #expect(try await fixture.record(run.id).summary.status == .cancelled)
    }
  }

  @Test func `that ends badly after a refusal of its budget is exhausted, not crashed`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      var tally = AttemptTally()
      tally.refusal = BudgetRefusal(reason: .exhausted, scope: "agent:worker", action: .refuse, message: "used up")
      fixture.boundary.nextTallies(tally)
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      try #require(await processes.next()).end(.exited(code: 1))
      await fixture.runtime.executor.wait(for: run.id)
      let record = try await fixture.record(run.id)
      #expect(record.summary.status == .failed)
      #expect(record.summary.error?.code == "NX-BUD-001")
      #expect(record.summary.attempts == 1)
      #expect(fixture.runtime.board.status(of: RuntimeFixture.worker)?.state == .exhausted)
      #expect(try await fixture.store.restarts(since: WallTime(microseconds: 0)).isEmpty)
    }
  }

  @Test func `is stopped and paused by a budget that pauses, and goes on when a person resumes it`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      let (key, caller) = try #require(fixture.boundary.openKeys.first)
      var tally = AttemptTally()
      tally.refusal = BudgetRefusal(reason: .exhausted, scope: "agent:worker", action: .pause, message: "used up")
      fixture.boundary.setLive(key, tally)
      fixture.events.publish(.effect(EffectEvent(caller: caller, phase: .refused, kind: .model, name: "m")))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(process.signals == [.terminate])
      #expect(try await fixture.record(run.id).summary.pauseReason == .budget)
      try await fixture.runtime.executor.resume(run.id, by: "test")
      try #require(await processes.next()).end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `is killed, and not asked, by a budget that kills, and is exhausted`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      // It would stay if it were only asked to go.
      process.ignoreTerminate()
      let (key, caller) = try #require(fixture.boundary.openKeys.first)
      var tally = AttemptTally()
      tally.refusal = BudgetRefusal(reason: .exhausted, scope: "agent:worker", action: .kill, message: "used up")
      fixture.boundary.setLive(key, tally)
      fixture.events.publish(.effect(EffectEvent(caller: caller, phase: .refused, kind: .model, name: "m")))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(process.signals == [.kill])
      let record = try await fixture.record(run.id)
      #expect(record.summary.status == .failed)
      #expect(record.summary.error?.code == "NX-BUD-001")
      #expect(record.summary.attempts == 1)
      #expect(fixture.runtime.board.status(of: RuntimeFixture.worker)?.state == .exhausted)
      // It is no crash: nothing is restarted, and no window of its supervisor is used up.
      #expect(try await fixture.store.restarts(since: WallTime(microseconds: 0)).isEmpty)
    }
  }

  @Test func `runs past its timeout only until it is stopped`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null, timeout: .seconds(30))
      let process = try #require(await processes.next())
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(30))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(process.signals == [.terminate])
      #expect(try await fixture.record(run.id).summary.error?.code == "NX-RUN-003")
    }
  }
}

@Suite struct `A node that comes back` {
  @Test func `goes on with what it finds, and an interruption counts as no failure`() async throws {
    let clock = ManualClock()
    let store = InMemoryStore()
    let id = RunBox()
    try await RuntimeFixture.with(store: store, clock: clock) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      id.value = try await fixture.runtime.executor.start("worker", input: "x").id
      _ = try #require(await processes.next())
    }
    let run = try #require(id.value)
    #expect(try await store.run(run)?.summary.status == .running)
    try await RuntimeFixture.with(store: store, clock: clock) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      #expect(try await fixture.runtime.executor.recover().resumed == 1)
      let process = try #require(await processes.next())
      #expect(process.environment("NAOS_ATTEMPT") == "2")
      process.write("done")
      process.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.output == "done")
      let journal = try await store.journal(of: run, after: .none, limit: .max)
      let interrupted = journal.contains {
        if case .attemptEnded(_, _, let end) = $0.entry, case .interrupted = end.outcome { true } else { false }
      }
      #expect(interrupted)
    }
  }

  @Test func `does not start the same run twice for one idempotency key`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let first = try await fixture.runtime.executor.start("worker", input: 1, idempotencyKey: "k")
      let second = try await fixture.runtime.executor.start("worker", input: 1, idempotencyKey: "k")
      #expect(first.id == second.id)
      try #require(await processes.next()).end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: first.id)
    }
  }
}

@Suite struct `A service agent` {
  private static let plan = RuntimeFixture.plan {
    $0 = AgentSpec(name: $0.name, kind: $0.kind, mode: .service, workingDirectory: "/")
  }

  private func call(
    _ fixture: RuntimeFixture, _ method: String, _ path: String, _ body: JSONValue? = nil, run: RunID? = nil,
    key: String = "k"
  ) async -> AgentReply {
    let caller = Caller(agent: RuntimeFixture.worker, run: run, step: .main, attempt: AttemptNumber(1))
    return await fixture.runtime.agentCalls.handle(
      AgentCall(
        method: method, path: path.split(separator: "/").map(String.init), query: ["wait": "30"],
        body: body?.encoded() ?? [], caller: caller, key: VirtualKey(key)))
  }

  @Test func `answers a task with the key of that task or its own, and with no other task's`() async throws {
    try await RuntimeFixture.with(Self.plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      _ = try #require(await processes.next())
      let runs = [
        try await fixture.runtime.executor.start("worker", input: 1),
        try await fixture.runtime.executor.start("worker", input: 2),
      ]
      let first = try #require(await call(fixture, "GET", "next").body)
      let second = try #require(await call(fixture, "GET", "next").body)
      let key = try #require(first["key"]?.stringValue)
      let run = runs[0].id
      let names = [first, second].compactMap { $0["task"]?.stringValue }
      try #require(names.count == 2)
      for end in ["result", "failure"] {
        let body: JSONValue = end == "result" ? ["output": "stolen"] : ["message": "stolen"]
        let reply = await call(fixture, "POST", "tasks/\(names[1])/\(end)", body, run: run, key: key)
        #expect(reply.status == 409)
        #expect(reply.body?["code"] == "NX-AGT-009")
      }
      #expect(
        await call(fixture, "POST", "tasks/\(names[0])/result", ["output": "mine"], run: run, key: key).status == 200)
      #expect(await call(fixture, "POST", "tasks/\(names[1])/result", ["output": "own"]).status == 200)
      for run in runs { await fixture.runtime.executor.wait(for: run.id) }
      #expect(try await fixture.record(runs[0].id).summary.output == "mine")
      #expect(try await fixture.record(runs[1].id).summary.output == "own")
    }
  }

  @Test func `has a result refused that misspells output or says nothing, and keeps the task`() async throws {
    try await RuntimeFixture.with(Self.plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      _ = try #require(await processes.next())
      let run = try await fixture.runtime.executor.start("worker", input: "job")
      let task = try #require(await call(fixture, "GET", "next").body?["task"]?.stringValue)
      let bodies: [JSONValue?] = [["outptu": 1], ["output": 1, "outptu": 2], [:], Optional<JSONValue>.none]
      for body in bodies {
        let reply = await call(fixture, "POST", "tasks/\(task)/result", body)
        #expect(reply.status == 400)
        #expect(reply.body?["code"] == "NX-API-001")
      }
      // A text is an output as it is.
      #expect(await call(fixture, "POST", "tasks/\(task)/result", "done").status == 200)
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.output == "done")
    }
  }

  @Test func `is started, pulls its work and answers it`() async throws {
    try await RuntimeFixture.with(Self.plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      _ = try #require(await processes.next())
      let run = try await fixture.runtime.executor.start("worker", input: "job")
      let task = try #require(await call(fixture, "GET", "next").body)
      #expect(task["input"] == "job")
      #expect(task["run"]?.stringValue == run.id.text)
      let name = try #require(task["task"]?.stringValue)
      #expect(await call(fixture, "POST", "tasks/\(name)/result", ["output": 42]).status == 200)
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.output == 42)
      #expect(await call(fixture, "POST", "tasks/\(name)/result", ["output": 43]).status == 409)
    }
  }

  @Test func `that dies is restarted, and its task is handed out again`() async throws {
    try await RuntimeFixture.with(Self.plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = try #require(await processes.next())
      let run = try await fixture.runtime.executor.start("worker", input: "job")
      let task = try #require(await call(fixture, "GET", "next").body)
      first.end(.signalled(signal: 9))
      _ = try #require(await processes.next())
      let again = try #require(await call(fixture, "GET", "next").body)
      #expect(again["task"] != task["task"])
      #expect(again["idempotencyKey"] == task["idempotencyKey"])
      let name = try #require(again["task"]?.stringValue)
      #expect(await call(fixture, "POST", "tasks/\(name)/result", ["output": "ok"]).status == 200)
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `that crashes more often than its supervisor allows stays down as failed`() async throws {
    try await RuntimeFixture.with(Self.plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let changes = try #require(
        fixture.events.watch { event -> String? in
          if case .agent(let agent) = event { agent.state } else { nil }
        })
      await fixture.runtime.start(services: true)
      for _ in 0..<4 { try #require(await processes.next()).end(.exited(code: 1)) }
      for await state in changes where state == "failed" { break }
      #expect(fixture.runtime.board.status(of: RuntimeFixture.worker)?.state == .failed)
    }
  }
}

/// Carries an id out of a test body.
private final class RunBox: Sendable {
  private let run = Mutex<RunID?>(nil)
  var value: RunID? {
    get { run.withLock { $0 } }
    set { run.withLock { $0 = newValue } }
  }
}
