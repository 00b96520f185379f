// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// What the store has of charges and corrections.
struct CostBooks: Sendable {
  /// How many charges one report looks at.
  static let limit = 100_000

  /// Newest first.
  var charges: [ChargeRow]
  /// By the charge that each correction is kept as.
  var notes: [EffectID: CorrectionNote]

  static func read(_ store: any Store, _ query: ChargeQuery = ChargeQuery(limit: limit)) async throws(StoreError)
    -> CostBooks
  {
    CostBooks(
      charges: try await store.charges(query),
      notes: try BudgetFormat.notes(try await store.components(.correction)))
  }

  static func history(_ query: CostQuery, in store: any Store) async throws(StoreError) -> CostHistory {
    let books = try await read(store, ChargeQuery(agent: query.agent, run: query.run, limit: query.limit))
    let resolvedBy = books.resolvedBy
    return CostHistory(charges: books.charges.map { entry($0, books.notes[$0.id], resolvedBy[$0.id]) })
  }

  /// The corrections of calls of unknown cost, by the call.
  var resolvedBy: [EffectID: EffectID] {
    var result: [EffectID: EffectID] = [:]
    for note in notes.values { if let call = note.resolves { result[call] = note.id } }
    return result
  }

  static func entry(_ charge: ChargeRow, _ note: CorrectionNote?, _ resolvedBy: EffectID?) -> CostEntry {
    var entry = CostEntry(
      id: charge.id, at: charge.at, agent: charge.agent.text, model: charge.model, basis: charge.basis.rawValue,
      cost: charge.spend.cost)
    entry.run = charge.run
    entry.inputTokens = charge.inputTokens
    entry.outputTokens = charge.outputTokens
    entry.cachedTokens = charge.cachedTokens
    entry.tokens = charge.spend.tokens
    entry.counters = charge.counters.map { "\($0.scope) \($0.window) \($0.index)" }
    (entry.priceSource, entry.rates) = (charge.price?.source, charge.price?.rates)
    entry.reason = note?.reason
    entry.resolves = note?.resolves
    entry.resolvedBy = resolvedBy
    return entry
  }
}

extension ChargeRow.Basis {
  /// Nobody knows what the call came to, so it is charged in full.
  var isUnknown: Bool { self == .unresolved || self == .hold }
  /// A person's doing rather than a call.
  var isCorrection: Bool { self == .adjustment || self == .resolution }
}

/// Puts together what operators see of costs.
struct CostReports: Sendable {
  let plan: ProjectPlan
  let spend: SpendView
  let now: WallTime

  /// The sums by agent and by model, the budgets with their forecasts, and which alerts were told.
  func report(_ books: CostBooks, _ told: AlertBook) -> CostReport {
    var models: [String: CostRow] = [:]
    var calls: [AgentName: Int64] = [:]
    var unresolved = UnresolvedNote()
    let resolvedBy = books.resolvedBy
    for charge in books.charges where charge.basis != .released {
      if charge.basis.isUnknown, resolvedBy[charge.id] == nil {
        unresolved.calls += 1
        unresolved.cost += charge.spend.cost
      }
      let count: Int64 = charge.basis.isCorrection ? 0 : 1
      calls[charge.agent, default: 0] += count
      // What is corrected for no single call is no model's.
      guard !charge.model.isEmpty else { continue }
      var row = models[charge.model] ?? CostRow(name: charge.model, calls: 0, tokens: .zero, cost: .zero)
      row.calls += count
      row.tokens += charge.spend.tokens
      row.cost += charge.spend.cost
      models[charge.model] = row
    }
    let samples = samples(books.charges)
    let agents = plan.agents.map { spec in
      let spent = spend.spent(by: spec.name)
      let budgets = spend.budgets(of: BudgetScope.agent(spec.name).text)
      return CostRow(
        name: spec.name.text, calls: calls[spec.name] ?? spent.requests, tokens: spent.tokens, cost: spent.cost,
        budgets: budgets.map { foretold($0, samples) })
    }
    var report = CostReport(
      tokens: agents.reduce(.zero) { $0 + $1.tokens }, cost: agents.reduce(.zero) { $0 + $1.cost }, agents: agents,
      models: models.values.sorted { $0.name < $1.name }, budgets: spend.shared.map { foretold($0, samples) },
      mode: plan.costMode.rawValue, unresolved: unresolved)
    report.alerts = AlertReports.notes(told, spend.limits, now: now)
    return report
  }

  private struct Place: Hashable {
    var scope: String
    var window: String
  }

  /// What was spent when, by the places of budgets; the windows before the present one say something about it too.
  private func samples(_ charges: [ChargeRow]) -> [Place: [SpendSample]] {
    let horizon = now + (.zero - SpendRate.lookBack(of: .month))
    var samples: [Place: [SpendSample]] = [:]
    for charge in charges {
      if charge.at < horizon { break }
      if charge.basis.isCorrection || charge.basis == .released { continue }
      let sample = SpendSample(at: charge.at, cost: charge.spend.cost, tokens: charge.spend.tokens)
      for key in charge.counters { samples[Place(scope: key.scope, window: key.window), default: []].append(sample) }
    }
    return samples
  }

  private func foretold(_ budget: BudgetStatus, _ samples: [Place: [SpendSample]]) -> BudgetStatus {
    var budget = budget
    guard let window = BudgetWindow(rawValue: budget.per) else { return budget }
    let left = SpendLimit(
      cost: budget.maxNanoUSD.map { $0 - budget.usedNanoUSD }, tokens: budget.maxTokens.map { $0 - budget.usedTokens },
      requests: budget.maxRequests.map { $0.subtractingSaturating(budget.usedRequests) })
    let known = samples[Place(scope: budget.scope, window: WindowName(window, zone: budget.timezone).text)] ?? []
    budget.forecast = ForecastNote(
      SpendForecast.of(known, window: window, left: left, reset: budget.resetsAt, now: now))
    return budget
  }
}

extension ForecastNote {
  fileprivate init(_ forecast: SpendForecast) {
    switch forecast {
    case .exhausted: self.init(state: "exhausted")
    case .exhaustsAt(let time): self.init(state: "exhausts", at: time)
    case .lasts(let reset): self.init(state: "lasts", at: reset)
    case .unknown(let reason): self.init(state: "unknown", reason: reason)
    }
  }
}
