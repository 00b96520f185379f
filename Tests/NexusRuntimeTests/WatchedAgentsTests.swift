// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A task that is watched` {
  private static let worker = RuntimeFixture.worker

  private static func plan(_ health: HealthSpec, attempts: Int = 1) -> ProjectPlan {
    RuntimeFixture.plan {
      $0.health = health
      $0.retry.maxAttempts = attempts
    }
  }

  /// Returns once the agent has come to the state.
  private static func wait(for state: AgentState, _ states: AsyncStream<AgentEvent>) async {
    for await event in states where event.state == state.rawValue { return }
  }

  private static func states(_ fixture: RuntimeFixture) throws -> AsyncStream<AgentEvent> {
    try #require(
      fixture.events.watch { event in if case .agent(let agent) = event { agent } else { nil } })
  }

  /// What the process says to the node with its own key.
  private static func call(_ fixture: RuntimeFixture, _ path: String) async throws -> Int {
    let (key, caller) = try #require(fixture.boundary.openKeys.first)
    let call = AgentCall(
      method: "POST", path: [path], query: [:],
      body: Array((path == "log" ? #"{"message":"x"}"# : #"{"note":"x"}"#).utf8),
      caller: caller, key: key)
    return await fixture.runtime.agentCalls.handle(call).status
  }

  @Test func `whose start fails is ended, and tried again`() async throws {
    let probe = ProbeSpec(check: .http(ProbeTarget(port: 80)), failureThreshold: 1)
    try await RuntimeFixture.with(Self.plan(HealthSpec(startup: probe, stuckAfter: nil), attempts: 2)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      var asks = fixture.probes.asks.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let first = try #require(await processes.next())
      #expect(fixture.runtime.board.status(of: Self.worker)?.state == .starting)
      try #require(await asks.next()).answer(500)
      #expect(await first.waitForExit().status == .signalled(signal: 15))
      let second = try #require(await processes.next())
      let states = try Self.states(fixture)
      try #require(await asks.next()).answer(200)
      await Self.wait(for: .running, states)
      second.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
      #expect(try await fixture.store.restarts(since: WallTime(microseconds: 0)).count == 1)
    }
  }

  @Test func `that is not alive has crashed, even if it then ends well`() async throws {
    let probe = ProbeSpec(check: .http(ProbeTarget(port: 80)), failureThreshold: 1)
    try await RuntimeFixture.with(Self.plan(HealthSpec(liveness: probe, stuckAfter: nil))) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      var asks = fixture.probes.asks.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      process.ignoreTerminate()
      process.write("half an answer")
      try #require(await asks.next()).fail("refused")
      // Asked to end: its time to do so runs.
      while !process.signals.contains(.terminate) { await Task.yield() }
      process.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      let error = try await fixture.record(run.id).summary.error
      #expect(error?.code == "NX-AGT-015")
      #expect(
        error?.message
          == "the agent was ended: liveness probe failed once: GET http://127.0.0.1:80/: refused")
    }
  }

  @Test func `is killed in the end if it does not care`() async throws {
    let probe = ProbeSpec(check: .http(ProbeTarget(port: 80)), failureThreshold: 1)
    try await RuntimeFixture.with(Self.plan(HealthSpec(liveness: probe, stuckAfter: nil))) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      var asks = fixture.probes.asks.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      process.ignoreTerminate()
      try #require(await asks.next()).fail("refused")
      while !process.signals.contains(.terminate) { await Task.yield() }
      // The tick of the probe, and the time to end.
      await fixture.clock.waitForSleepers(2)
      fixture.clock.advance(by: .seconds(5))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(process.signals == [.terminate, .kill])
    }
  }

  @Test func `is stuck without activity, whatever its heartbeats say, and not any more with the next line`()
    async throws
  {
    try await RuntimeFixture.with(Self.plan(HealthSpec(stuckAfter: .seconds(60)))) { fixture in
      let states = try Self.states(fixture)
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(59))
      #expect(try await Self.call(fixture, "heartbeat") == 200)
      fixture.clock.advance(by: .seconds(1))
      await Self.wait(for: .stuck, states)
      #expect(fixture.runtime.board.status(of: Self.worker)?.reason == "no activity for 60 s")
      process.write("going on")
      await Self.wait(for: .running, states)
      #expect(fixture.runtime.board.status(of: Self.worker)?.reason == "")
      process.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
      #expect(fixture.runtime.board.status(of: Self.worker)?.state == .idle)
    }
  }

  @Test func `is not stuck while a model call is under way`() async throws {
    try await RuntimeFixture.with(Self.plan(HealthSpec(stuckAfter: .seconds(60)))) { fixture in
      let states = try Self.states(fixture)
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      let caller = try #require(fixture.boundary.openKeys.values.first)
      fixture.events.publish(.effect(EffectEvent(caller: caller, phase: .started, kind: .model, name: "m")))
      for _ in 1...9 {
        await fixture.clock.waitForSleepers(1)
        fixture.clock.advance(by: .seconds(60))
      }
      await fixture.clock.waitForSleepers(1)
      #expect(fixture.runtime.board.status(of: Self.worker)?.state == .running)
      fixture.events.publish(.effect(EffectEvent(caller: caller, phase: .succeeded, kind: .model, name: "m")))
      fixture.clock.advance(by: .seconds(60))
      await Self.wait(for: .stuck, states)
      process.end(.exited(code: 0))
    }
  }

  @Test func `is stuck when the stream of its model stalls, and not before`() async throws {
    try await RuntimeFixture.with(Self.plan(HealthSpec(stuckAfter: .seconds(60)))) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      let caller = try #require(fixture.boundary.openKeys.values.first)
      let health = fixture.services.health
      fixture.events.publish(.effect(EffectEvent(caller: caller, phase: .started, kind: .model, name: "m")))
      health.streamBegan(for: caller)
      for _ in 1...9 {
        await fixture.clock.waitForSleepers(1)
        fixture.clock.advance(by: .seconds(50))
        health.activity(of: caller)
      }
      await fixture.clock.waitForSleepers(1)
      #expect(fixture.runtime.board.status(of: Self.worker)?.state == .running)
      // No more comes, and the call is still under way. What a late timer missed does not count as silence.
      while fixture.runtime.board.status(of: Self.worker)?.state != .stuck {
        try Task.checkCancellation()
        fixture.clock.advance(by: .seconds(1))
        await Task.yield()
      }
      process.end(.exited(code: 0))
    }
  }

  @Test func `is ended when it is stuck, if that is wanted`() async throws {
    let health = HealthSpec(stuckAfter: .seconds(60), onStuck: .restart)
    try await RuntimeFixture.with(Self.plan(health)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(60))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(process.signals == [.terminate])
      #expect(
        try await fixture.record(run.id).summary.error?.message
          == "the agent was ended: stuck: no activity for 60 s")
    }
  }

  @Test func `is ended when its heartbeats stay away`() async throws {
    try await RuntimeFixture.with(Self.plan(HealthSpec(stuckAfter: nil, heartbeat: .seconds(30)))) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(20))
      #expect(try await Self.call(fixture, "heartbeat") == 200)
      fixture.clock.advance(by: .seconds(10))
      await fixture.clock.waitForSleepers(1)
      #expect(process.signals.isEmpty)
      #expect(try await Self.call(fixture, "log") == 200, "a line is no heartbeat")
      fixture.clock.advance(by: .seconds(20))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.error?.message == "the agent was ended: no heartbeat for 30 s")
    }
  }

  @Test func `shows its last activity, and a heartbeat is none`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      fixture.clock.advance(by: .seconds(5))
      let before = fixture.clock.wallNow()
      #expect(try await Self.call(fixture, "log") == 200)
      fixture.clock.advance(by: .seconds(5))
      #expect(try await Self.call(fixture, "heartbeat") == 200)
      #expect(fixture.runtime.board.status(of: Self.worker)?.lastActivity == before)
      process.end(.exited(code: 0))
    }
  }
}
