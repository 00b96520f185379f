// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite struct `An agent that is listed below another supervisor` {
  private static func plan(taskBelow parent: String) -> ProjectPlan {
    var plan = ProjectPlan(name: "test")
    plan.agents = [("s", AgentMode.service), ("t", .task)].map { name, mode in
      var spec = AgentSpec(name: AgentName(name), kind: .process(command: [name]), mode: mode, workingDirectory: "/")
      spec.supervisor = SupervisorName(name == "t" ? parent : "old")
      return spec
    }
    plan.supervisors = ["old", "new"].map { name in
      SupervisorSpec(
        name: SupervisorName(name),
        children: plan.agents.filter { $0.supervisor?.text == name }.map { .agent($0.name) })
    }
    return plan
  }

  private func parent(of agent: String, _ fixture: RuntimeFixture) async -> String? {
    await fixture.runtime.supervisors.snapshots().first {
      $0.children.contains { $0.name == .agent(AgentName(agent)) }
    }?
    .name.text
  }

  @Test func `has its running attempt begun again there`() async throws {
    try await RuntimeFixture.with(Self.plan(taskBelow: "old")) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("t", input: .null)
      let first = try #require(await processes.next())
      _ = await fixture.runtime.executor.reload(Self.plan(taskBelow: "new"), prune: false)
      #expect(first.signals == [.terminate])
      #expect(await parent(of: "t", fixture) == "new")
      while try await fixture.journal(run.id, has: { if case .attemptEnded = $0 { true } else { false } }) == false {
        await Task.yield()
      }
      fixture.clock.advance(by: .seconds(2))
      try #require(await processes.next()).end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `has an attempt that waits for the old one begun below the new one`() async throws {
    try await RuntimeFixture.with(Self.plan(taskBelow: "old")) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let waiting = try #require(
        fixture.events.watch { event -> Bool? in
          if case .agent(let agent) = event, agent.state == "waiting" { true } else { nil }
        })
      let run = try await fixture.runtime.executor.start("t", input: .null)
      _ = try #require(await processes.next())
      // Its attempt is interrupted, and the next one waits for the supervisor.
      try await fixture.runtime.supervisors.stopSupervisor(SupervisorName("old"), force: false)
      while try await fixture.journal(run.id, has: { if case .attemptEnded = $0 { true } else { false } }) == false {
        await Task.yield()
      }
      fixture.clock.advance(by: .seconds(2))
      for await _ in waiting { break }
      _ = await fixture.runtime.executor.reload(Self.plan(taskBelow: "new"), prune: false)
      try #require(await processes.next()).end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `with a supervisor that moved runs on below it`() async throws {
    @Sendable func plan(innerBelow parent: String) -> ProjectPlan {
      var plan = team(.oneForOne, services: ["a"])
      plan.supervisors[0].parent = SupervisorName(parent)
      plan.supervisors += ["left", "right"].map { name in
        SupervisorSpec(
          name: SupervisorName(name), children: name == parent ? [.supervisor(SupervisorName("desk"))] : [])
      }
      return plan
    }
    try await RuntimeFixture.with(plan(innerBelow: "left"), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = try #require(await processes.next())
      _ = await fixture.runtime.executor.reload(plan(innerBelow: "right"), prune: false)
      #expect(first.signals == [.terminate])
      #expect(await processes.next()?.program == "a")
      let snapshots = await fixture.runtime.supervisors.snapshots()
      #expect(snapshots.first { $0.name.text == "desk" }?.parent?.text == "right")
    }
  }

  @Test func `comes out right when two configurations are taken at once`() async throws {
    try await RuntimeFixture.with(Self.plan(taskBelow: "old"), starts: false) { fixture in
      await fixture.runtime.start(services: true)
      async let first = fixture.runtime.executor.reload(Self.plan(taskBelow: "new"), prune: false)
      async let second = fixture.runtime.executor.reload(Self.plan(taskBelow: "old"), prune: true)
      let last = await [first, second].last
      let holds = await parent(of: "t", fixture)
      #expect(holds == "new" || holds == "old")
      #expect(last?.agents.count == 2)
    }
  }
}

@Suite struct `A reload` {
  private static let a = AgentName("a")

  @Test func `leaves down what a person stopped, also where it moves`() async throws {
    @Sendable func plan(below parent: String) -> ProjectPlan {
      var plan = team(.oneForOne, services: ["a", "b"])
      plan.supervisors.append(SupervisorSpec(name: SupervisorName("other")))
      guard parent == "other" else { return plan }
      plan.agents[0].supervisor = SupervisorName("other")
      plan.supervisors[0].children = [.agent(AgentName("b"))]
      plan.supervisors[1].children = [.agent(Self.a)]
      return plan
    }
    try await RuntimeFixture.with(plan(below: "desk"), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      _ = [await processes.next(), await processes.next()]
      await fixture.runtime.supervisors.stop(Self.a, force: false, disable: true)
      _ = await fixture.runtime.executor.reload(plan(below: "other"), prune: false)
      // Its new supervisor leaves it down as well.
      try await fixture.runtime.supervisors.stopSupervisor(SupervisorName("other"), force: false)
      try await fixture.runtime.supervisors.startSupervisor(SupervisorName("other"))
      #expect(fixture.runtime.board.status(of: Self.a)?.pid == nil)
      try await fixture.runtime.supervisors.start(Self.a)
      #expect(await processes.next()?.program == "a")
    }
  }

  @Test func `makes a task of a service, and a service of a task`() async throws {
    try await RuntimeFixture.with(team(.oneForOne, services: ["a"], tasks: ["b"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let service = try #require(await processes.next())
      _ = await fixture.runtime.executor.reload(team(.oneForOne, services: ["b"], tasks: ["a"]), prune: false)
      #expect(service.signals == [.terminate])
      #expect(await processes.next()?.program == "b")
      let run = try await fixture.runtime.executor.start("a", input: .null)
      try #require(await processes.next()).end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `keeps the budgets of what goes on`() {
    var old = team(.oneForOne, services: ["a"])
    old.budgets = [
      BudgetSpec(scope: .agent(Self.a), window: .lifetime, maxCost: NanoUSD(1)),
      BudgetSpec(scope: .supervisor(SupervisorName("desk")), window: .lifetime, maxCost: NanoUSD(2)),
    ]
    let both = ProjectPlan(name: "test").keepingAll(of: old)
    #expect(both.agents.map(\.name) == [Self.a])
    #expect(Set(both.budgets) == Set(old.budgets))
    #expect(both.supervisors(above: both.agents[0]) == [SupervisorName("desk"), .root])
  }
}

@Suite struct `A run below a supervisor` {
  @Test func `that is busy with a sibling can be cancelled although it crashed`() async throws {
    var plan = team(.restForOne, services: ["s"], tasks: ["t"])
    // The sibling does not end when it is asked, so the supervisor stays busy.
    plan.agents[0].shutdown = .infinity
    plan.supervisors[0].children = [.agent(AgentName("t")), .agent(AgentName("s"))]
    try await RuntimeFixture.with(plan, shutdown: false, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let sibling = try #require(await processes.next())
      sibling.ignoreTerminate()
      let first = try await fixture.runtime.executor.start("t", input: 1)
      let crashing = try #require(await processes.next())
      let second = try await fixture.runtime.executor.start("t", input: 2)
      let later = try #require(await processes.next())
      // The first crash has the sibling stopped, the second one waits for that.
      crashing.end(.exited(code: 1))
      await sibling.waitForSignal()
      later.end(.exited(code: 1))
      try await fixture.runtime.executor.cancel(second.id, by: "test")
      await fixture.runtime.executor.wait(for: second.id)
      #expect(try await fixture.record(second.id).summary.status == .cancelled)
      _ = first
      sibling.end(.exited(code: 0))
      await fixture.runtime.shutdown()
    }
  }

  @Test func `that did not start is refused with its reason`() async throws {
    try await RuntimeFixture.with(team(.oneForOne, services: ["s"], tasks: ["t"]), starts: false) { fixture in
      fixture.launcher.failNext(LaunchError(stage: .exec, errorNumber: 2, message: "no such program"))
      let failed = try #require(
        fixture.events.watch { event -> Bool? in
          if case .agent(let agent) = event, agent.state == "failed", agent.agent.text == "t" { true } else { nil }
        })
      await fixture.runtime.start(services: true)
      for await _ in failed { break }
      await #expect(throws: RuntimeRefusal.self) { try await fixture.runtime.executor.start("t", input: .null) }
    }
  }

  @Test func `shows as running once it was let in`() async throws {
    try await RuntimeFixture.with(team(.oneForOne, tasks: ["t"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let states = try #require(
        fixture.events.watch { event -> String? in
          if case .agent(let agent) = event { agent.state } else { nil }
        })
      let run = try await fixture.runtime.executor.start("t", input: .null)
      for await state in states where state == "waiting" { break }
      await fixture.runtime.start(services: false)
      let process = try #require(await processes.next())
      for await state in states where state == "running" { break }
      process.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
    }
  }

  @Test func `that is stopped by force has its attempts killed`() async throws {
    var plan = team(.oneForOne, tasks: ["t"])
    plan.agents[0].shutdown = .infinity
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: false)
      let run = try await fixture.runtime.executor.start("t", input: .null)
      let process = try #require(await processes.next())
      process.ignoreTerminate()
      try await fixture.runtime.supervisors.stopSupervisor(SupervisorName("desk"), force: true)
      #expect(process.signals.contains(.kill))
      try await fixture.runtime.executor.cancel(run.id, by: "test")
      await fixture.runtime.executor.wait(for: run.id)
    }
  }
}

@Suite struct `The death of the guard` {
  @Test func `costs a team no restart, however many it takes along`() async throws {
    let plan = team(.oneForOne, services: ["a", "b", "c"], intensity: RestartIntensity(maxRestarts: 1))
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = [await processes.next(), await processes.next(), await processes.next()].compactMap(\.self)
      for process in first { process.endByLostGuard() }
      let again = [await processes.next(), await processes.next(), await processes.next()].compactMap(\.self)
      #expect(Set(again.map(\.program)) == ["a", "b", "c"])
      #expect(await fixture.runtime.supervisors.restarts(of: AgentName("a"))?.count == 0)
    }
  }
}
