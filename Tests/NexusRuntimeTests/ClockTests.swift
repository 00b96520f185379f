// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite struct `A clock that jumps` {
  @Test(arguments: [Duration.seconds(-86_400), .seconds(86_400)])
  func `disturbs neither a run nor its timeout nor its restart`(jump: Duration) async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null, timeout: .seconds(30))
      let first = try #require(await processes.next())
      await fixture.clock.waitForSleepers(1)
      fixture.clock.stepWall(by: jump)
      fixture.clock.advance(by: .seconds(29))
      first.end(.exited(code: 1))
      let second = try #require(await processes.next())
      second.write("done")
      second.end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.output == "done")
    }
  }

  @Test func `does not make a restart of the future count for ever`() async throws {
    let store = InMemoryStore()
    let clock = ManualClock()
    // Three restarts of a boot whose clock ran a day ahead.
    for _ in 0..<3 {
      let row = RestartRow(
        supervisor: .root, child: RuntimeFixture.worker, at: clock.wallNow() + .seconds(86_400), reason: "x")
      try await store.commit(StoreTransaction(.synced, [.logRestart(row)]))
    }
    try await RuntimeFixture.with(store: store, clock: clock) { fixture in
      #expect(await fixture.runtime.supervisors.restarts(of: RuntimeFixture.worker)?.count == 3)
      fixture.clock.advance(by: .seconds(61))
      #expect(await fixture.runtime.supervisors.restarts(of: RuntimeFixture.worker)?.count == 0)
    }
  }
}
