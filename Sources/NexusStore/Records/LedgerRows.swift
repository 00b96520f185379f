// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

package struct CounterRow: Sendable, Hashable {
  package var key: CounterKey
  package var spent: Spend
  /// Synced before anything beyond it is admitted: where the counter starts after a power loss.
  package var mark: Spend
  package init(key: CounterKey, spent: Spend, mark: Spend) {
    self.key = key
    self.spent = spent
    self.mark = mark
  }
}

package struct CounterMark: Sendable, Hashable {
  package var key: CounterKey
  package var mark: Spend
  package init(key: CounterKey, mark: Spend) {
    self.key = key
    self.mark = mark
  }
}

/// A reservation of the worst that one call can cost, with the counters that it was admitted against.
package struct HoldRow: Sendable, Hashable {
  /// The id of the effect; calls that are no run's effect have one too.
  package var id: EffectID
  package var boot: BootID
  package var agent: AgentName
  package var run: RunID?
  package var model: String
  package var bound: Spend
  package var counters: [CounterKey]
  package var at: WallTime
  /// By which price it was reckoned; nil for holds of versions that did not say, and where nothing was asked for.
  package var price: ChargePrice?
  package init(
    id: EffectID, boot: BootID, agent: AgentName, run: RunID?, model: String, bound: Spend, counters: [CounterKey],
    at: WallTime, price: ChargePrice? = nil
  ) {
    self.price = price
    self.id = id
    self.boot = boot
    self.agent = agent
    self.run = run
    self.model = model
    self.bound = bound
    self.counters = counters
    self.at = at
  }
}

/// The price that a charge was reckoned by, so that a later change of prices leaves no charge unexplained.
package struct ChargePrice: Sendable, Hashable {
  /// Where it stood, with the version of that: `built-in 2026-10-26`, `prices.d/own.prices`, `cost.models`.
  package var source: String
  /// In the form of a row of prices: `2.5 10 read=1.25`, dollars per million tokens.
  package var rates: String
  package init(source: String, rates: String) {
    self.source = source
    self.rates = rates
  }
}

/// What a call came to, charged to the windows of its admission.
package struct ChargeRow: Sendable, Hashable {
  package enum Basis: String, Sendable {
    /// The provider's own usage.
    case usage
    /// The whole hold, because the true usage is not known.
    case hold
    /// Nothing was spent: the call never reached the provider or failed there before any work.
    case released
    /// The node that placed the hold died; charged in full until someone knows better.
    case unresolved
    /// A person's correction; it may be negative.
    case adjustment
    /// The difference between what was charged for a call of unknown cost and what a person says that it came to.
    case resolution
  }
  package var id: EffectID
  package var agent: AgentName
  package var run: RunID?
  /// The model that answered.
  package var model: String
  package var basis: Basis
  package var inputTokens: TokenCount
  package var outputTokens: TokenCount
  package var cachedTokens: TokenCount
  package var spend: Spend
  package var counters: [CounterKey]
  package var at: WallTime
  /// By which price it was reckoned; nil for corrections, and for charges of versions that did not say.
  package var price: ChargePrice?
  package init(
    id: EffectID, agent: AgentName, run: RunID?, model: String, basis: Basis, inputTokens: TokenCount,
    outputTokens: TokenCount, cachedTokens: TokenCount, spend: Spend, counters: [CounterKey], at: WallTime,
    price: ChargePrice? = nil
  ) {
    self.price = price
    self.id = id
    self.agent = agent
    self.run = run
    self.model = model
    self.basis = basis
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.cachedTokens = cachedTokens
    self.spend = spend
    self.counters = counters
    self.at = at
  }
}

package struct ChargeQuery: Sendable, Hashable {
  package var agent: AgentName?
  package var run: RunID?
  package var limit: Int
  /// Only the charge of this id; the others do not count then.
  package var id: EffectID?
  package init(agent: AgentName? = nil, run: RunID? = nil, limit: Int = 100) {
    self.agent = agent
    self.run = run
    self.limit = limit
  }

  package init(id: EffectID) {
    self.init(limit: 1)
    self.id = id
  }
}
