// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCLI
import NexusCore
import Testing

@Suite struct CostTableTests {
  private let now = WallTime(microseconds: 1_795_412_220_000_000)
  private let plain = Style(isOn: false)

  private func budget(_ scope: String, _ forecast: ForecastNote?) -> BudgetStatus {
    var budget = BudgetStatus(
      scope: scope, maxNanoUSD: NanoUSD(5_000_000_000), usedNanoUSD: NanoUSD(1_250_000_001), heldNanoUSD: NanoUSD(1))
    budget.forecast = forecast
    return budget
  }

  @Test func `a limit is set where the only budget counts, and asked for where there are several`() throws {
    let day = BudgetStatus(scope: "agent:a", per: "day")
    var lasting = BudgetStatus(scope: "agent:a")
    func window(of scope: String, _ own: [BudgetStatus], clears: Bool = false) throws -> String {
      let report = CostReport(
        tokens: .zero, cost: .zero, agents: [CostRow(name: "a", budgets: own)], models: [],
        budgets: [BudgetStatus(scope: "global", per: "month")])
      return try CostTarget.window(of: scope, in: report, clears: clears)
    }
    #expect(try window(of: "agent:a", [day]) == "day")
    #expect(try window(of: "global", [day]) == "month")
    #expect(try window(of: "agent:b", [day]) == "lifetime")
    #expect(throws: CommandFailure.self) { try window(of: "agent:a", [day, lasting]) }
    // Only what a person set can be taken back.
    lasting.override = BudgetOverrideNote(at: now)
    #expect(try window(of: "agent:a", [day, lasting], clears: true) == "lifetime")
  }

  @Test func `budgets say what is left, when it is used up, and what a person set`() {
    var set = budget("agent:researcher", ForecastNote(state: "exhausts", at: now + .seconds(7300)))
    set.override = BudgetOverrideNote(at: now, reason: "demo\u{1B}[2J", configuredNanoUSD: NanoUSD(2_000_000_000))
    var day = BudgetStatus(
      scope: "global", maxTokens: TokenCount(100_000), usedTokens: TokenCount(100_000), per: "day", onLimit: "pause",
      isExhausted: true)
    day.forecast = ForecastNote(state: "exhausted")
    var soft = budget("agent:writer", ForecastNote(state: "unknown", reason: "too few calls so far"))
    (soft.isHard, soft.onLimit) = (false, "alert")
    let lasting = budget("supervisor:team", ForecastNote(state: "lasts", at: now))
    let report = CostReport(
      tokens: TokenCount(1234), cost: NanoUSD(1_250_000_000),
      agents: [
        CostRow(name: "researcher", calls: 3, budgets: [set]), CostRow(name: "writer", budgets: [soft]),
        CostRow(name: "free", calls: 2, tokens: TokenCount(1500), cost: NanoUSD(7)),
      ], models: [CostRow(name: "openai/gpt-4o", calls: 5, tokens: TokenCount(1234), cost: NanoUSD(1_250_000_000))],
      budgets: [lasting, day])
    let expected = """
      BUDGET            PER                LIMIT           SPENT          HELD          LEFT  AT THE LIMIT  USED UP
      agent:researcher  lifetime           $5.00           $1.25  $0.000000001  $3.749999999  refuse        in about 2 h 1 min
        └ set 2026-11-23T05:37:00.000Z (demo\u{FFFD}[2J); the configuration says $2.00
      agent:writer      lifetime           $5.00           $1.25  $0.000000001  $3.749999999  alert only    unknown: too few calls so far
      supervisor:team   lifetime           $5.00           $1.25  $0.000000001  $3.749999999  refuse        not before 2026-11-23T05:37:00.000Z
      global            day       100,000 tokens  100,000 tokens             –      0 tokens  pause         now

      AGENT  CALLS  TOKENS         SPENT
      free       2   1,500  $0.000000007

      MODEL          CALLS  TOKENS  SPENT
      openai/gpt-4o      5   1,234  $1.25
      """
    #expect(CostTable.status(report, now: now, plain) == expected)
    #expect(
      CostTable.summary(report) == "$1.25 spent · 1,234 tokens · mode hard: what has no price or bound is refused")
  }

  @Test func `what is kept for compensations stands beside what is held, and is not left`() throws {
    var own = budget("agent:researcher", nil)
    own.reservedNanoUSD = NanoUSD(750_000_000)
    let day = BudgetStatus(scope: "global", maxTokens: TokenCount(1_000), usedTokens: TokenCount(10), per: "day")
    let expected = """
      BUDGET            PER              LIMIT      SPENT          HELD   KEPT          LEFT  AT THE LIMIT  USED UP
      agent:researcher  lifetime         $5.00      $1.25  $0.000000001  $0.75  $2.999999999  refuse        –
      global            day       1,000 tokens  10 tokens             –      –    990 tokens  refuse        –
      """
    #expect(CostTable.budgets([own, day], now: now, plain) == expected)
    #expect(try BudgetStatus(json: own.json) == own)
  }

  @Test func `a budget of requests counts them`() throws {
    var calls = BudgetStatus(scope: "agent:researcher", per: "day")
    (calls.maxRequests, calls.usedRequests) = (1200, 3)
    calls.override = BudgetOverrideNote(at: now, configuredRequests: 5)
    let expected = """
      BUDGET            PER           LIMIT       SPENT  HELD            LEFT  AT THE LIMIT  USED UP
      agent:researcher  day  1,200 requests  3 requests     –  1,197 requests  refuse        –
        └ set 2026-11-23T05:37:00.000Z; the configuration says 5 requests
      """
    #expect(CostTable.budgets([calls], now: now, plain) == expected)
    #expect(try BudgetStatus(json: calls.json) == calls)
  }

  @Test func `the history shows corrections with their reasons`() {
    var call = CostEntry(
      id: EffectID("eff_1"), at: now + .seconds(-90), agent: "researcher", model: "openai/gpt-4o", basis: "unresolved",
      cost: NanoUSD(2_000_000))
    call.tokens = TokenCount(1100)
    (call.priceSource, call.rates) = ("built-in 2026-10-26", "2.5 10 read=1.25")
    call.resolvedBy = EffectID("eff_2")
    var settled = CostEntry(
      id: EffectID("eff_2"), at: now, agent: "researcher", model: "openai/gpt-4o", basis: "resolution",
      cost: NanoUSD(-1_500_000))
    (settled.reason, settled.resolves) = ("the provider's bill", EffectID("eff_1"))
    var adjusted = CostEntry(
      id: EffectID("eff_3"), at: now, agent: "", model: "", basis: "adjustment", cost: NanoUSD(10_000_000))
    adjusted.reason = "credit"
    let expected = """
      ID     WHEN    AGENT       MODEL          BY          TOKENS      COST  PRICE
      eff_3  now     –           –              adjustment       0     $0.01  –
        └ credit
      eff_2  now     researcher  openai/gpt-4o  resolution       0  -$0.0015  –
        └ resolves eff_1: the provider's bill
      eff_1  1m ago  researcher  openai/gpt-4o  unresolved   1,100    $0.002  2.5 10 read=1.25 (built-in 2026-10-26)
        └ resolved by eff_2
      """
    #expect(CostTable.history([adjusted, settled, call], now: now, plain) == expected)
  }

  @Test func `alerts say when, of which budget and how much, and go over the wire`() throws {
    var passed = BudgetAlertNote(
      at: now + .seconds(-120), scope: "agent:researcher", per: "day",
      spent: Spend(cost: NanoUSD(4_000_000_000), tokens: TokenCount(9), requests: 3))
    passed.percent = 80
    passed.timezone = "Europe/Berlin"
    passed.maxNanoUSD = NanoUSD(5_000_000_000)
    var foreseen = BudgetAlertNote(
      at: now + .seconds(-7200), scope: "global", per: "run", spent: Spend(tokens: TokenCount(10), requests: 3))
    foreseen.usedUpAt = now
    foreseen.run = RunID("run_1")
    foreseen.maxTokens = TokenCount(20)
    let report = CostReport(alerts: [passed, foreseen])
    #expect(try CostReport(json: report.json) == report)
    let table = CostTable.status(report, now: now, plain)
    let expected = """
      ALERT                                                     BUDGET            PER                      SPENT      LIMIT
      2m ago: 80 % passed                                       agent:researcher  day (Europe/Berlin)      $4.00      $5.00
      2h ago: used up at 2026-11-23T05:37:00.000Z at that pace  global            run run_1            10 tokens  20 tokens
      """
    #expect(table == expected)
  }
}
