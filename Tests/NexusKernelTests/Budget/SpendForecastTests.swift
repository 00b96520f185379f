// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct SpendForecastTests {
  private let now = monday + .seconds(100_000)

  /// One call of that cost every so many seconds, from so long ago until now.
  private func steady(_ cost: Int64, every seconds: Int64, since: Int64, tokens: Int64 = 1) -> [SpendSample] {
    stride(from: since, to: 0, by: Int(-seconds)).map { age in
      SpendSample(at: now + .seconds(-age), cost: NanoUSD(cost), tokens: TokenCount(tokens))
    }
  }

  private func forecast(
    _ samples: [SpendSample], _ window: BudgetWindow = .lifetime, left: Int64? = 1000, tokens: Int64? = nil,
    reset: WallTime? = nil
  ) -> SpendForecast {
    .of(
      samples, window: window,
      left: SpendLimit(cost: left.map { NanoUSD($0) }, tokens: tokens.map { TokenCount($0) }), reset: reset, now: now)
  }

  /// Seconds until the end; nil for another answer.
  private func seconds(_ forecast: SpendForecast) -> Int64? {
    guard case .exhaustsAt(let time) = forecast else { return nil }
    return (time - now).wholeMilliseconds / 1000
  }

  @Test(arguments: [Int64(120), 1000, 20_000, 200_000])
  func `a steady rate is foreseen to a tenth, however long it was watched`(since: Int64) throws {
    // 10 nano-dollars every 10 seconds: 1000 are gone in 1000 seconds.
    let left = try #require(seconds(forecast(steady(10, every: 10, since: since))))
    #expect((900...1100).contains(left), "\(left)")
  }

  @Test func `what was spent lately counts for more than what was spent before`() throws {
    let before = steady(10, every: 10, since: 4000).filter { $0.at < now + .seconds(-2000) }
    let faster = before + steady(20, every: 10, since: 2000)
    let slower = before + steady(5, every: 10, since: 2000)
    let steady = try #require(seconds(forecast(steady(10, every: 10, since: 4000))))
    #expect(try #require(seconds(forecast(faster))) < steady * 3 / 4)
    #expect(try #require(seconds(forecast(slower))) > steady * 5 / 4)
  }

  @Test func `the axis that ends first decides`() throws {
    let samples = steady(10, every: 10, since: 1000, tokens: 100)
    let tokens = try #require(seconds(forecast(samples, left: 1_000_000, tokens: 5000)))
    #expect((450...550).contains(tokens))
  }

  @Test func `what cannot be known is said`() {
    #expect(forecast([]) == .unknown("nothing was spent lately"))
    #expect(forecast(steady(10, every: 40, since: 80)) == .unknown("too few calls so far"))
    #expect(forecast(steady(10, every: 10, since: 50)) == .unknown("the first call is less than a minute ago"))
    #expect(forecast(steady(10, every: 10, since: 1000), .run) == .unknown("every run has its own"))
    let old = [SpendSample(at: now + .seconds(-4000), cost: NanoUSD(5), tokens: .zero)]
    #expect(forecast(old + old + old, .hour) == .unknown("nothing was spent lately"))
    // A sample from the future, of a clock that went back, says nothing.
    let future = [SpendSample](
      repeating: SpendSample(at: now + .seconds(10), cost: NanoUSD(5), tokens: .zero), count: 5)
    #expect(forecast(future) == .unknown("nothing was spent lately"))
  }

  @Test func `a budget that begins anew in time lasts, one that is used up is so, and free calls never end`() {
    let samples = steady(10, every: 10, since: 1000)
    let reset = now + .seconds(500)
    #expect(forecast(samples, .day, reset: reset) == .lasts(until: reset))
    #expect(seconds(forecast(samples, .day, reset: now + .seconds(5000))) != nil)
    #expect(forecast(samples, left: 0) == .exhausted)
    #expect(forecast([], left: -5) == .exhausted)
    #expect(forecast(steady(0, every: 10, since: 1000)) == .lasts(until: nil))
    #expect(forecast(steady(1, every: 100, since: 1000), left: .max) == .lasts(until: nil))
  }

  @Test func `the largest amounts overflow nothing`() {
    let samples = steady(.max, every: 1, since: 300, tokens: .max)
    #expect(seconds(forecast(samples, left: .max, tokens: .max)) != nil)
  }
}
