// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A schedule` {
  private static let name = ScheduleName("often")

  private static func plan(
    overlap: ScheduleOverlap = .allow, run: String = "worker", cron: String = "@every 10s"
  ) throws -> ProjectPlan {
    var plan = RuntimeFixture.plan()
    plan.schedules = [
      ScheduleSpec(
        name: name, cron: try CronExpression(parsing: cron), cronText: cron, run: run, input: ["from": "schedule"],
        overlap: overlap)
    ]
    return plan
  }

  private static func state(_ store: any Store) async throws -> ScheduleState {
    let row = try #require(try await store.components(.schedule).first { $0.name == name.text })
    return try ScheduleFormat.decode(row.state)
  }

  @Test func `starts runs when they are due, with its input`() async throws {
    try await RuntimeFixture.with(try Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      try await fixture.runtime.startSchedules()
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(10))
      let first = try #require(await processes.next())
      #expect(first.request.standardInput == Array(#"{"from":"schedule"}"#.utf8))
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(10))
      let second = try #require(await processes.next())
      for process in [first, second] { process.succeed("done") }
      await fixture.runtime.executor.waitUntilIdle()
      let runs = try await fixture.runs(named: "worker")
      #expect(runs.map(\.summary.status) == [.completed, .completed])
      #expect(
        runs.map(\.idempotencyKey) == [
          "schedule:often:2026-09-21T14:13:40.000Z", "schedule:often:2026-09-21T14:13:30.000Z",
        ])
    }
  }

  @Test func `does not start beside an earlier run, and goes on when that is over`() async throws {
    try await RuntimeFixture.with(try Self.plan(overlap: .queue)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      try await fixture.runtime.startSchedules()
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(30))
      let first = try #require(await processes.next())
      first.succeed("1")
      let second = try #require(await processes.next())
      let waiting = try await Self.state(fixture.store)
      #expect(waiting.waiting.count == 1)
      second.succeed("2")
      let third = try #require(await processes.next())
      third.succeed("3")
      await fixture.runtime.executor.waitUntilIdle()
      #expect(try await fixture.runs(named: "worker").count == 3)
    }
  }

  @Test func `a run that a node decided on and did not make is made by the next, once`() async throws {
    let plan = try Self.plan()
    let store = InMemoryStore()
    let due = WallTime(microseconds: 1_790_000_000_000_000)
    var state = ScheduleState(timing: plan.schedules[0].timing, from: due)
    state.starting = [due]
    try await store.commit(
      StoreTransaction(
        .synced, [.putComponent(ComponentRow(kind: .schedule, name: "often", state: ScheduleFormat.encode(state)))]))
    for _ in 0..<2 {
      // The second node finds the same state, as if the first had been killed right after it made the run.
      try await store.commit(
        StoreTransaction(
          .synced, [.putComponent(ComponentRow(kind: .schedule, name: "often", state: ScheduleFormat.encode(state)))]))
      try await RuntimeFixture.with(plan, store: store) { fixture in
        var processes = fixture.launcher.processes.makeAsyncIterator()
        try await fixture.runtime.startSchedules()
        if try await fixture.runs(named: "worker").first?.summary.status != .completed {
          try #require(await processes.next()).succeed("once")
        }
        await fixture.clock.waitForSleepers(1)
        await fixture.runtime.executor.waitUntilIdle()
      }
    }
    let runs = try await store.runs(RunQuery())
    #expect(runs.count == 1)
    let left = try await Self.state(store)
    #expect(left.starting.isEmpty && left.running.isEmpty)
    #expect(left.recent.last?.outcome == .started(runs[0].id))
  }

  @Test func `looks again whether a run is over if it could not be read`() async throws {
    let plan = try Self.plan(overlap: .skip, cron: "@every 1h")
    let store = FaultyStore(InMemoryStore(), .refused, at: .max)
    var state = ScheduleState(
      timing: plan.schedules[0].timing, from: WallTime(microseconds: 1_790_000_000_000_000))
    state.running = [.init(time: state.decided, run: RunID("run_deleted"))]
    try await store.commit(
      StoreTransaction(
        .synced, [.putComponent(ComponentRow(kind: .schedule, name: "often", state: ScheduleFormat.encode(state)))]))
    store.failLooks(1)
    try await RuntimeFixture.with(plan, store: store) { fixture in
      try await fixture.runtime.startSchedules()
      // The first look has failed, and the second comes with the first tick.
      try await fixture.runtime.schedules.pause(Self.name)
      #expect(try await Self.state(store).running.isEmpty)
    }
  }

  @Test func `says why a run could not be made`() async throws {
    try await RuntimeFixture.with(try Self.plan(run: "nobody")) { fixture in
      try await fixture.runtime.startSchedules()
      let refusal = await #expect(throws: RuntimeRefusal.self) {
        try await fixture.runtime.schedules.trigger(Self.name)
      }
      #expect(refusal?.code == "NX-AGT-010" && refusal?.kind == .notFound)
      let standing = try #require(fixture.runtime.schedules.standings.first)
      guard case .refused(let code, _) = standing.state?.recent.last?.outcome else {
        Issue.record("\(standing)")
        return
      }
      #expect(code == "NX-AGT-010")
    }
  }

  @Test(arguments: FaultyStore.Fault.allCases)
  func `a store that takes nothing keeps runs back, and no longer than that`(_ fault: FaultyStore.Fault) async throws {
    let store = FaultyStore(InMemoryStore(), fault, at: 1)
    try await RuntimeFixture.with(try Self.plan(), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      try await fixture.runtime.startSchedules()
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(10))
      // It naps again, with what was due still due.
      await fixture.clock.waitForSleepers(1)
      fixture.clock.advance(by: .seconds(10))
      for _ in 0..<2 { try #require(await processes.next()).succeed("late") }
      await fixture.runtime.executor.waitUntilIdle()
    }
  }

  @Test func `is paused, resumed and triggered by people, and a reload changes it`() async throws {
    try await RuntimeFixture.with(try Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let schedules = fixture.runtime.schedules
      await #expect(throws: RuntimeRefusal.self, "before it runs") { try await schedules.pause(Self.name) }
      try await fixture.runtime.startSchedules()
      try await schedules.pause(Self.name)
      #expect(schedules.standings.first?.state?.isPaused == true, "the answer comes when it can be seen")
      #expect(try await Self.state(fixture.store).isPaused)
      try await schedules.trigger(Self.name)
      try #require(await processes.next()).succeed("by hand")
      try await schedules.resume(Self.name)
      let refusal = await #expect(throws: RuntimeRefusal.self) { try await schedules.pause(ScheduleName("other")) }
      #expect(refusal?.code == "NX-SCH-001")
      await fixture.runtime.reload(try Self.plan(cron: "@every 1h"))
      #expect(schedules.standings.first?.spec.cronText == "@every 1h")
      #expect(schedules.standings.first?.state?.timing == "@every 1h UTC")
      await fixture.runtime.executor.waitUntilIdle()
    }
  }

  @Test func `put back after its run has ended, it goes on`() async throws {
    let plan = try Self.plan(overlap: .skip, cron: "@every 1h")
    try await RuntimeFixture.with(plan) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let schedules = fixture.runtime.schedules
      try await fixture.runtime.startSchedules()
      try await schedules.trigger(Self.name)
      let process = try #require(await processes.next())
      var without = plan
      without.schedules = []
      await fixture.runtime.reload(without)
      process.succeed("done")
      await fixture.runtime.executor.waitUntilIdle()
      await fixture.runtime.reload(plan)
      #expect(schedules.standings.first?.state?.running == [])
    }
  }

  @Test func `put back while its run goes, it sees the end of it`() async throws {
    let plan = try Self.plan(overlap: .skip, cron: "@every 1h")
    try await RuntimeFixture.with(plan) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let schedules = fixture.runtime.schedules
      try await fixture.runtime.startSchedules()
      try await schedules.trigger(Self.name)
      let process = try #require(await processes.next())
      var without = plan
      without.schedules = []
      await fixture.runtime.reload(without)
      await fixture.runtime.reload(plan)
      #expect(schedules.standings.first?.state?.running.count == 1)
      process.succeed("done")
      await fixture.runtime.executor.waitUntilIdle()
      // Answered after the end that came before it.
      try await schedules.pause(Self.name)
      #expect(schedules.standings.first?.state?.running == [])
    }
  }

  @Test func `a clock that was ahead is its problem until it is resumed`() async throws {
    let plan = try Self.plan(cron: "@every 1h")
    let store = InMemoryStore()
    let ahead = ScheduleState(
      timing: plan.schedules[0].timing, from: WallTime(microseconds: 1_990_000_000_000_000))
    try await store.commit(
      StoreTransaction(
        .synced, [.putComponent(ComponentRow(kind: .schedule, name: "often", state: ScheduleFormat.encode(ahead)))]))
    try await RuntimeFixture.with(plan, store: store) { fixture in
      let schedules = fixture.runtime.schedules
      try await fixture.runtime.startSchedules()
      #expect(schedules.standings.first?.problem?.hasPrefix("NX-SCH-004") == true)
      try await schedules.resume(Self.name)
      #expect(schedules.standings.first?.problem == nil)
    }
  }
}
