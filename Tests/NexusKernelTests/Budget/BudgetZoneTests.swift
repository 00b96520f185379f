// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct BudgetZoneTests {
  private let berlin: BudgetZone
  private let cairo: BudgetZone

  init() throws {
    berlin = BudgetZone(name: "Europe/Berlin", rules: try TimeZoneRules(posix: "CET-1CEST,M3.5.0,M10.5.0/3"))
    // It is set back at midnight: the clock shows the last hour of the day before once more.
    cairo = BudgetZone(name: "Africa/Cairo", rules: try TimeZoneRules(posix: "EET-2EEST,M4.5.5/0,M10.5.4/24"))
  }

  private func time(_ month: Int64, _ day: Int64, _ hour: Int64 = 0, _ minute: Int64 = 0) -> WallTime {
    WallTime(
      microseconds: CivilSecond(year: 2026, month: month, day: day, hour: hour, minute: minute).value * 1_000_000)
  }

  private func day(_ time: WallTime, _ zone: BudgetZone) -> Int64 {
    BudgetCalendar.index(of: .day, at: time, in: zone.rules)
  }

  @Test func `a day begins at midnight of the place`() {
    #expect(day(time(11, 22, 22, 59), berlin) + 1 == day(time(11, 22, 23), berlin))
    #expect(day(time(7, 1, 21, 59), berlin) + 1 == day(time(7, 1, 22), berlin))
    let index = day(time(7, 2), berlin)
    #expect(BudgetCalendar.start(of: .day, index: index, in: berlin.rules) == time(7, 1, 22))
  }

  @Test func `days on which the clock is set are 23 and 25 hours long`() throws {
    for (noon, hours) in [(time(3, 29, 12), Int64(23)), (time(10, 25, 12), 25), (time(6, 1, 12), 24)] {
      let index = day(noon, berlin)
      let start = try #require(BudgetCalendar.start(of: .day, index: index, in: berlin.rules))
      let end = try #require(BudgetCalendar.start(of: .day, index: index + 1, in: berlin.rules))
      #expect(end - start == .seconds(hours * 3600))
    }
  }

  @Test(arguments: [BudgetWindow.day, .week, .month])
  func `windows follow one another without a gap, and none comes twice`(window: BudgetWindow) throws {
    for zone in [berlin, cairo] {
      var before = BudgetCalendar.index(of: window, at: time(1, 1), in: zone.rules)
      for hour in Int64(0)..<(366 * 24) {
        let now = time(1, 1, hour)
        let index = BudgetCalendar.index(of: window, at: now, in: zone.rules)
        #expect(index == before || index == before + 1)
        before = index
        let start = try #require(BudgetCalendar.start(of: window, index: index, in: zone.rules))
        let end = try #require(BudgetCalendar.start(of: window, index: index + 1, in: zone.rules))
        #expect(start <= now && now < end)
      }
    }
  }

  @Test func `an hour is one everywhere, and what has no end has no zone`() {
    for window in [BudgetWindow.hour, .run, .lifetime] {
      let now = time(7, 1, 22, 30)
      #expect(
        BudgetCalendar.index(of: window, at: now, in: berlin.rules) == BudgetCalendar.index(of: window, at: now))
      #expect(WindowName(window, zone: "Europe/Berlin").zone == nil)
    }
  }

  @Test func `the budgets of two places are two counters, and each has its own midnight`() {
    func daily(_ zone: BudgetZone?) -> BudgetRule {
      BudgetRule(scope: .agent(alice), window: .day, limit: SpendLimit(cost: NanoUSD(10)), zone: zone)
    }
    var machine = BudgetMachine(rules: [daily(nil), daily(berlin)])
    // Monday 22:30 UTC, which is 23:30 in Berlin.
    let evening: Int64 = 22 * 3600 + 1800
    #expect(machine.admit(call("1", flat(10)), at: reading(evening)).grant != nil)
    _ = machine.finish("1", cost(10), at: reading(evening))
    let first = machine.admit(call("2", flat(1)), at: reading(evening + 60)).refusal
    #expect(first?.reset == monday + .seconds(24 * 3600))
    // Berlin has a new day at 23:00 UTC; UTC itself has not.
    let second = machine.admit(call("3", flat(1)), at: reading(evening + 1800)).refusal
    #expect(second?.key.window == "day")
    #expect(machine.admit(call("4", flat(1)), at: reading(evening + 5400)).grant != nil)
    let names = machine.views().filter { $0.key.scope == "agent:alice" }.map(\.key.window)
    #expect(Set(names) == ["lifetime", "day", "day Europe/Berlin"])
  }

  @Test func `the counter of a place comes back after a restart`() {
    let rule = BudgetRule(scope: .global, window: .day, limit: SpendLimit(cost: NanoUSD(10)), zone: berlin)
    var machine = BudgetMachine(rules: [rule])
    let keys = machine.admit(call("1", flat(9)), at: reading()).grant?.counters ?? []
    var next = BudgetMachine(rules: [rule])
    _ = next.restore(
      counters: keys.map { StoredCounter(key: $0, spent: cost(9), mark: .zero) }, openHolds: [], sameKernelBoot: true)
    let refusal = next.admit(call("2", flat(2)), at: reading(60)).refusal
    #expect(refusal?.key.window == "day Europe/Berlin")
    #expect(refusal?.reset == monday + .seconds(23 * 3600))
  }

  @Test func `what a person sets holds for the day that the configuration has`() {
    let configured = [BudgetSpec(scope: .global, window: .day, maxCost: NanoUSD(5), zone: berlin)]
    let set = BudgetOverride(
      place: BudgetPlace(.global, .day), maxCost: NanoUSD(9), maxTokens: TokenCount(3), at: monday)
    let applied = BudgetOverrides([set]).applied(to: configured)
    #expect(applied.map(\.maxCost) == [NanoUSD(9), nil])
    #expect(applied.map(\.zone) == [berlin, berlin])
  }

  @Test func `the name of a window is read back`() {
    for name in [WindowName(.day), WindowName(.week, zone: "Europe/Berlin"), WindowName(.run)] {
      #expect(WindowName(text: name.text) == name)
    }
    #expect(WindowName(text: "") == nil)
    #expect(WindowName(text: "year Europe/Berlin") == nil)
  }
}
