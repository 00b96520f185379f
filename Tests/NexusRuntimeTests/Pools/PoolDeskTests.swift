// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A queue pool` {
  private static let name = PoolName("crew")

  private static func plan(_ change: (inout QueuePoolSpec) -> Void = { _ in }) -> ProjectPlan {
    var flow = Flows.flow("crew", .pool, Flows.step("worker") { $0.retry.policy = RetryPolicy(maxAttempts: 1) })
    flow.isQueued = true
    return Flows.plan(flow) { plan in
      var spec = QueuePoolSpec(name: name, agent: Flows.worker, size: 2, minSize: 1, maxSize: 3)
      change(&spec)
      plan.queuePools = [spec]
    }
  }

  private static func submit(_ count: Int, _ fixture: RuntimeFixture) async throws -> [RunID] {
    var runs: [RunID] = []
    for number in 0..<count {
      runs.append(try await fixture.runtime.executor.start("crew", input: .int(Int64(number))).id)
    }
    return runs
  }

  @Test func `has as many tasks under way as workers, and all done in the end`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let runs = try await Self.submit(5, fixture)
      var open = [try #require(await processes.next()), try #require(await processes.next())]
      let standing = try #require(fixture.runtime.pools.standing(of: Self.name))
      #expect(standing.busy == 2 && standing.waiting == 3 && standing.size == 2)
      for _ in 0..<3 {
        open.removeFirst().succeed("ok")
        open.append(try #require(await processes.next()))
      }
      for process in open { process.succeed("ok") }
      for run in runs { await fixture.runtime.executor.wait(for: run) }
      for run in runs {
        let record = try await fixture.record(run)
        #expect(record.kind == .pool && record.summary.status == .completed && record.summary.output == "ok")
      }
      #expect(fixture.runtime.pools.standing(of: Self.name)?.busy == 0)
      #expect(fixture.runtime.pools.standing(of: Self.name)?.waiting == 0)
    }
  }

  @Test func `a cancelled task leaves the queue, and a failed one its worker`() async throws {
    try await RuntimeFixture.with(Self.plan { $0.size = 1 }) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      // One after the other: tasks that are submitted together come in any order.
      var runs = try await Self.submit(1, fixture)
      let first = try #require(await processes.next())
      runs += try await Self.submit(2, fixture)
      try await fixture.runtime.executor.cancel(runs[1], by: "test")
      await fixture.runtime.executor.wait(for: runs[1])
      #expect(try await fixture.record(runs[1]).summary.status == .cancelled)
      first.end(.exited(code: 3))
      let third = try #require(await processes.next())
      #expect(third.environment("NAOS_RUN_ID") == runs[2].text)
      third.succeed("ok")
      await fixture.runtime.executor.waitUntilIdle()
      #expect(try await fixture.record(runs[0]).summary.status == .failed)
    }
  }

  @Test func `refuses more than may wait, and what comes while it drains`() async throws {
    try await RuntimeFixture.with(Self.plan { ($0.size, $0.maxQueue) = (1, 2) }) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await Self.submit(1, fixture)
      let first = try #require(await processes.next())
      _ = try await Self.submit(2, fixture)
      let full = await #expect(throws: RuntimeRefusal.self) { try await Self.submit(1, fixture) }
      #expect(full?.code == "NX-POL-003")
      try await fixture.runtime.pools.drain(Self.name, true)
      let drains = await #expect(throws: RuntimeRefusal.self) { try await Self.submit(1, fixture) }
      #expect(drains?.code == "NX-POL-002")
      first.succeed("ok")
      for _ in 0..<2 { try #require(await processes.next()).succeed("ok") }
      await fixture.runtime.executor.waitUntilIdle()
      try await fixture.runtime.pools.drain(Self.name, false)
      _ = try await Self.submit(1, fixture)
      try #require(await processes.next()).succeed("ok")
      await fixture.runtime.executor.waitUntilIdle()
    }
  }

  @Test func `more workers begin what waits, and the wish outlives the node`() async throws {
    let store = InMemoryStore()
    try await RuntimeFixture.with(Self.plan(), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await Self.submit(3, fixture)
      var open = [try #require(await processes.next()), try #require(await processes.next())]
      try await fixture.runtime.pools.scale(Self.name, to: 3)
      open.append(try #require(await processes.next()))
      let refusal = await #expect(throws: RuntimeRefusal.self) {
        try await fixture.runtime.pools.scale(Self.name, to: 4)
      }
      #expect(refusal?.code == "NX-POL-004")
      for process in open { process.succeed("ok") }
      await fixture.runtime.executor.waitUntilIdle()
    }
    try await RuntimeFixture.with(Self.plan(), store: store) { fixture in
      #expect(fixture.runtime.pools.standing(of: Self.name)?.size == 3)
      await fixture.runtime.reload(Self.plan { $0.size = 1 })
      #expect(fixture.runtime.pools.standing(of: Self.name)?.size == 1, "a changed size in the file is the newer wish")
    }
  }

  @Test func `grows by itself while too much waits`() async throws {
    let rule = AutoScaleSpec(targetQueuePerWorker: 1, scaleUpAfter: .seconds(5), cooldown: .seconds(1))
    try await RuntimeFixture.with(Self.plan { ($0.size, $0.autoScale) = (1, rule) }) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await Self.submit(4, fixture)
      var open = [try #require(await processes.next())]
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(5))
      for _ in 0..<2 { open.append(try #require(await processes.next())) }
      #expect(fixture.runtime.pools.standing(of: Self.name)?.size == 3)
      for process in open { process.succeed("ok") }
      try #require(await processes.next()).succeed("ok")
      await fixture.runtime.executor.waitUntilIdle()
    }
  }

  @Test func `tasks of a node that is gone go on`() async throws {
    let store = InMemoryStore()
    try await RuntimeFixture.with(Self.plan { $0.size = 1 }, store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await Self.submit(3, fixture)
      _ = try #require(await processes.next())
    }
    try await RuntimeFixture.with(Self.plan { $0.size = 1 }, store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      #expect(try await fixture.runtime.executor.recover().resumed == 3)
      #expect(fixture.runtime.pools.standing(of: Self.name)?.waiting ?? 0 >= 2)
      for _ in 0..<3 { try #require(await processes.next()).succeed("ok") }
      await fixture.runtime.executor.waitUntilIdle()
      #expect(try await store.runCounts() == [.completed: 3])
    }
  }

  /// The same project after the pool was taken out of its file.
  private static var without: ProjectPlan {
    var plan = plan()
    plan.queuePools = []
    plan.flows = []
    return plan
  }

  @Test func `taken out of the configuration, it does what waits within its limits`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await Self.submit(5, fixture)
      var open = [try #require(await processes.next()), try #require(await processes.next())]
      await fixture.runtime.reload(Self.without)
      let standing = try #require(fixture.runtime.pools.standing(of: Self.name))
      #expect(standing.busy == 2 && standing.waiting == 3)
      for _ in 0..<3 {
        open.removeFirst().succeed("ok")
        open.append(try #require(await processes.next()))
        #expect(fixture.runtime.pools.standing(of: Self.name)?.busy == 2)
      }
      for process in open { process.succeed("ok") }
      await fixture.runtime.executor.waitUntilIdle()
      #expect(fixture.runtime.pools.standing(of: Self.name) == nil, "its last task is through")
    }
  }

  @Test func `taken out while no node runs, it does what waits within its limits`() async throws {
    let store = InMemoryStore()
    try await RuntimeFixture.with(Self.plan(), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await Self.submit(4, fixture)
      for _ in 0..<2 { _ = try #require(await processes.next()) }
    }
    try await RuntimeFixture.with(Self.without, store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      #expect(try await fixture.runtime.executor.recover().resumed == 4)
      var open = [try #require(await processes.next()), try #require(await processes.next())]
      #expect(fixture.runtime.pools.standing(of: Self.name)?.busy == 2)
      for _ in 0..<2 {
        open.removeFirst().succeed("ok")
        open.append(try #require(await processes.next()))
      }
      for process in open { process.succeed("ok") }
      await fixture.runtime.executor.waitUntilIdle()
    }
  }

  @Test func `draining outlives that it was taken out and put back`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      try await fixture.runtime.pools.drain(Self.name, true)
      await fixture.runtime.reload(Self.without)
      await fixture.runtime.reload(Self.plan())
      #expect(fixture.runtime.pools.standing(of: Self.name)?.isDraining == true)
    }
  }

  @Test func `tasks that fail by themselves do not fail the others`() async throws {
    var plan = Self.plan { $0.size = 1 }
    plan.flows[0].steps[0].retry.policy = RetryPolicy(maxAttempts: 2, initial: .zero)
    try await RuntimeFixture.with(plan) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let bad = try await Self.submit(5, fixture)
      // Ten crashes of one agent at the same moment, where it may be restarted three times.
      for _ in 0..<10 { try #require(await processes.next()).end(.exited(code: 3)) }
      await fixture.runtime.executor.waitUntilIdle()
      for run in bad {
        let error = try await fixture.record(run).summary.error
        #expect(error != nil && error?.code != "NX-SUP-001", "it is the end of its attempts")
      }
      let good = try await Self.submit(1, fixture)
      try #require(await processes.next()).succeed("ok")
      await fixture.runtime.executor.waitUntilIdle()
      #expect(try await fixture.record(good[0]).summary.status == .completed)
    }
  }

  @Test func `a task that crashes more often than its agent may is given up alone`() async throws {
    var plan = Self.plan { $0.size = 1 }
    plan.flows[0].steps[0].retry.policy = RetryPolicy(maxAttempts: 100, initial: .zero)
    try await RuntimeFixture.with(plan) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let runs = try await Self.submit(1, fixture)
      for _ in 0..<4 { try #require(await processes.next()).end(.exited(code: 3)) }
      await fixture.runtime.executor.wait(for: runs[0])
      #expect(try await fixture.record(runs[0]).summary.error?.code == "NX-SUP-001")
      let good = try await Self.submit(1, fixture)
      try #require(await processes.next()).succeed("ok")
      await fixture.runtime.executor.waitUntilIdle()
      #expect(try await fixture.record(good[0]).summary.status == .completed)
    }
  }
}
