// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// Budgets in words.
enum BudgetText {
  /// `$0.0042`, `1200 tokens`, `$0.0042 and 1200 tokens`; an overdrawn axis shows as nothing left.
  static func limit(_ limit: SpendLimit) -> String {
    var parts: [String] = []
    if let cost = limit.cost { parts.append(max(.zero, cost).description) }
    if let tokens = limit.tokens { parts.append("\(max(.zero, tokens)) tokens") }
    if let requests = limit.requests { parts.append("\(max(0, requests)) requests") }
    return parts.joined(separator: " and ")
  }

  /// The amount on the axes that the limit has.
  static func amount(_ spend: Spend, on limit: SpendLimit) -> String {
    Self.limit(
      SpendLimit(
        cost: limit.cost.map { _ in spend.cost }, tokens: limit.tokens.map { _ in spend.tokens },
        requests: limit.requests.map { _ in spend.requests }))
  }

  static func message(_ block: BudgetBlock) -> String {
    let name = "The budget of \(block.key.scope)\(window(block))"
    let limit = limit(block.limit)
    let spent = amount(block.spent, on: block.limit)
    let left = Self.limit(block.limit.minus(block.spent + block.kept))
    let asked = amount(block.asked, on: block.limit)
    let kept = block.kept == .zero ? "" : " and \(amount(block.kept, on: block.limit)) kept for compensations"
    switch block.reason {
    case .exhausted, .reserve: return "\(name) is used up: \(spent) of \(limit) spent\(kept).\(reset(block))"
    case .tooBig:
      return
        "\(name) cannot take this request: it may come to \(asked), and \(left) of \(limit) is left\(keptNote(block)). "
        + "A shorter prompt or a lower output cap makes it smaller.\(reset(block))"
    case .busy where block.turn != nil:
      let next = block.turn.map { " The next call may go at \($0)." } ?? ""
      return "\(name) is spread over its window: \(amount(block.spent + block.held, on: block.limit)) of \(limit) is "
        + "used, more than the time that has passed allows.\(next)"
    case .busy:
      let held = amount(block.held, on: block.limit)
      return "\(name) is set aside for calls under way: \(spent) spent and \(held) held of \(limit)\(kept); "
        + "this request may come to \(asked)."
    case .loop, .ceiling, .cassette, .policy: preconditionFailure("no counter says that")
    }
  }

  private static func keptNote(_ block: BudgetBlock) -> String {
    block.kept == .zero ? "" : ": \(amount(block.kept, on: block.limit)) is kept for compensations"
  }

  /// Why a step does not begin whose compensation could not be paid for.
  static func reserve(_ block: BudgetBlock, for agent: AgentName) -> String {
    "The budget of \(block.key.scope)\(window(block)) cannot keep \(amount(block.asked, on: block.limit)) for the "
      + "compensations by \(agent): \(amount(block.spent + block.held + block.kept, on: block.limit)) of "
      + "\(limit(block.limit)) is spent, held or kept already.\(reset(block))"
  }

  static func alert(_ alert: BudgetAlert) -> String {
    let name = "the budget of \(alert.key.scope)\(window(alert.window))"
    let spent = "\(amount(alert.spent, on: alert.limit)) of \(limit(alert.limit)) spent"
    switch alert.sign {
    case .passed(let percent): return "\(name) has passed \(percent) %: \(spent)"
    case .foreseen(let time): return "\(name) will be used up at \(time) at the present pace: \(spent)"
    }
  }

  static func violation(_ charge: ChargeRow, _ held: Spend) -> String {
    // The model is as the provider wrote it.
    let model = String(
      String.UnicodeScalarView(charge.model.unicodeScalars.prefix(80).filter { (" "..."~").contains($0) }))
    return "[NX-BUD-006] a call of agent \(charge.agent) to \(model) came to \(charge.spend.cost) "
      + "and \(charge.spend.tokens) tokens, where \(held.cost) and \(held.tokens) tokens were set aside for it"
  }

  private static func window(_ block: BudgetBlock) -> String { window(block.window) }

  private static func window(_ window: BudgetWindow) -> String {
    switch window {
    case .run, .lifetime: ""
    case .hour, .day, .week, .month: " for this \(window.rawValue)"
    }
  }

  private static func reset(_ block: BudgetBlock) -> String {
    block.reset.map { " A new window begins at \($0)." } ?? ""
  }
}
