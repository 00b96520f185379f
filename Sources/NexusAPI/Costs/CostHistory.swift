// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Which charges are asked for.
package struct CostQuery: Sendable, Hashable {
  package var agent: AgentName?
  package var run: RunID?
  package var limit: Int
  package static let maxLimit = 100_000

  package init(agent: AgentName? = nil, run: RunID? = nil, limit: Int = 50) {
    self.agent = agent
    self.run = run
    self.limit = limit
  }
}

/// One charge or correction.
package struct CostEntry: Sendable, Hashable {
  package var id: EffectID
  package var at: WallTime
  package var agent: String
  package var run: RunID?
  package var model: String
  /// `usage`, `hold`, `released`, `unresolved`, `adjustment` or `resolution`.
  package var basis: String
  package var inputTokens: TokenCount
  package var outputTokens: TokenCount
  package var cachedTokens: TokenCount
  package var tokens: TokenCount
  package var cost: NanoUSD
  /// The budgets' counters that it is booked on: `agent:researcher day 20780`.
  package var counters: [String]
  /// Where the price stood that it was reckoned by, with the version of that; nil for corrections and old charges.
  package var priceSource: String?
  /// The rates of that price, in dollars per million tokens: `2.5 10 read=1.25`.
  package var rates: String?
  /// Why a person corrected.
  package var reason: String?
  /// The call of unknown cost that a resolution is about.
  package var resolves: EffectID?
  /// The resolution of a call of unknown cost.
  package var resolvedBy: EffectID?

  package init(id: EffectID, at: WallTime, agent: String, model: String, basis: String, cost: NanoUSD) {
    self.id = id
    self.at = at
    self.agent = agent
    self.model = model
    self.basis = basis
    self.cost = cost
    run = nil
    inputTokens = .zero
    outputTokens = .zero
    cachedTokens = .zero
    tokens = .zero
    counters = []
    priceSource = nil
    rates = nil
    reason = nil
    resolves = nil
    resolvedBy = nil
  }
}

extension CostEntry: WireValue {
  package var json: JSONValue {
    [
      "id": .string(id.text), "at": .of(at), "agent": .string(agent), "run": .of(run), "model": .string(model),
      "basis": .string(basis), "inputTokens": .int(inputTokens.value), "outputTokens": .int(outputTokens.value),
      "cachedTokens": .int(cachedTokens.value), "tokens": .int(tokens.value), "costNanoUSD": .int(cost.value),
      "counters": .of(counters), "priceSource": .of(priceSource), "rates": .of(rates), "reason": .of(reason),
      "resolves": .of(resolves), "resolvedBy": .of(resolvedBy),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "charge")
    self.init(
      id: EffectID(try reader.text("id")), at: try reader.time("at"), agent: try reader.text("agent"),
      model: try reader.text("model"), basis: try reader.text("basis"),
      cost: NanoUSD(try reader.integer("costNanoUSD")))
    run = try reader.optionalText("run").map { RunID($0) }
    inputTokens = TokenCount(try reader.integer("inputTokens"))
    outputTokens = TokenCount(try reader.integer("outputTokens"))
    cachedTokens = TokenCount(try reader.integer("cachedTokens"))
    tokens = TokenCount(try reader.integer("tokens"))
    counters = try reader.texts("counters")
    priceSource = try reader.optionalText("priceSource")
    rates = try reader.optionalText("rates")
    reason = try reader.optionalText("reason")
    resolves = try reader.optionalText("resolves").map { EffectID($0) }
    resolvedBy = try reader.optionalText("resolvedBy").map { EffectID($0) }
  }
}

/// Charges and corrections, newest first.
package struct CostHistory: Sendable, Hashable {
  package var charges: [CostEntry]
  package init(charges: [CostEntry]) { self.charges = charges }
}

extension CostHistory: WireValue {
  package var json: JSONValue { ["charges": .of(charges)] }

  package init(json: JSONValue) throws(WireError) {
    charges = try WireReader(json, "history").list("charges")
  }
}
