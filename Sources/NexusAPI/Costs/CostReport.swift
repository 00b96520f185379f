// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What one agent or one model used.
package struct CostRow: Sendable, Hashable {
  package var name: String
  package var calls: Int64
  package var tokens: TokenCount
  package var cost: NanoUSD
  package var budgets: [BudgetStatus]

  package init(
    name: String, calls: Int64 = 0, tokens: TokenCount = .zero, cost: NanoUSD = .zero, budgets: [BudgetStatus] = []
  ) {
    self.name = name
    self.calls = calls
    self.tokens = tokens
    self.cost = cost
    self.budgets = budgets
  }
}

extension CostRow: WireValue {
  package var json: JSONValue {
    [
      "name": .string(name), "calls": .int(calls), "tokens": .int(tokens.value), "costNanoUSD": .int(cost.value),
      "budgets": .of(budgets),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "cost")
    name = try reader.text("name")
    calls = try reader.integer("calls")
    tokens = TokenCount(try reader.integer("tokens"))
    cost = NanoUSD(try reader.integer("costNanoUSD"))
    budgets = try reader.list("budgets")
  }
}

/// What the project used, by agent and by model: the same ledger that the budgets count.
package struct CostReport: Sendable, Hashable {
  package var tokens: TokenCount
  package var cost: NanoUSD
  package var agents: [CostRow]
  package var models: [CostRow]
  /// Budgets that bind more than one agent.
  package var budgets: [BudgetStatus]
  /// `hard`: what nobody can price or bound is refused; `soft`: it goes by an estimate.
  package var mode: String
  /// Calls of unknown cost that are charged in full until someone resolves them.
  package var unresolved: UnresolvedNote
  /// The alerts that were told of budgets in their present windows, the newest first.
  package var alerts: [BudgetAlertNote] = []

  package init(
    tokens: TokenCount = .zero, cost: NanoUSD = .zero, agents: [CostRow] = [], models: [CostRow] = [],
    budgets: [BudgetStatus] = [], mode: String = "hard", unresolved: UnresolvedNote = UnresolvedNote()
  ) {
    self.tokens = tokens
    self.cost = cost
    self.agents = agents
    self.models = models
    self.budgets = budgets
    self.mode = mode
    self.unresolved = unresolved
  }
}

/// How many calls are charged in full because nobody knows what they cost.
package struct UnresolvedNote: Sendable, Hashable {
  package var calls: Int64
  package var cost: NanoUSD
  package init(calls: Int64 = 0, cost: NanoUSD = .zero) {
    self.calls = calls
    self.cost = cost
  }
}

extension UnresolvedNote: WireValue {
  package var json: JSONValue { ["calls": .int(calls), "costNanoUSD": .int(cost.value)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "unresolved")
    calls = try reader.integer("calls")
    cost = NanoUSD(try reader.integer("costNanoUSD"))
  }
}

extension CostReport: WireValue {
  package var json: JSONValue {
    [
      "tokens": .int(tokens.value), "costNanoUSD": .int(cost.value), "agents": .of(agents), "models": .of(models),
      "budgets": .of(budgets), "mode": .string(mode), "unresolved": unresolved.json,
      "alerts": .of(alerts),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "costs")
    tokens = TokenCount(try reader.integer("tokens"))
    cost = NanoUSD(try reader.integer("costNanoUSD"))
    agents = try reader.list("agents")
    models = try reader.list("models")
    budgets = try reader.list("budgets")
    mode = try reader.optionalText("mode") ?? "hard"
    unresolved = try reader.optionalNested("unresolved") ?? UnresolvedNote()
    alerts = try reader.list("alerts")
  }
}
