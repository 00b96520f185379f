// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct WindowTests {
  /// Windows, seconds after the Monday, and the index expected.
  static let places: [(BudgetWindow, Int64, Int64)] = [
    (.hour, 0, 498_720), (.hour, 3599, 498_720), (.hour, 3600, 498_721), (.day, 0, 20_780), (.day, 86_399, 20_780),
    (.day, 86_400, 20_781), (.week, -1, 2968), (.week, 0, 2969), (.week, 604_799, 2969), (.week, 604_800, 2970),
    (.month, 0, 682), (.month, 691_199, 682), (.month, 691_200, 683), (.lifetime, 0, 0), (.run, 99, 0),
  ]

  @Test(arguments: Self.places)
  func `a time falls into the window of its index`(window: BudgetWindow, seconds: Int64, index: Int64) {
    #expect(BudgetCalendar.index(of: window, at: monday + .seconds(seconds)) == index)
  }

  @Test(arguments: [BudgetWindow.hour, .day, .week, .month])
  func `each window begins where the one before it ends`(window: BudgetWindow) throws {
    let now = BudgetCalendar.index(of: window, at: monday)
    for index in [-30, -1, 0, 1, now, now + 1, now + 15, now + 400] {
      let start = try #require(BudgetCalendar.start(of: window, index: index))
      #expect(BudgetCalendar.index(of: window, at: start) == index)
      #expect(BudgetCalendar.index(of: window, at: start + .microseconds(-1)) == index - 1)
    }
  }

  @Test(arguments: [BudgetWindow.run, .lifetime])
  func `some windows have no end`(window: BudgetWindow) {
    #expect(BudgetCalendar.start(of: window, index: 1) == nil)
  }

  @Test func `a new window is a new counter, and a call stays in the window of its admission`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 10)])
    let grant = machine.admit(call("1", flat(10)), at: reading(3599)).grant
    #expect(grant?.counters.last?.index == 498_720)
    #expect(machine.admit(call("2", flat(10)), at: reading(3600)).grant?.counters.last?.index == 498_721)
    let ended = machine.settle(EffectID("1"), actual: cost(7))
    #expect(ended?.counters.last?.index == 498_720)
    let spent = machine.views().filter { $0.key.window == "hour" }.map(\.spent.cost.value)
    #expect(spent == [7, 0])
  }

  @Test func `an idle counter of an old window is forgotten, the agent's lifetime is not`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 10)])
    _ = machine.admit(call("1", flat(4)), at: reading())
    _ = machine.finish("1", cost(4))
    _ = machine.admit(call("2", flat(4)), at: reading(3600))
    #expect(machine.views().map(\.key.window) == ["hour", "lifetime"])
    #expect(machine.view("agent:alice")?.spent.cost == NanoUSD(4))
  }

  @Test func `a refusal says when the window ends`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .day, cost: 10)])
    #expect(machine.admit(call("1", flat(11)), at: reading(5)).refusal?.reset == monday + .seconds(86_400))
    #expect(machine.views().isEmpty)
  }

  @Test func `those who wait are admitted in the window in which they go`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 10)])
    _ = machine.admit(call("1", flat(10)), at: reading(3599))
    #expect(machine.admit(call("2", flat(10)), at: reading(3599)) == .queued)
    let woken = machine.finish("1", cost(10), at: reading(3601))
    #expect(woken.first?.decision.grant?.counters.last?.index == 498_721)
  }

  @Test func `a wall clock that goes back opens no old window`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 10)])
    _ = machine.admit(call("1", flat(10)), at: reading(3600))
    #expect(machine.admit(call("2", flat(10)), at: reading(3601, wallAhead: -7200)) == .queued)
    #expect(!machine.isClockHeld)
  }

  @Test func `a wall clock that jumps ahead opens no new window until it is confirmed`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 10)])
    _ = machine.admit(call("1", flat(10)), at: reading())
    #expect(machine.admit(call("2", flat(10)), at: reading(10, wallAhead: 7200)) == .queued)
    #expect(machine.isClockHeld)
    machine.confirmClock(reading(11, wallAhead: 7200))
    #expect(!machine.isClockHeld)
    #expect(machine.wake(at: reading(11, wallAhead: 7200)).first?.decision.grant != nil)
  }

  @Test func `what a node before trusted is no new beginning`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 10)])
    var trusted = machine.openClock(reading(60, wallAhead: 7200), after: reading())
    #expect(trusted == nil)
    let held = machine.admit(call("1", flat(10)), at: reading(60, wallAhead: 7200)).grant
    var other = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 10)])
    trusted = other.openClock(reading(60), after: reading())
    #expect(trusted == reading(60))
    #expect(held?.counters == other.admit(call("1", flat(10)), at: reading(60)).grant?.counters)
    // Time that really passed while no node ran is trusted, however long it was.
    var late = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 10)])
    trusted = late.openClock(reading(400 * 3600), after: reading())
    #expect(trusted == reading(400 * 3600))
    // A clock that is behind is followed, but coming home later is then no jump ahead.
    var slow = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 10)])
    trusted = slow.openClock(reading(60, wallAhead: -7200), after: reading())
    #expect(trusted == reading())
  }

  @Test func `while the clock is held, time goes on by the monotonic one`() {
    var machine = BudgetMachine(rules: [rule(.agent(alice), .hour, cost: 10)])
    _ = machine.admit(call("1", flat(10)), at: reading(3000))
    #expect(machine.admit(call("2", flat(10)), at: reading(3599, wallAhead: 7200)) == .queued)
    #expect(machine.wake(at: reading(3601, wallAhead: 7200)).first?.decision.grant?.counters.last?.index == 498_721)
  }

  @Test func `a clock that is slewed by a little is followed`() {
    var clock = WindowClock()
    for step: Int64 in 0...100 {
      #expect(
        clock.trusted(reading(step * 3600, wallAhead: step * 200)) == reading(step * 3600, wallAhead: step * 200).wall)
    }
    #expect(!clock.isHeld)
  }

  @Test func `the tolerance is five minutes and no more`() {
    var clock = WindowClock()
    _ = clock.trusted(reading())
    #expect(clock.trusted(reading(1, wallAhead: 301)) == reading(1).wall)
    #expect(clock.isHeld)
    #expect(clock.trusted(reading(2, wallAhead: 300)) == reading(2, wallAhead: 300).wall)
    #expect(!clock.isHeld)
  }

  @Test func `coming home after a step back is no jump ahead`() {
    var clock = WindowClock()
    _ = clock.trusted(reading())
    #expect(clock.trusted(reading(10, wallAhead: -9000)) == reading(10, wallAhead: -9000).wall)
    #expect(clock.trusted(reading(20)) == reading(20).wall)
    #expect(!clock.isHeld)
  }
}
