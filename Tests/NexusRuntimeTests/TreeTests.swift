// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite struct `A supervised team` {
  private static let desk = SupervisorName("desk")

  @Test func `with one-for-all is stopped in reverse order and started in order`() async throws {
    try await RuntimeFixture.with(team(.oneForAll, services: ["a", "b", "c"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = [await processes.next(), await processes.next(), await processes.next()].compactMap(\.self)
      #expect(first.map(\.program) == ["a", "b", "c"])
      first[0].end(.exited(code: 1))
      let again = [await processes.next(), await processes.next(), await processes.next()].compactMap(\.self)
      #expect(again.map(\.program) == ["a", "b", "c"])
      #expect(first[1].signals == [.terminate])
      #expect(first[2].signals == [.terminate])
      #expect(await fixture.runtime.supervisors.restarts(of: AgentName("b"))?.count == 1)
    }
  }

  @Test func `forgets its restarts when a person says so, and only then`() async throws {
    let worker = AgentName("a")
    try await RuntimeFixture.with(team(.oneForOne, services: ["a"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      try #require(await processes.next()).end(.exited(code: 1))
      _ = await processes.next()
      #expect(await fixture.runtime.supervisors.restarts(of: worker)?.count == 1)
      try await fixture.runtime.supervisors.resetSupervisor(Self.desk)
      #expect(await fixture.runtime.supervisors.restarts(of: worker)?.count == 0)
      await #expect(throws: RuntimeRefusal.self) {
        try await fixture.runtime.supervisors.resetSupervisor(SupervisorName("nobody"))
      }
    }
  }

  @Test func `with rest-for-one leaves alone what stands before`() async throws {
    try await RuntimeFixture.with(team(.restForOne, services: ["a", "b", "c"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = [await processes.next(), await processes.next(), await processes.next()].compactMap(\.self)
      first[1].end(.signalled(signal: 9))
      let again = [await processes.next(), await processes.next()].compactMap(\.self)
      #expect(again.map(\.program) == ["b", "c"])
      #expect(first[0].signals.isEmpty)
    }
  }

  @Test func `begins the attempts of tasks again when a sibling crashes, and does not hold it against them`()
    async throws
  {
    try await RuntimeFixture.with(team(.oneForAll, services: ["a"], tasks: ["t"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let service = try #require(await processes.next())
      let run = try await fixture.runtime.executor.start("t", input: .null)
      let task = try #require(await processes.next())
      #expect(task.program == "t")
      service.end(.exited(code: 1))
      #expect(try #require(await processes.next()).program == "a")
      // The attempt was asked to end; its run waits a moment and begins another one.
      while try await fixture.journal(run.id, has: { if case .attemptEnded = $0 { true } else { false } }) == false {
        await Task.yield()
      }
      fixture.clock.advance(by: .seconds(2))
      let second = try #require(await processes.next())
      #expect(second.program == "t")
      second.write("done")
      second.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      let record = try await fixture.record(run.id)
      #expect(record.summary.status == .completed)
      #expect(record.summary.output == "done")
    }
  }

  @Test func `that gave up refuses its tasks until a person starts it`() async throws {
    let plan = team(.oneForOne, tasks: ["t"], intensity: RestartIntensity(maxRestarts: 0))
    try await RuntimeFixture.with(plan) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("t", input: .null)
      try #require(await processes.next()).end(.exited(code: 1))
      await fixture.runtime.executor.wait(for: run.id)
      let record = try await fixture.record(run.id)
      #expect(record.summary.status == .failed)
      #expect(record.summary.error?.code == "NX-SUP-001")
      await #expect(throws: RuntimeRefusal.self) { try await fixture.runtime.executor.start("t", input: .null) }
      try await fixture.runtime.supervisors.startSupervisor(Self.desk)
      let next = try await fixture.runtime.executor.start("t", input: .null)
      try #require(await processes.next()).end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: next.id)
      #expect(try await fixture.record(next.id).summary.status == .completed)
    }
  }

  @Test func `that was stopped stops everything in reverse order and comes back whole`() async throws {
    try await RuntimeFixture.with(team(.oneForOne, services: ["a", "b"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = [await processes.next(), await processes.next()].compactMap(\.self)
      try await fixture.runtime.supervisors.stopSupervisor(Self.desk, force: false)
      #expect(first.allSatisfy { $0.signals == [.terminate] })
      try await fixture.runtime.supervisors.startSupervisor(Self.desk)
      let again = [await processes.next(), await processes.next()].compactMap(\.self)
      #expect(again.map(\.program) == ["a", "b"])
    }
  }

  @Test func `does not bring back a child that a person wants down`() async throws {
    try await RuntimeFixture.with(team(.oneForAll, services: ["a", "b", "c"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = [await processes.next(), await processes.next(), await processes.next()].compactMap(\.self)
      await fixture.runtime.supervisors.stop(AgentName("b"), force: false, disable: true)
      first[0].end(.exited(code: 1))
      let again = [await processes.next(), await processes.next()].compactMap(\.self)
      #expect(again.map(\.program) == ["a", "c"])
      try await fixture.runtime.supervisors.start(AgentName("b"))
      #expect(await processes.next()?.program == "b")
    }
  }

  @Test func `remembers over a restart of the node whom it gave up alone`() async throws {
    let store = InMemoryStore()
    let clock = ManualClock()
    var plan = team(.oneForOne, services: ["a", "b"], intensity: RestartIntensity(maxRestarts: 2))
    plan.supervisors[0].flags.overIntensity = .park
    for boot in 1...2 {
      try await RuntimeFixture.with(plan, store: store, clock: clock, starts: false) { fixture in
        #expect(await fixture.runtime.supervisors.restarts(of: AgentName("b"))?.count == 0)
        var processes = fixture.launcher.processes.makeAsyncIterator()
        let failures = try #require(
          fixture.events.watch { event -> AgentName? in
            if case .agent(let agent) = event, agent.state == "failed" { agent.agent } else { nil }
          })
        await fixture.runtime.start(services: true)
        var a = try #require(await processes.next())
        var b = try #require(await processes.next())
        // The tries that it had used up before are not given anew.
        for crash in 1...3 where boot == 1 || crash == 3 {
          a.end(.exited(code: 1))
          if crash < 3 { a = try #require(await processes.next()) }
        }
        #expect(await failures.first { _ in true }?.text == "a")
        guard boot == 2 else { return }
        // And none of them were its sibling's.
        for _ in 1...2 {
          b.end(.exited(code: 1))
          b = try #require(await processes.next())
          #expect(b.program == "b")
        }
      }
    }
  }

  @Test func `remembers its restarts over a restart of the node`() async throws {
    let store = InMemoryStore()
    let clock = ManualClock()
    let plan = team(.oneForOne, services: ["a", "b"], intensity: RestartIntensity(maxRestarts: 1))
    try await RuntimeFixture.with(plan, store: store, clock: clock, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let a = try #require(await processes.next())
      _ = await processes.next()
      a.end(.exited(code: 1))
      _ = await processes.next()
    }
    try await RuntimeFixture.with(plan, store: store, clock: clock, starts: false) { fixture in
      #expect(await fixture.runtime.supervisors.restarts(of: AgentName("b"))?.count == 1)
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let changes = try #require(
        fixture.events.watch { event -> AgentName? in
          if case .agent(let agent) = event, agent.state == "failed" { agent.agent } else { nil }
        })
      await fixture.runtime.start(services: true)
      let a = try #require(await processes.next())
      _ = await processes.next()
      a.end(.exited(code: 1))
      for await agent in changes where agent.text == "b" { break }
      #expect(fixture.runtime.board.status(of: AgentName("a"))?.state == .failed)
    }
  }

  @Test func `takes a changed configuration while it runs`() async throws {
    try await RuntimeFixture.with(team(.oneForOne, services: ["a", "b"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = [await processes.next(), await processes.next()].compactMap(\.self)
      let changed = team(.restForOne, services: ["a", "c"])
      // Without pruning, what the files no longer have goes on.
      let kept = await fixture.runtime.executor.reload(changed, prune: false)
      #expect(await processes.next()?.program == "c")
      #expect(kept.agents.map(\.name.text) == ["a", "c", "b"])
      #expect(first[1].signals.isEmpty)
      let pruned = await fixture.runtime.executor.reload(changed, prune: true)
      #expect(pruned.agents.map(\.name.text) == ["a", "c"])
      #expect(first[1].signals == [.terminate])
      #expect(await fixture.runtime.supervisors.snapshots().last?.flags.strategy == .restForOne)
    }
  }

  @Test func `shows the restarts that count, each with its reason and time`() async throws {
    let plan = team(.oneForOne, services: ["a", "b"])
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = [await processes.next(), await processes.next()].compactMap(\.self)
      let begin = fixture.clock.now()
      first[0].end(.exited(code: 3))
      _ = await processes.next()
      fixture.clock.advance(by: .seconds(10))
      first[1].end(.signalled(signal: 9))
      _ = await processes.next()
      let counted = try #require(await fixture.runtime.supervisors.restarts(of: AgentName("a")))
      #expect(counted.recent.map(\.child) == [.agent(AgentName("a")), .agent(AgentName("b"))])
      #expect(counted.recent.map(\.reason) == ["exit 3", "signal 9"])
      #expect(counted.recent.map(\.at) == [begin, begin + .seconds(10)])
      #expect(await fixture.runtime.supervisors.snapshots().last?.recent == counted.recent)
      fixture.clock.advance(by: .seconds(51))
      #expect(await fixture.runtime.supervisors.restarts(of: AgentName("a"))?.recent.map(\.reason) == ["signal 9"])
    }
  }

  @Test func `still shows a temporary child that has ended, where it belongs`() async throws {
    var plan = team(.oneForOne, services: ["a", "b", "c"])
    plan.agents[1].restart = .temporary
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = [await processes.next(), await processes.next(), await processes.next()].compactMap(\.self)
      let changes = try #require(
        fixture.events.watch { event -> AgentName? in
          if case .agent(let change) = event, change.state == "stopped" { change.agent } else { nil }
        })
      first[1].end(.exited(code: 4))
      for await name in changes where name.text == "b" { break }
      let children = try #require(await fixture.runtime.supervisors.snapshots().last?.children)
      #expect(children.map(\.name.description) == ["a", "b", "c"])
      #expect(children.map(\.state) == [.running, .stopped(.ended), .running])
      #expect(fixture.runtime.board.status(of: AgentName("b"))?.reason == "exit 4")
      // What the file no longer has is forgotten for good.
      let smaller = team(.oneForOne, services: ["a", "c"])
      _ = await fixture.runtime.executor.reload(smaller, prune: false)
      #expect(await fixture.runtime.supervisors.snapshots().last?.children.map(\.name.description) == ["a", "c"])
    }
  }

  @Test func `says of those behind a slow starter whom they wait for`() async throws {
    var plan = team(.oneForOne, services: ["slow", "x"])
    plan.agents[0].health = HealthSpec(startup: ProbeSpec(check: .http(ProbeTarget(port: 80))), stuckAfter: nil)
    plan.agents[1].supervisor = SupervisorName("inner")
    plan.supervisors[0].children = [.agent(AgentName("slow")), .supervisor(SupervisorName("inner"))]
    plan.supervisors.append(
      SupervisorSpec(name: SupervisorName("inner"), children: [.agent(AgentName("x"))], parent: Self.desk))
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      var asks = fixture.probes.asks.makeAsyncIterator()
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let ask = try #require(await asks.next())
      _ = await processes.next()
      let slow = ChildName.agent(AgentName("slow"))
      let waiting = await fixture.runtime.supervisors.snapshots()
      #expect(waiting.map(\.name.text) == ["root", "desk", "inner"])
      #expect(waiting.map(\.awaited) == [nil, nil, slow])
      #expect(waiting[1].children.map(\.awaited) == [nil, slow])
      #expect(waiting[2].children.map(\.awaited) == [slow])
      #expect(await fixture.runtime.supervisors.queue() == [AgentName("x"): slow])
      ask.answer(200)
      #expect(await processes.next()?.program == "x")
      #expect(await fixture.runtime.supervisors.queue().isEmpty)
    }
  }
}
