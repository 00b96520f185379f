// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

private let worker = RuntimeFixture.worker

extension RuntimeFixture {
  /// The states of the worker from now on.
  fileprivate func states() throws -> AsyncStream<String> {
    try #require(events.watch { if case .agent(let agent) = $0 { agent.state } else { nil } })
  }
}

@Suite(.timeLimit(.minutes(1))) struct `What is shown of an agent with runs` {
  private static let service = RuntimeFixture.plan {
    $0.mode = .service
    $0.timeout = .seconds(5)
  }

  @Test func `is that it runs once its supervisor has let it, not that it waits`() async throws {
    try await RuntimeFixture.with(starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let early = try fixture.states()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      for await state in early where state == "waiting" { break }
      let late = try fixture.states()
      await fixture.runtime.start(services: false)
      let process = try #require(await processes.next())
      for await state in late where state == "running" { break }
      #expect(fixture.runtime.board.status(of: worker)?.reason == "")
      process.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
    }
  }

  @Test func `is of a service how its process is, whatever becomes of a run`() async throws {
    try await RuntimeFixture.with(Self.service, starts: false) { fixture in
      await fixture.runtime.start(services: true)
      await fixture.runtime.supervisors.stop(worker, force: false, disable: false)
      fixture.boundary.hold()
      let run = try await fixture.runtime.executor.start("worker", input: "job")
      await fixture.boundary.waitForOpening()
      #expect(fixture.runtime.board.status(of: worker)?.state == .stopped)
      fixture.boundary.release()
      fixture.clock.advance(by: .seconds(6))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .failed)
      #expect(fixture.runtime.board.status(of: worker)?.state == .stopped)
    }
  }

  @Test func `does not make a node forget that a person wants the agent down`() async throws {
    let (store, clock) = (InMemoryStore(), ManualClock())
    try await store.commit(
      StoreTransaction(.synced, [.putAgent(AgentRow(name: worker, stoppedByOperator: true))]))
    for _ in 0..<2 {
      try await RuntimeFixture.with(Self.service, store: store, clock: clock, starts: false) { fixture in
        await fixture.runtime.start(services: true)
        #expect(fixture.runtime.board.status(of: worker)?.state == .stopped)
        let run = try await fixture.runtime.executor.start("worker", input: "job")
        fixture.clock.advance(by: .seconds(6))
        await fixture.runtime.executor.wait(for: run.id)
        #expect(try await fixture.record(run.id).summary.status == .failed)
      }
      #expect(try await store.agents().first { $0.name == worker }?.stoppedByOperator == true)
    }
  }
}
