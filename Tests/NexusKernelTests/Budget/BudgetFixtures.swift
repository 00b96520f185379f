// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel

/// Random numbers from a seed (SplitMix64), so that a failure can be had again.
struct Dice: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
  mutating func roll(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &self) }
  mutating func chance(_ percent: Int64) -> Bool { roll(1...100) <= percent }
}

let alice = AgentName("alice")
let bob = AgentName("bob")

/// 2026-11-23T00:00:00Z, a Monday.
let monday = WallTime(microseconds: 20_780 * 86_400_000_000)

func reading(_ seconds: Int64 = 0, wallAhead: Int64 = 0) -> ClockReading {
  ClockReading(
    wall: monday + .seconds(seconds + wallAhead), monotonic: Instant(nanoseconds: seconds * 1_000_000_000))
}

func rule(
  _ scope: BudgetScope = .agent(alice), _ window: BudgetWindow = .lifetime, cost: Int64? = nil, tokens: Int64? = nil,
  requests: Int64? = nil, _ onLimit: OnLimit = .refuse, alertAt: [Int] = []
) -> BudgetRule {
  BudgetRule(
    scope: scope, window: window,
    limit: SpendLimit(cost: cost.map { NanoUSD($0) }, tokens: tokens.map { TokenCount($0) }, requests: requests),
    onLimit: onLimit, alertAt: alertAt)
}

/// A call that costs exactly so much, whatever it says.
func flat(_ cost: Int64, tokens: Int64 = 1) -> RequestBound {
  RequestBound(input: TokenCount(tokens), output: .zero, perRequest: NanoUSD(cost))
}

/// A call with a free prompt whose output costs one nano-dollar a token.
func written(_ output: Int64, atLeast minimum: Int64? = nil) -> RequestBound {
  RequestBound(
    input: .zero, output: TokenCount(output), outputPrice: PicoUSDPerToken(1000),
    minimumOutput: minimum.map { TokenCount($0) })
}

func call(
  _ id: String, _ bound: RequestBound, agent: AgentName = alice, supervisors: [SupervisorName] = [.root],
  run: RunID? = nil
) -> BudgetRequest {
  BudgetRequest(
    id: EffectID(id), subject: BudgetSubject(agent: agent, supervisors: supervisors, run: run), bound: bound)
}

func cost(_ value: Int64, tokens: Int64 = 1) -> Spend {
  Spend(cost: NanoUSD(value), tokens: TokenCount(tokens), requests: 1)
}

extension BudgetDecision {
  var grant: BudgetGrant? { if case .admitted(let grant) = self { grant } else { nil } }
  var refusal: BudgetBlock? { if case .refused(let block) = self { block } else { nil } }
}

extension BudgetMachine {
  func view(_ scope: String, _ window: BudgetWindow = .lifetime) -> BudgetCounterView? {
    views().first { $0.key.scope == scope && $0.key.window == window.rawValue }
  }

  /// Settles and wakes, as the ledger does.
  mutating func finish(_ id: String, _ actual: Spend, at reading: ClockReading = reading()) -> [BudgetWake] {
    _ = settle(EffectID(id), actual: actual)
    return wake(at: reading)
  }
}
