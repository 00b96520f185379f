// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusSandbox
import NexusStore
import NexusTestKit
import Testing

/// The guard is the node's own; but it does not die by itself again and again.
@Suite(.timeLimit(.minutes(5))) struct GuardLossTests {
  private static let desk = SupervisorName("desk")
  private static let deaths = 6

  /// Tells of each agent that is given up.
  private static func failures(_ fixture: RuntimeFixture) throws -> AsyncStream<AgentName> {
    try #require(
      fixture.events.watch { event -> AgentName? in
        if case .agent(let change) = event, change.state == "failed" { change.agent } else { nil }
      })
  }

  @Test func `a service that is there each time is given up; whoever is not goes on, and nothing is counted`()
    async throws
  {
    try await RuntimeFixture.with(team(.oneForOne, services: ["a", "b"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      var a = try #require(await processes.next())
      let b = try #require(await processes.next())
      let failures = try Self.failures(fixture)
      for death in 1...Self.deaths {
        a.endByLostGuard()
        if death < Self.deaths { a = try #require(await processes.next()) }
      }
      for await name in failures where name.text == "a" { break }
      let status = fixture.runtime.board.status(of: AgentName("a"))
      #expect(status?.reason.hasPrefix("NX-SUP-007: the guard of the node died 6 times in 60 s") == true)
      let desk = await fixture.runtime.supervisors.snapshots().first { $0.name == Self.desk }
      #expect(desk?.phase == .isUp)
      #expect(desk?.restarts == 0)
      #expect(desk?.children.last?.state == .running)
      #expect(b.signals.isEmpty)
      // A person may start it again, and it has as many tries as before.
      try await fixture.runtime.supervisors.start(AgentName("a"))
      for _ in 1..<Self.deaths { try #require(await processes.next()).endByLostGuard() }
      #expect(await processes.next()?.program == "a")
    }
  }

  @Test func `deaths that are a minute apart blame nobody`() async throws {
    try await RuntimeFixture.with(team(.oneForOne, services: ["a"]), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      for _ in 1...20 {
        try #require(await processes.next()).endByLostGuard()
        fixture.clock.advance(by: .seconds(61))
      }
      #expect(await processes.next()?.program == "a")
    }
  }

  @Test func `a service that the guard takes along while it starts is started as if nothing had been`() async throws {
    var plan = team(.oneForAll, services: ["a", "b"], intensity: RestartIntensity(maxRestarts: 0))
    let probe = ProbeSpec(check: .http(ProbeTarget(port: 80)))
    plan.agents[0].health = HealthSpec(startup: probe, stuckAfter: nil)
    try await RuntimeFixture.with(plan, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      var asks = fixture.probes.asks.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = try #require(await processes.next())
      _ = await asks.next()
      first.endByLostGuard()
      #expect(await processes.next()?.program == "a")
      await asks.next()?.answer(200)
      #expect(await processes.next()?.program == "b")
      #expect(await fixture.runtime.supervisors.snapshots().last?.phase == .isUp)
    }
  }

  @Test func `a run whose attempts are there each time fails, and says why`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      for death in 1...Self.deaths {
        try #require(await processes.next()).endByLostGuard()
        guard death < Self.deaths else { break }
        await fixture.clock.waitForSleepers(1)
        fixture.clock.advance(by: .seconds(5))
      }
      await fixture.runtime.executor.wait(for: run.id)
      let record = try await fixture.record(run.id)
      #expect(record.summary.status == .failed)
      #expect(record.summary.error?.code == "NX-SUP-007")
    }
  }

  @Test func `an agent that kills its guard whenever it runs is stopped for good`() async throws {
    let launcher = GuardedLauncher()
    var plan = team(.oneForOne, services: ["killer"])
    plan.agents[0].kind = .process(command: ["/bin/sh", "-c", "kill -9 $PPID; sleep 1000"])
    try await RuntimeFixture.with(plan, launcher: launcher, starts: false) { fixture in
      let failures = try Self.failures(fixture)
      await fixture.runtime.start(services: true)
      for await name in failures where name.text == "killer" { break }
      let status = fixture.runtime.board.status(of: AgentName("killer"))
      #expect(status?.reason.contains("NX-SUP-007") == true)
      #expect(await fixture.runtime.supervisors.snapshots().last?.restarts == 0)
    }
    await launcher.shutDown()
  }
}
