// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A service that is watched` {
  private static let worker = RuntimeFixture.worker
  private static let probe = ProbeSpec(check: .http(ProbeTarget(port: 80)), failureThreshold: 1)

  /// The services of these names under one supervisor; the first of them has the health.
  private static func plan(_ health: HealthSpec, _ names: String...) -> ProjectPlan {
    var plan = ProjectPlan(name: "test")
    let desk = SupervisorName("desk")
    for name in names {
      var spec = AgentSpec(
        name: AgentName(name), kind: .process(command: [name]), mode: .service, workingDirectory: "/")
      spec.supervisor = desk
      spec.health = name == names.first ? health : HealthSpec(stuckAfter: nil)
      plan.agents.append(spec)
    }
    plan.supervisors = [SupervisorSpec(name: desk, children: plan.agents.map { .agent($0.name) })]
    return plan
  }

  private static func next(_ fixture: RuntimeFixture, wait: String = "30") async -> AgentReply {
    let caller = Caller(agent: worker, run: nil, step: .main, attempt: AttemptNumber(1))
    return await fixture.runtime.agentCalls.handle(
      AgentCall(
        method: "GET", path: ["next"], query: ["wait": wait], body: [], caller: caller, key: VirtualKey("k")))
  }

  private static func reasons(_ fixture: RuntimeFixture) async throws -> [String] {
    try await fixture.store.restarts(since: WallTime(microseconds: 0)).map(\.reason)
  }

  @Test func `has started when its startup probe has passed, and only then does the next one start`() async throws {
    let plan = Self.plan(HealthSpec(startup: Self.probe, stuckAfter: nil), "worker", "second")
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      var asks = fixture.probes.asks.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      #expect(try #require(await processes.next()).request.arguments == ["worker"])
      let ask = try #require(await asks.next())
      #expect(fixture.runtime.board.status(of: Self.worker)?.state == .starting)
      #expect(fixture.runtime.board.status(of: AgentName("second"))?.state != .running)
      ask.answer(200)
      #expect(try #require(await processes.next()).request.arguments == ["second"])
      #expect(fixture.runtime.board.status(of: Self.worker)?.state == .running)
    }
  }

  @Test func `that is not alive is ended and restarted, with what the probe found for a reason`() async throws {
    let plan = Self.plan(HealthSpec(liveness: Self.probe, stuckAfter: nil), "worker")
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      var asks = fixture.probes.asks.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = try #require(await processes.next())
      first.ignoreTerminate()
      try #require(await asks.next()).answer(500)
      while first.signals.isEmpty { await Task.yield() }
      // The tick of the probe, and the time that the process has to end.
      await fixture.clock.waitForSleepers(2)
      fixture.clock.advance(by: .seconds(5))
      _ = try #require(await processes.next())
      #expect(first.signals == [.terminate, .kill])
      try #require(await asks.next()).answer(200)
      while try await Self.reasons(fixture).isEmpty { await Task.yield() }
      #expect(
        try await Self.reasons(fixture) == ["liveness probe failed once: GET http://127.0.0.1:80/: status 500"])
    }
  }

  @Test func `is given no task before it is ready, and none while it is not`() async throws {
    let plan = Self.plan(HealthSpec(readiness: Self.probe, stuckAfter: nil), "worker")
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      var asks = fixture.probes.asks.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let process = try #require(await processes.next())
      let first = try #require(await asks.next())
      _ = try await fixture.runtime.executor.start("worker", input: "one")
      #expect(await Self.next(fixture, wait: "0").status == 204)
      first.answer(200)
      #expect(await Self.next(fixture).body?["input"] == "one")
      await fixture.clock.waitForSleeper(until: fixture.clock.now() + .seconds(10))
      fixture.clock.advance(by: .seconds(10))
      try #require(await asks.next()).answer(503)
      let reason = "not ready: readiness probe failed once: GET http://127.0.0.1:80/: status 503"
      while fixture.runtime.board.status(of: Self.worker)?.reason != reason { await Task.yield() }
      _ = try await fixture.runtime.executor.start("worker", input: "two")
      #expect(await Self.next(fixture, wait: "0").status == 204)
      await fixture.clock.waitForSleeper(until: fixture.clock.now() + .seconds(10))
      fixture.clock.advance(by: .seconds(10))
      try #require(await asks.next()).answer(200)
      #expect(await Self.next(fixture).body?["input"] == "two")
      #expect(process.signals.isEmpty)
      #expect(fixture.runtime.board.status(of: Self.worker)?.reason == "")
    }
  }

  @Test func `that ends before its startup probe has passed has not started`() async throws {
    let plan = Self.plan(HealthSpec(startup: Self.probe, stuckAfter: nil), "worker")
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      let changes = try #require(
        fixture.events.watch { event -> SupervisorEvent? in
          if case .supervisor(let event) = event { event } else { nil }
        })
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      try #require(await processes.next()).end(.exited(code: 0))
      for await event in changes where event.note.contains("before its startup probe passed") { break }
    }
  }

  @Test func `is stuck only while it holds a task`() async throws {
    let plan = Self.plan(HealthSpec(stuckAfter: .seconds(60)), "worker")
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      let states = try #require(
        fixture.events.watch { event -> String? in if case .agent(let agent) = event { agent.state } else { nil } })
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let process = try #require(await processes.next())
      #expect(fixture.clock.sleeping == 0)
      _ = try await fixture.runtime.executor.start("worker", input: "one")
      #expect(await Self.next(fixture).body?["input"] == "one")
      await fixture.clock.waitForSleeper(until: fixture.clock.now() + .seconds(60))
      fixture.clock.advance(by: .seconds(60))
      for await state in states where state == "stuck" { break }
      process.write("going on")
      for await state in states where state == "running" { break }
    }
  }
}
