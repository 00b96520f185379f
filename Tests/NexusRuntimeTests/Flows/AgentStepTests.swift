// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `What an agent asks its run for` {
  private static func call(
    _ fixture: RuntimeFixture, _ path: [String], _ body: JSONValue, of run: RunID, step: String = "main",
    attempt: Int = 1, wait: Int = 0
  ) async -> AgentReply {
    await fixture.runtime.agentCalls.handle(
      AgentCall(
        method: "POST", path: path, query: ["wait": String(wait)], body: body.encoded(),
        caller: Caller(
          agent: RuntimeFixture.worker, run: run, step: StepPath(step), attempt: AttemptNumber(attempt)),
        key: VirtualKey("k")))
  }

  // MARK: Sleep

  @Test func `a sleep ends when it was first said to, whatever becomes of the attempt, and counts as no failure`()
    async throws
  {
    try await RuntimeFixture.with(RuntimeFixture.plan { $0.retry.maxAttempts = 1 }) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let first = try #require(await processes.next())
      let due = fixture.clock.now() + .seconds(3_600)
      #expect(await Self.call(fixture, ["sleep"], ["until": "1h"], of: run).status == 202)
      first.end(.exited(code: 75))
      await fixture.clock.waitForSleeper(until: due)
      #expect(try await fixture.record(run).summary.status == .suspended)
      #expect(await fixture.runtime.supervisors.restarts(of: RuntimeFixture.worker)?.count == 0)
      fixture.clock.advance(by: .seconds(3_600))
      let second = try #require(await processes.next())
      #expect(second.environment("NAOS_ATTEMPT") == "2")
      // Asked again it is over, although it says an hour.
      let again = await Self.call(fixture, ["sleep"], ["until": "1h"], of: run, attempt: 2)
      #expect(again.status == 200 && again.body?["slept"] == true)
      second.succeed("1")
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .completed)
    }
  }

  @Test func `an agent whose runs all sleep is shown as waiting, and as at work while one of them is`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let board = fixture.runtime.board
      let sleeper = try await fixture.runtime.executor.start("worker", input: .null).id
      let first = try #require(await processes.next())
      let due = fixture.clock.now() + .seconds(3_600)
      #expect(await Self.call(fixture, ["sleep"], ["until": "1h"], of: sleeper).status == 202)
      first.end(.exited(code: 75))
      await fixture.clock.waitForSleeper(until: due)
      let asleep = try #require(board.status(of: RuntimeFixture.worker))
      #expect(asleep.state == .waiting && asleep.step == nil && asleep.attempt == nil)
      #expect(asleep.reason.hasPrefix("sleeps until "))
      let other = try await fixture.runtime.executor.start("worker", input: .null).id
      let second = try #require(await processes.next())
      #expect(board.status(of: RuntimeFixture.worker)?.attempt != nil)
      second.succeed("1")
      await fixture.runtime.executor.wait(for: other)
      let left = try #require(board.status(of: RuntimeFixture.worker))
      #expect(left.state == .waiting && left.reason == "1 run waits" && left.attempt == nil)
      fixture.clock.advance(by: .seconds(3_600))
      try #require(await processes.next()).succeed("1")
      await fixture.runtime.executor.wait(for: sleeper)
      let end = try #require(board.status(of: RuntimeFixture.worker))
      #expect(end.state == .idle && end.restingRuns == 0 && end.runningRuns == 0)
    }
  }

  @Test func `a sleep goes on on the node after this one, without an attempt before its time`() async throws {
    let store = InMemoryStore()
    let clock = ManualClock()
    let plan = RuntimeFixture.plan()
    for life in 0..<2 {
      try await RuntimeFixture.with(plan, store: store, clock: clock, shutdown: life == 1) { fixture in
        var processes = fixture.launcher.processes.makeAsyncIterator()
        if life == 0 {
          let id = try await fixture.runtime.executor.start("worker", input: .null).id
          let process = try #require(await processes.next())
          #expect(await Self.call(fixture, ["sleep"], ["until": 100], of: id).status == 202)
          process.end(.exited(code: 75))
          await clock.waitForSleeper(until: clock.now() + .seconds(100))
          clock.advance(by: .seconds(40))
          return
        }
        let id = try #require(try await store.runs(RunQuery()).first).id
        _ = try await fixture.runtime.executor.recover()
        await clock.waitForSleeper(until: clock.now() + .seconds(60))
        #expect(try await fixture.record(id).summary.attempts == 1)
        clock.advance(by: .seconds(60))
        try #require(await processes.next()).succeed("1")
        await fixture.runtime.executor.wait(for: id)
        #expect(try await fixture.record(id).summary.attempts == 2)
      }
    }
  }

  @Test func `a step of a flow sleeps by itself, and an answer waits as long as it is asked to`() async throws {
    let flow = Flows.flow("one", .workflow, Flows.step("only") { $0.retry.policy = RetryPolicy(maxAttempts: 1) })
    try await RuntimeFixture.with(Flows.plan(flow)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("one", input: .null).id
      let process = try #require(await processes.next())
      let asked = Task {
        await Self.call(fixture, ["sleep"], ["until": 20, "name": "nap"], of: run, step: "only", wait: 60)
      }
      await fixture.clock.waitForSleeper(until: fixture.clock.now() + .seconds(20))
      fixture.clock.advance(by: .seconds(20))
      #expect(await asked.value.status == 200)
      #expect(await Self.call(fixture, ["sleep"], ["until": 90, "name": "b"], of: run, step: "only").status == 202)
      process.end(.exited(code: 75))
      await fixture.clock.waitForSleeper(until: fixture.clock.now() + .seconds(90))
      #expect(try await fixture.record(run).summary.status == .suspended)
      fixture.clock.advance(by: .seconds(90))
      try #require(await processes.next()).succeed("1")
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .completed)
    }
  }

  @Test(arguments: [(seconds: 14, isSleep: true), (16, false)])
  func `a time to sleep until that is long past explains no failure`(seconds: Int, isSleep: Bool) async throws {
    try await RuntimeFixture.with(RuntimeFixture.plan { $0.retry.maxAttempts = 1 }) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let first = try #require(await processes.next())
      #expect(await Self.call(fixture, ["sleep"], ["until": 10], of: run).status == 202)
      // It does not leave, and does not ask again either.
      fixture.clock.advance(by: .seconds(seconds))
      first.end(.exited(code: 75))
      if isSleep { try #require(await processes.next()).succeed("1") }
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == (isSleep ? .completed : .failed))
    }
  }

  @Test func `a sleep that is over does not end another one, and the first that ends has the agent started again`()
    async throws
  {
    try await RuntimeFixture.with(RuntimeFixture.plan { $0.retry.maxAttempts = 1 }) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let first = try #require(await processes.next())
      let start = fixture.clock.now()
      for (name, seconds) in [("long", 3_600), ("short", 10), ("middle", 600)] {
        let body: JSONValue = ["until": .int(Int64(seconds)), "name": .string(name)]
        #expect(await Self.call(fixture, ["sleep"], body, of: run).status == 202)
      }
      fixture.clock.advance(by: .seconds(10))
      #expect(await Self.call(fixture, ["sleep"], ["until": 10, "name": "short"], of: run).status == 200)
      first.end(.exited(code: 75))
      await fixture.clock.waitForSleeper(until: start + .seconds(600))
      #expect(try await fixture.record(run).summary.status == .suspended)
      fixture.clock.advance(by: .seconds(590))
      try #require(await processes.next()).succeed("1")
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .completed)
    }
  }

  @Test func `what is no time, and no name, is refused`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let process = try #require(await processes.next())
      for body: JSONValue in [[:], ["until": "soon"], ["until": -1]] {
        let reply = await Self.call(fixture, ["sleep"], body, of: run)
        #expect(reply.status == 400 && reply.body?["code"] == "NX-RUN-039")
      }
      for name: JSONValue in ["", "a/.calls/b", ".sleep"] {
        let reply = await Self.call(fixture, ["sleep"], ["until": 1, "name": name], of: run)
        #expect(reply.body?["code"] == "NX-RUN-055", "\(name)")
      }
      #expect(await Self.call(fixture, ["sleep"], ["until": 1], of: RunID("run_9")).status == 409)
      process.succeed("1")
      await fixture.runtime.executor.wait(for: run)
    }
  }

  // MARK: Calls

  private static func plan() -> ProjectPlan { Flows.plan(Flows.flow("none")) }

  @Test func `a call is a run of its own, begun once and recorded once`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let caller = try #require(await processes.next())
      let pending = await Self.call(fixture, ["call", "helper", "a"], ["input": ["n": 1]], of: run)
      #expect(pending.status == 202, "\(pending)")
      let child = try #require(try await fixture.runs(named: "helper").first)
      #expect(pending.body?["run"] == .string(child.id.text))
      #expect(child.parent == run && child.input == ["n": 1])
      let helper = try #require(await processes.next())
      #expect(await Self.call(fixture, ["call", "helper", "a"], ["input": ["n": 1]], of: run).status == 202)
      let other = await Self.call(fixture, ["call", "helper", "a"], ["input": ["n": 2]], of: run)
      #expect(other.status == 409 && other.body?["code"] == "NX-RUN-053")
      helper.succeed("41")
      let done = await Self.call(fixture, ["call", "helper", "a"], ["input": ["n": 1]], of: run, wait: 60)
      #expect(done.status == 200 && done.body?["output"] == 41 && done.body?["status"] == "completed", "\(done)")
      // Another attempt of the caller hears the same, and nothing is done again.
      caller.end(.exited(code: 1))
      let again = try #require(await processes.next())
      let replayed = await Self.call(fixture, ["call", "helper", "a"], ["input": ["n": 1]], of: run, attempt: 2)
      #expect(replayed.status == 200 && replayed.body == done.body)
      #expect(try await fixture.runs(named: "helper").count == 1)
      again.succeed("1")
      await fixture.runtime.executor.wait(for: run)
    }
  }

  @Test func `a call that failed says so, and another name is another call`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let caller = try #require(await processes.next())
      #expect(await Self.call(fixture, ["call", "ghost"], [:], of: run).status == 404)
      #expect(await Self.call(fixture, ["call", "helper"], [:], of: run).status == 202)
      #expect(await Self.call(fixture, ["call", "helper", "2"], [:], of: run).status == 202)
      #expect(try await fixture.runs(named: "helper").count == 2)
      for _ in 0..<2 { try #require(await processes.next()).end(.exited(code: 64)) }
      let children = try await fixture.runs(named: "helper")
      for child in children { try await fixture.runtime.executor.cancel(child.id, by: "test") }
      let failed = await Self.call(fixture, ["call", "helper"], [:], of: run, wait: 60)
      #expect(failed.status == 200 && failed.body?["status"] == "cancelled", "\(failed)")
      caller.succeed("1")
      await fixture.runtime.executor.wait(for: run)
    }
  }

  @Test(arguments: [false, true])
  func `what is called ends with its caller, unless it is let go`(isAbandoned: Bool) async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let caller = try #require(await processes.next())
      let body: JSONValue = ["parentClose": .string(isAbandoned ? "abandon" : "cancel")]
      #expect(await Self.call(fixture, ["call", "helper"], body, of: run).status == 202)
      let child = try #require(try await fixture.runs(named: "helper").first).id
      let helper = try #require(await processes.next())
      caller.succeed("1")
      await fixture.runtime.executor.wait(for: run)
      if isAbandoned { helper.succeed("2") }
      await fixture.runtime.executor.wait(for: child)
      #expect(try await fixture.record(child).summary.status == (isAbandoned ? .completed : .cancelled))
      #expect(helper.signals == (isAbandoned ? [] : [.terminate]))
    }
  }
}
