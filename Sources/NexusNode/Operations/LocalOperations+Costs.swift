// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Logging
internal import NexusAPI
internal import NexusCore
internal import NexusGateway
internal import NexusKernel
internal import NexusStore

// Costs, on the node in this process.
extension LocalOperations {
  private var reports: CostReports {
    CostReports(plan: parts.plan, spend: agents.spend, now: parts.clock.wallNow())
  }

  func costs() async throws(OperationError) -> CostReport {
    let (books, told) = try await reading { () async throws(StoreError) in
      (try await CostBooks.read(parts.store), try AlertFormat.book(try await parts.store.components(.alert)))
    }
    return reports.report(books, told)
  }

  func costHistory(_ query: CostQuery) async throws(OperationError) -> CostHistory {
    try await reading { () async throws(StoreError) in try await CostBooks.history(query, in: parts.store) }
  }

  /// One change after the other, and none while the configuration changes.
  func change(costs change: CostChange) async throws(OperationError) -> CostChangeReport {
    await parts.reloadTurn.take()
    defer { parts.reloadTurn.pass() }
    switch change {
    case .set(let scope, let window, let cost, let tokens, let requests, let onLimit, let reason):
      let place = BudgetPlace(try self.scope(scope), try self.window(window))
      var override = BudgetOverride(
        place: place, maxCost: cost, maxTokens: tokens, maxRequests: requests, reason: reason,
        at: parts.clock.wallNow())
      if let onLimit {
        guard let action = OnLimit(rawValue: onLimit) else { throw .misunderstood("`onLimit` cannot be `\(onLimit)`.") }
        override.onLimit = action
      }
      guard !override.isEmpty, (cost ?? .zero) >= .zero, (tokens ?? .zero) >= .zero, (requests ?? 0) >= 0
      else {
        throw .misunderstood("A limit needs an amount, and none below zero.")
      }
      return try await set(override.over(parts.ledger.overrides[place]), at: place)
    case .clear(let scope, let window):
      return try await set(nil, at: BudgetPlace(try self.scope(scope), try self.window(window)))
    case .adjust(let scope, let window, let cost, let tokens, let reason):
      let window = try window.map { text throws(OperationError) in try self.window(text) }
      let scope = try self.scope(scope)
      return try await adjust(scope, window, by: Spend(cost: cost, tokens: tokens), reason: reason)
    case .resolve(let id, let cost, let tokens, let reason):
      return try await resolve(id, cost: cost, tokens: tokens, reason: reason)
    case .confirmClock:
      let reading = parts.ledger.reading
      let kernelBoot = KernelBoot.identifier ?? parts.boot.text
      try await commit([.putComponent(ClockFormat.row(reading, under: kernelBoot))])
      parts.ledger.confirmClock(reading)
      return CostChangeReport(budgets: agents.spend.budgets(of: BudgetScope.global.text))
    }
  }

  // MARK: Limits

  private func set(_ override: BudgetOverride?, at place: BudgetPlace) async throws(OperationError) -> CostChangeReport
  {
    let fresh = override == nil ? [] : parts.ledger.uncounted([place])
    parts.ledger.watch(fresh)
    // What was settled before it was watched is in the store once this is.
    try await commit([.putComponent(BudgetFormat.row(override, at: place))])
    do throws(StoreError) { try await parts.ledger.fill(fresh, from: parts.store) } catch {
      throw OperationError(error)
    }
    parts.ledger.set(override, at: place)
    parts.alerts.put(.look)
    return CostChangeReport(budgets: agents.spend.budgets(of: place.scope.text))
  }

  // MARK: Corrections

  /// Nano-dollars, and tokens, of one correction.
  private static let mostCorrected: UInt64 = 1_000_000_000_000_000

  private func adjust(
    _ scope: BudgetScope, _ window: BudgetWindow?, by amount: Spend, reason: String
  ) async throws(OperationError) -> CostChangeReport {
    guard amount != .zero else { throw .misunderstood("A correction needs an amount.") }
    // Counters end where their numbers do, and what was cut off there would be missing when the correction is undone.
    guard amount.cost.value.magnitude <= Self.mostCorrected, amount.tokens.value.magnitude <= Self.mostCorrected else {
      throw .misunderstood("A correction is at most $1,000,000 and 10^15 tokens.")
    }
    let keys: [CounterKey]
    do throws(CorrectionShortage) {
      keys = try parts.ledger.counters(of: scope, window: window, correctedBy: amount)
    } catch {
      throw .belowZero(error)
    }
    guard !keys.isEmpty else {
      throw OperationError(
        .notFound, code: "NX-BUD-011", title: "No budget counts there",
        detail: "\(scope.text) has no budget\(window.map { " per \($0.rawValue)" } ?? "").", hint: "naos cost status")
    }
    var agent = AgentName("")
    if case .agent(let name) = scope { agent = name }
    return try await book(
      amount, as: .adjustment, agent: agent, run: nil, model: "", on: keys, reason: reason, resolves: nil)
  }

  private func resolve(
    _ id: EffectID, cost: NanoUSD, tokens: TokenCount?, reason: String?
  ) async throws(OperationError) -> CostChangeReport {
    guard cost >= .zero, (tokens ?? .zero) >= .zero else { throw .misunderstood("No call costs less than nothing.") }
    let (found, notes) = try await reading { () async throws(StoreError) in
      (
        try await parts.store.charges(ChargeQuery(id: id)).first,
        try BudgetFormat.notes(try await parts.store.components(.correction))
      )
    }
    guard let charge = found else {
      throw OperationError(
        .notFound, code: "NX-BUD-009", title: "No such charge", detail: "There is no charge \(id.text).",
        hint: "naos cost history")
    }
    guard charge.basis.isUnknown else { throw .notUnresolved("\(id.text) was charged by `\(charge.basis.rawValue)`.") }
    if let earlier = notes.values.first(where: { $0.resolves == id }) {
      throw .notUnresolved("\(id.text) was resolved by \(earlier.id.text): \(earlier.reason)")
    }
    let difference = Spend(
      cost: cost - charge.spend.cost, tokens: tokens.map { $0 - charge.spend.tokens } ?? .zero)
    if let shortage = parts.ledger.shortage(of: difference, on: charge.counters) { throw .belowZero(shortage) }
    return try await book(
      difference, as: .resolution, agent: charge.agent, run: charge.run, model: charge.model, on: charge.counters,
      reason: reason ?? "came to \(cost)", resolves: id)
  }

  /// Writes a correction down, with its reason, and then has the ledger follow.
  private func book(
    _ amount: Spend, as basis: ChargeRow.Basis, agent: AgentName, run: RunID?, model: String, on keys: [CounterKey],
    reason: String, resolves: EffectID?
  ) async throws(OperationError) -> CostChangeReport {
    let id = IdentifierSource(clock: parts.clock, random: parts.random).effect()
    let charge = ChargeRow(
      id: id, agent: agent, run: run, model: model, basis: basis, inputTokens: .zero, outputTokens: .zero,
      cachedTokens: .zero, spend: amount, counters: keys, at: parts.clock.wallNow())
    let note = CorrectionNote(id: id, resolves: resolves, reason: reason)
    try await commit([.settleHold(charge)] + BudgetFormat.rows(note).map { .putComponent($0) })
    let marks = parts.ledger.correct(charge)
    if !marks.isEmpty {
      // The correction stands either way: a mark that stays high costs room, and only after a power loss.
      do throws(StoreError) {
        try await parts.store.commit(StoreTransaction(.written, [.setMarks(marks)]))
        parts.ledger.resolve(marks, committed: true)
      } catch {
        parts.ledger.resolve(marks, committed: false)
        NodeLog.logger.warning("the marks behind a correction could not be written: \(error.message)")
      }
    }
    let scopes = Set(keys.map(\.scope))
    return CostChangeReport(
      budgets: scopes.sorted().flatMap { agents.spend.budgets(of: $0) }, entry: CostBooks.entry(charge, note, nil))
  }

  private func commit(_ mutations: [Mutation]) async throws(OperationError) {
    do throws(StoreError) { try await parts.store.commit(StoreTransaction(.synced, mutations)) } catch {
      throw OperationError(error)
    }
  }

  // MARK: Words

  private func scope(_ text: String) throws(OperationError) -> BudgetScope {
    guard let scope = BudgetScope(text: text) else {
      throw .misunderstood(
        "`scope` is `agent:NAME`, `supervisor:NAME`, `workflow:NAME`, `saga:NAME`, `pool:NAME`, `step:FLOW/STEP` or "
          + "`global`.")
    }
    switch scope {
    case .agent(let agent): if parts.plan.agent(agent) == nil { throw .unknownAgent(agent.text) }
    case .supervisor(let supervisor):
      guard supervisor == .root || parts.plan.supervisors.contains(where: { $0.name == supervisor }) else {
        throw OperationError(
          .notFound, code: "NX-BUD-011", title: "No budget counts there",
          detail: "There is no supervisor `\(supervisor)`.", hint: "naos supervisor list")
      }
    case .workflow, .saga, .pool, .step:
      guard parts.plan.has(scope) else {
        throw OperationError(
          .notFound, code: "NX-BUD-011", title: "No budget counts there", detail: "There is no `\(scope.text)`.",
          hint: "naos cost status")
      }
    case .global: break
    }
    return scope
  }

  private func window(_ text: String) throws(OperationError) -> BudgetWindow {
    guard let window = BudgetWindow(rawValue: text) else {
      let known = BudgetWindow.allCases.map(\.rawValue).joined(separator: ", ")
      throw .misunderstood("A budget is per \(known); not `\(text)`.")
    }
    return window
  }
}

extension OperationError {
  fileprivate static func belowZero(_ shortage: CorrectionShortage) -> OperationError {
    OperationError(
      .conflict, code: "NX-BUD-008", title: "The correction is more than was spent",
      detail: "\(shortage.key.scope) per \(shortage.key.window) has spent \(shortage.spent.cost) and "
        + "\(shortage.spent.tokens) tokens; a correction does not take it below zero.",
      hint: "Correct one window alone with --per, or set another limit with `naos cost set`.")
  }

  fileprivate static func notUnresolved(_ detail: String) -> OperationError {
    OperationError(
      .conflict, code: "NX-BUD-010", title: "Nothing is open about that charge", detail: detail,
      hint: "Correct it with `naos cost adjust`.")
  }
}
