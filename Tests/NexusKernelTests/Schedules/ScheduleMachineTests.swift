// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// When runs are started, and what becomes of the times that get none.
@Suite struct ScheduleMachineTests {
  /// 2026-09-21T14:13:20Z, in whole seconds.
  private static let zero = WallTime(microseconds: 1_790_000_000_000_000)

  private static func at(_ seconds: Int64) -> WallTime { zero + .seconds(seconds) }

  private static func spec(
    _ cron: String = "@every 10s", overlap: ScheduleOverlap = .allow, catchUp: ScheduleCatchUp = ScheduleCatchUp()
  ) throws -> ScheduleSpec {
    ScheduleSpec(
      name: ScheduleName("s"), cron: try CronExpression(parsing: cron), cronText: cron, run: "job", overlap: overlap,
      catchUp: catchUp)
  }

  private static func machine(
    _ cron: String = "@every 10s", overlap: ScheduleOverlap = .allow, catchUp: ScheduleCatchUp = ScheduleCatchUp(),
    state: ScheduleState? = nil, at seconds: Int64 = 0
  ) throws -> ScheduleMachine {
    ScheduleMachine(try spec(cron, overlap: overlap, catchUp: catchUp), zone: .utc, state: state, at: at(seconds))
  }

  private static func run(_ number: Int) -> RunID { RunID("run_\(number)") }

  @Test func `a new schedule owes nothing for the past`() throws {
    var machine = try Self.machine()
    #expect(machine.handle(.tick, at: Self.at(0)).starts == [])
    #expect(machine.nextDue == Self.at(10))
  }

  @Test func `what is due is started once, however often time is looked at`() throws {
    var machine = try Self.machine()
    #expect(machine.handle(.tick, at: Self.at(10)).starts == [Self.at(10)])
    #expect(machine.handle(.tick, at: Self.at(10)) == ScheduleMachine.Decision())
    #expect(machine.handle(.tick, at: Self.at(5)) == ScheduleMachine.Decision(), "the clock was set back")
    #expect(machine.handle(.tick, at: Self.at(31)).starts == [Self.at(20), Self.at(30)])
  }

  @Test func `a start that a crash cut off is still to be done`() throws {
    var machine = try Self.machine()
    _ = machine.handle(.tick, at: Self.at(10))
    var next = try Self.machine(state: machine.state, at: 12)
    #expect(next.state.starting == [Self.at(10)])
    let decision = next.handle(.started(Self.at(10), Self.run(1)), at: Self.at(12))
    #expect(decision.isChanged && decision.starts.isEmpty)
    #expect(next.state.running.map(\.run) == [Self.run(1)])
    #expect(next.handle(.started(Self.at(10), Self.run(1)), at: Self.at(12)) == ScheduleMachine.Decision())
  }

  @Test func `a clock that was ahead is told of, and resume counts from now on`() throws {
    var machine = try Self.machine()
    _ = machine.handle(.tick, at: Self.at(86_400))
    #expect(machine.decidedAhead(of: Self.at(86_395)) == nil, "clocks are set back a little all the time")
    #expect(machine.handle(.tick, at: Self.at(20)).starts == [])
    #expect(machine.decidedAhead(of: Self.at(20)) == Self.at(86_400))
    #expect(machine.handle(.resume, at: Self.at(20)).isChanged)
    #expect(machine.decidedAhead(of: Self.at(20)) == nil)
    #expect(machine.nextDue == Self.at(30))
    #expect(machine.handle(.tick, at: Self.at(30)).starts == [Self.at(30)])
  }

  @Test func `what waits by an expression that was changed is dropped, and that is recorded`() throws {
    var machine = try Self.machine(overlap: .queue)
    _ = machine.handle(.tick, at: Self.at(30))
    #expect(machine.state.waiting == [Self.at(20), Self.at(30)])
    let same = try Self.machine(overlap: .queue, state: machine.state, at: 31)
    #expect(same.state.waiting.count == 2)
    let other = try Self.machine("@every 1h", overlap: .queue, state: machine.state, at: 31)
    #expect(other.state.waiting.isEmpty)
    #expect(
      other.state.recent.last == ScheduleRecord(time: Self.at(30), count: 2, outcome: .skipped(.changed)))
  }

  // MARK: Overlap

  @Test func `skip starts nothing while a run goes on, and counts what it left out`() throws {
    var machine = try Self.machine(overlap: .skip)
    _ = machine.handle(.tick, at: Self.at(10))
    _ = machine.handle(.started(Self.at(10), Self.run(1)), at: Self.at(10))
    for seconds in [20, 30, 40] as [Int64] { #expect(machine.handle(.tick, at: Self.at(seconds)).starts == []) }
    #expect(
      machine.state.recent.last == ScheduleRecord(time: Self.at(40), count: 3, outcome: .skipped(.overlap)))
    _ = machine.handle(.ended(Self.run(1)), at: Self.at(45))
    #expect(machine.handle(.tick, at: Self.at(50)).starts == [Self.at(50)])
  }

  @Test func `queue starts one after the other, in order`() throws {
    var machine = try Self.machine(overlap: .queue)
    #expect(machine.handle(.tick, at: Self.at(35)).starts == [Self.at(10)])
    #expect(machine.state.waiting == [Self.at(20), Self.at(30)])
    _ = machine.handle(.started(Self.at(10), Self.run(1)), at: Self.at(35))
    #expect(machine.handle(.ended(Self.run(1)), at: Self.at(36)).starts == [Self.at(20)])
    #expect(machine.handle(.refused(Self.at(20), code: "NX", message: "no"), at: Self.at(36)).starts == [Self.at(30)])
  }

  @Test func `a bounded number waits`() throws {
    var machine = try Self.machine("@every 1s", overlap: .queue)
    for seconds in 1...Int64(ScheduleState.maxWaiting + 5) { _ = machine.handle(.tick, at: Self.at(seconds)) }
    #expect(machine.state.waiting.count == ScheduleState.maxWaiting)
    #expect(machine.state.recent.last?.outcome == .skipped(.queueFull))
    #expect(machine.state.recent.last?.count == 4)
  }

  @Test func `a bounded number runs`() throws {
    var machine = try Self.machine("@every 1s")
    var starts = 0
    for seconds in 1...Int64(ScheduleState.maxRunning + 5) {
      for time in machine.handle(.tick, at: Self.at(seconds)).starts {
        starts += 1
        _ = machine.handle(.started(time, Self.run(starts)), at: Self.at(seconds))
      }
    }
    #expect(starts == ScheduleState.maxRunning)
    #expect(
      machine.state.recent.last
        == ScheduleRecord(
          time: Self.at(Int64(ScheduleState.maxRunning + 5)), count: 5, outcome: .skipped(.tooManyRuns)))
  }

  // MARK: Catching up

  @Test func `what is late is missed, made up for once, or made up for`() throws {
    // Down from 0 to 1000 s: 100 due times, the last 7 of which are on time.
    let onTime = stride(from: 940, through: 1000, by: 10).map { Self.at(Int64($0)) }
    var none = try Self.machine(catchUp: ScheduleCatchUp(.none))
    #expect(none.handle(.tick, at: Self.at(1000)).starts == onTime)
    #expect(none.state.recent == [ScheduleRecord(time: Self.at(930), count: 93, outcome: .missed)])
    var one = try Self.machine("0 * * * *", catchUp: ScheduleCatchUp(.one))
    // Hours at 2800, 6400, 10000, 13600: a node that comes back half an hour after one.
    #expect(one.handle(.tick, at: Self.at(15_400)).starts == [Self.at(13_600)])
    #expect(one.state.recent == [ScheduleRecord(time: Self.at(10_000), count: 3, outcome: .missed)])
    var all = try Self.machine("0 * * * *", catchUp: ScheduleCatchUp(.all))
    #expect(all.handle(.tick, at: Self.at(15_400)).starts == [2800, 6400, 10_000, 13_600].map(Self.at))
  }

  @Test func `what is older than the window is missed`() throws {
    var machine = try Self.machine("0 * * * *", catchUp: ScheduleCatchUp(.all, window: .seconds(3600)))
    #expect(machine.handle(.tick, at: Self.at(15_400)).starts == [Self.at(13_600)])
    var one = try Self.machine("0 * * * *", catchUp: ScheduleCatchUp(.one, window: .seconds(60)))
    #expect(one.handle(.tick, at: Self.at(15_400)).starts == [])
    #expect(one.state.recent.last?.count == 4)
  }

  @Test func `a year of every second is not looked at second by second`() throws {
    var machine = try Self.machine("@every 1s", overlap: .skip, catchUp: ScheduleCatchUp(.all))
    let decision = machine.handle(.tick, at: Self.at(365 * 86_400))
    #expect(decision.starts.count == 1)
    #expect(machine.state.decided == Self.at(365 * 86_400))
    let missed = try #require(machine.state.recent.first { $0.outcome == .missed })
    #expect(missed.count >= ScheduleMachine.maxCatchUp)
  }

  // MARK: What people do

  @Test func `a pause keeps what came due before it, and owes nothing for itself`() throws {
    var machine = try Self.machine()
    #expect(machine.handle(.pause, at: Self.at(12)).starts == [Self.at(10)])
    #expect(machine.nextDue == nil)
    #expect(machine.handle(.tick, at: Self.at(100)) == ScheduleMachine.Decision())
    #expect(machine.handle(.resume, at: Self.at(105)).starts == [])
    #expect(machine.handle(.tick, at: Self.at(111)).starts == [Self.at(110)])
  }

  @Test func `a trigger starts whatever the overlap says, also while it is paused`() throws {
    var machine = try Self.machine(overlap: .skip)
    _ = machine.handle(.tick, at: Self.at(10))
    _ = machine.handle(.started(Self.at(10), Self.run(1)), at: Self.at(10))
    _ = machine.handle(.pause, at: Self.at(11))
    #expect(machine.handle(.trigger, at: Self.at(13)).starts == [Self.at(13)])
    #expect(machine.handle(.trigger, at: Self.at(13)).starts == [], "one run for one moment")
  }

  @Test func `a changed expression begins anew, and keeps its runs`() throws {
    var machine = try Self.machine(overlap: .skip)
    _ = machine.handle(.tick, at: Self.at(10))
    _ = machine.handle(.started(Self.at(10), Self.run(1)), at: Self.at(10))
    let changed = try Self.machine("@every 7s", overlap: .skip, state: machine.state, at: 1000)
    #expect(changed.state.decided == Self.at(1000))
    #expect(changed.state.running.map(\.run) == [Self.run(1)])
  }

  // MARK: Properties

  /// Whatever happens, killed and begun anew at every point: every due time is answered exactly once, nothing runs beside
  /// another where that is not allowed, and what waits does so in order.
  @Test(arguments: 0..<300) func `every due time is answered once`(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    let overlap = ScheduleOverlap.allCases[Int(random.next() % 3)]
    let policy = ScheduleCatchUp.Policy.allCases[Int(random.next() % 3)]
    let spec = try Self.spec("@every 10s", overlap: overlap, catchUp: ScheduleCatchUp(policy))
    var machine = ScheduleMachine(spec, zone: .utc, state: nil, at: Self.zero)
    var now: Int64 = 0
    var runs = 0
    var answered: [WallTime: Int] = [:]
    for _ in 0..<200 {
      let before = machine.state
      let event: ScheduleMachine.Event =
        switch random.next() % 8 {
        case 0...2:
          .tick
        case 3...4:
          machine.state.starting.first.map {
            runs += 1
            return .started($0, Self.run(runs))
          } ?? .tick
        case 5: machine.state.running.first.map { .ended($0.run) } ?? .tick
        case 6: machine.state.starting.first.map { .refused($0, code: "NX", message: "no") } ?? .tick
        default: .tick
        }
      if event == .tick { now += Int64(random.next() % 25) }
      let decision = machine.handle(event, at: Self.at(now))
      // Killed before the state was written: the next node sees what was before, and decides the same.
      var other = ScheduleMachine(spec, zone: .utc, state: before, at: Self.at(now))
      #expect(other.handle(event, at: Self.at(now)) == decision)
      for time in decision.starts { answered[time, default: 0] += 1 }
      #expect(answered.values.allSatisfy { $0 == 1 })
      if overlap != .allow { #expect(machine.state.starting.count + machine.state.running.count <= 1) }
      #expect(machine.state.waiting == machine.state.waiting.sorted())
      #expect(machine.state.recent.count <= ScheduleState.maxRecent)
    }
    if overlap == .allow, policy == .all {
      // Nothing was late by more than a minute, so every time was started.
      #expect(answered.count == Int(now / 10))
    }
  }
}
