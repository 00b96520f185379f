// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct AlertTests {
  private func alert(
    _ percent: Int, limit: Int64 = 100, index: Int64 = 20_780, window: String = "day", _ scope: BudgetScope = .global
  ) -> BudgetAlert {
    BudgetAlert(
      key: CounterKey(scope: scope.text, window: window, index: index), scope: scope, window: .day,
      sign: .passed(percent: percent), spent: cost(percent), limit: SpendLimit(cost: NanoUSD(limit)))
  }

  private func cost(_ value: Int) -> Spend { Spend(cost: NanoUSD(Int64(value))) }

  /// Tells it as the node does; whether it was news.
  private func tell(_ alert: BudgetAlert, _ book: inout AlertBook) -> Bool {
    guard let entries = book.adding(alert, at: monday) else { return false }
    book.take(entries)
    return true
  }

  @Test func `an alert is told once for a window and a limit`() {
    var book = AlertBook()
    #expect(tell(alert(50), &book) && !tell(alert(50), &book))
    #expect(tell(alert(80), &book), "another share")
    #expect(tell(alert(50, index: 20_781), &book), "another window")
    #expect(tell(alert(50, limit: 200), &book), "another limit")
    #expect(!tell(alert(50), &book), "also when the limit is the old one again")
    #expect(tell(alert(50, window: "day Europe/Berlin"), &book), "another zone")
    #expect(tell(alert(50, .agent(alice)), &book), "another budget")
    var later = alert(50)
    later.spent = cost(70)
    #expect(!tell(later, &book), "what is spent meanwhile makes no other alert")
  }

  @Test func `a forecast is told once, however it moves`() {
    var book = AlertBook()
    var foreseen = alert(0)
    foreseen.sign = .foreseen(monday + .seconds(100))
    #expect(tell(foreseen, &book))
    foreseen.sign = .foreseen(monday + .seconds(200))
    #expect(!tell(foreseen, &book) && tell(alert(50), &book))
  }

  @Test func `what is not kept is not taken for told`() {
    let book = AlertBook()
    #expect(book.adding(alert(50), at: monday) != nil && book.adding(alert(50), at: monday) != nil)
  }

  @Test func `of one budget the newest are remembered`() {
    var book = AlertBook()
    for index in 0..<Int64(AlertBook.mostOfOne + 10) { #expect(tell(alert(50, index: index), &book)) }
    #expect(book.told.values.map(\.count) == [AlertBook.mostOfOne])
    #expect(!tell(alert(50, index: 300 - 50), &book))
  }

  @Test func `a node that comes up finds what was passed, but not in windows that are over`() {
    let day = CounterKey(scope: "global", window: "day", index: 20_780)
    let past = CounterKey(scope: "global", window: "day", index: 20_779)
    let run = CounterKey(scope: "run:run_1/agent:alice", window: "run", index: 0)
    var machine = BudgetMachine(rules: [
      rule(.global, .day, cost: 100, alertAt: [50, 80, 95]), rule(.agent(alice), .run, cost: 10, alertAt: [80]),
    ])
    _ = machine.restore(
      counters: [
        StoredCounter(key: past, spent: cost(99), mark: .zero), StoredCounter(key: day, spent: cost(85), mark: .zero),
        StoredCounter(key: run, spent: cost(9), mark: .zero),
      ], openHolds: [], sameKernelBoot: true)
    #expect(machine.passedAlerts { _ in false }.map(\.percent) == [50, 80])
    let all = machine.passedAlerts { $0 == RunID("run_1") }
    #expect(all.map(\.place) == ["agent:alice per run", "global per day", "global per day"])
    #expect(all.first?.run == RunID("run_1") && all.last?.run == nil)
    #expect(machine.foreseeable().map(\.key) == [day], "nobody foresees the end of a run")
  }

  @Test func `a limit that a person sets where there was none has the alerts of the project`() {
    let override = BudgetOverride(place: BudgetPlace(.global, .day), maxCost: NanoUSD(5), at: monday)
    let applied = BudgetOverrides([override]).applied(to: [], alertAt: [50, 80])
    #expect(applied.map(\.alertAt) == [[50, 80]])
  }
}

@Suite struct ForecastWatchTests {
  private let window = BudgetWindow.day

  private func view(spent: Int64, calls: Int64, limit: Int64 = 1000, index: Int64 = 20_780, reset: Int64? = 86_400)
    -> BudgetCounterView
  {
    BudgetCounterView(
      key: CounterKey(scope: "global", window: "day", index: index),
      spent: Spend(cost: NanoUSD(spent), tokens: .zero, requests: calls), held: .zero, kept: .zero,
      rules: [rule(.global, window, cost: limit)], reset: reset.map { monday + .seconds($0) })
  }

  /// Looks every 15 seconds while every look finds so much more spent; answers when it was told first.
  private func firstTold(spending each: Int64, within horizon: Duration, looks: Int, limit: Int64 = 1000) -> Int? {
    var watch = ForecastWatch()
    for look in 0..<looks {
      let now = monday + .seconds(Int64(look) * 15)
      let view = view(spent: each * Int64(look), calls: Int64(look), limit: limit)
      if !watch.look(at: [view], within: horizon, now: now).isEmpty { return look }
    }
    return nil
  }

  @Test func `it is told when the end comes near, and not before`() throws {
    // 10 every 15 seconds: 1000 are used up after 1500 seconds, and 300 before that is the 80th look.
    let look = try #require(firstTold(spending: 10, within: .seconds(300), looks: 100))
    #expect((75...85).contains(look), "\(look)")
    #expect(firstTold(spending: 10, within: .seconds(300), looks: 60) == nil)
    #expect(firstTold(spending: 0, within: .seconds(3600), looks: 100) == nil)
  }

  @Test func `what ends after its window is not told`() {
    var watch = ForecastWatch()
    var told = 0
    for look in 0..<40 {
      let now = monday + .seconds(Int64(look) * 15)
      let view = view(spent: Int64(look) * 10, calls: Int64(look), reset: 1000)
      told += watch.look(at: [view], within: .seconds(86_400), now: now).count
    }
    #expect(told == 0)
  }

  @Test func `a budget that is seen for the first time, or corrected, has no pace by that`() {
    var watch = ForecastWatch()
    for look in 0..<40 {
      let now = monday + .seconds(Int64(look) * 15)
      // Corrected up at each look, by no call.
      let view = view(spent: 500 + Int64(look) * 10, calls: 3)
      #expect(watch.look(at: [view], within: .seconds(86_400), now: now).isEmpty)
    }
  }

  @Test func `the pace goes on into the next window, and from what was charged before`() {
    var watch = ForecastWatch()
    let samples = (0..<100).map {
      SpendSample(at: monday + .seconds(-1000 + $0 * 10), cost: NanoUSD(10), tokens: .zero)
    }
    watch.seed(samples, at: ForecastWatch.Place(CounterKey(scope: "global", window: "day", index: 20_779)))
    #expect(!watch.look(at: [view(spent: 10, calls: 1)], within: .seconds(2000), now: monday).isEmpty)
    #expect(
      !watch.look(
        at: [view(spent: 10, calls: 1, index: 20_781, reset: 172_800)], within: .seconds(2000),
        now: monday + .seconds(60)
      ).isEmpty)
  }

  @Test func `its memory is bounded, and thinner samples foresee the same`() throws {
    let dense = try #require(firstTold(spending: 1, within: .seconds(3000), looks: 6000, limit: 5000))
    // A day's pace looks back 16 hours: 3840 looks, of which at most 1024 are kept.
    #expect((4700...4900).contains(dense), "\(dense)")
  }
}
