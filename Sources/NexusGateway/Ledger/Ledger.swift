// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore
internal import Synchronization

/// Lets model calls through as far as the budgets go, and keeps what they came to.
///
/// Every method decides at once, from any thread, so that an event loop may call it. It writes nothing itself: the
/// rows it returns go into the transactions of its caller.
package final class Ledger: Sendable {
  package typealias Decided = @Sendable (Admission) -> Void

  /// How many models may have a factor of their own.
  static let learnedFactors = 1024
  /// How many models are remembered with their price; when they are too many, all are looked up anew.
  static let rememberedModels = 1024

  /// A call between admission and its end.
  struct OpenCall: Sendable {
    var request: AdmissionRequest
    var price: ModelPrice
    /// As the charge will say it.
    var note: ChargePrice
    /// The tokens for each hundred bytes of text that its bound goes by.
    var factor: Int64
    /// A cap has to be put into the request, because it states none and nobody knows the model's own.
    var needsCap: Bool
    var bound: Spend
    /// The output cap that goes into the request, if any.
    var cap: Int64?
  }

  struct State: Sendable {
    var machine: BudgetMachine
    /// Those of the configuration.
    var budgets: [BudgetSpec]
    /// What people set instead.
    var overrides = BudgetOverrides()
    /// The percentages of limits that people set where the configuration has none.
    fileprivate var alertAt: [Int]
    /// Where calls are counted already although no limit holds there yet.
    var watched: Set<BudgetPlace> = []
    fileprivate(set) var prices: PriceBook
    fileprivate var overlay: PriceOverlay
    var mode: CostMode
    var supervisors: [AgentName: [SupervisorName]]
    fileprivate(set) var loops: [AgentName: LoopSpec]
    var open: [EffectID: OpenCall] = [:]
    var waiting: [EffectID: (call: OpenCall, decided: Decided)] = [:]
    /// Raised where a model was seen to count more tokens than its family should.
    var factors: [String: Int64] = [:]
    /// What was looked up before.
    fileprivate var remembered: [ModelName: ModelFacts] = [:]
    var saidClockHeld = false
  }

  /// A model as a request, or an answer, names it.
  struct ModelName: Sendable, Hashable {
    var provider: String
    var model: String
    var dialect: Dialect
  }

  struct ModelFacts: Sendable {
    /// Nil where nobody has stated one.
    var price: ModelPrice?
    /// As a charge says it.
    var note: ChargePrice
    var factor: Int64
  }

  let state: Mutex<State>
  let boot: BootID
  let clock: any NexusClock
  private let notice: @Sendable (LedgerNotice) -> Void

  package init(
    plan: ProjectPlan, overlay: PriceOverlay = .none, boot: BootID, clock: any NexusClock,
    notice: @escaping @Sendable (LedgerNotice) -> Void = { _ in }
  ) {
    self.boot = boot
    self.clock = clock
    self.notice = notice
    state = Mutex(
      State(
        machine: BudgetMachine(rules: plan.budgets.map(BudgetRule.init), durability: plan.holds), budgets: plan.budgets,
        alertAt: plan.alerts.at,
        prices: PriceBook(prices: plan.prices, overlay: overlay),
        overlay: overlay, mode: plan.costMode, supervisors: Self.supervisors(of: plan), loops: Self.loops(of: plan)))
  }

  /// Asks for a call to be let through.
  ///
  /// `decided` is called, from the thread that ends another call, if and only if the answer is `queued`; with `queued` when
  /// the call goes on waiting, but for another time (`timeToTurn`).
  package func admit(_ request: AdmissionRequest, decided: @escaping Decided) -> Admission {
    let reading = reading
    let (admission, clockNotice) = state.withLock { state in
      let admission = state.admit(request, at: reading, boot: boot, decided)
      return (admission, state.takeClockNotice())
    }
    if clockNotice { notice(.clockHeld) }
    return admission
  }

  /// Takes a queued call back; false if it has been decided meanwhile, and `decided` was or will be called.
  package func abandon(_ id: EffectID) -> Bool {
    change { state, reading in
      guard state.machine.abandon(id) else { return false }
      state.waiting[id] = nil
      return true
    }
  }

  /// The refusal of a queued call that has waited long enough; nil if it has been decided meanwhile.
  ///
  /// It no longer waits then.
  package func giveUp(_ id: EffectID) -> AdmissionRefusal? {
    change { state, reading in
      guard let block = state.machine.whyWaiting(id, at: reading), state.machine.abandon(id) else { return nil }
      state.waiting[id] = nil
      return AdmissionRefusal(block)
    }
  }

  /// How long until the turn of a queued call comes whose budget spreads calls over its window; nil if it does not wait
  /// for that.
  ///
  /// Then `look` lets it through.
  package func timeToTurn(of id: EffectID) -> Duration? {
    let reading = reading
    return state.withLock { $0.machine.timeToTurn(of: id, at: reading) }
  }

  /// Lets those through whose time has come.
  package func look() { change { _, _ in } }

  /// How many times its hold a bounded call may come to before its usage is taken for a lie.
  static let believedExcess: Int64 = 1000

  /// Ends a call at the provider's own count; nil if it has ended before.
  ///
  /// An absurd count is no count, so that one lying answer cannot use up a budget for good: the hold is spent.
  package func settle(_ id: EffectID, usage: CallUsage) -> Settlement? {
    end(id) { call, state in
      guard Self.isBelievable(usage, of: call) else { return ChargeDraft(call.bound, .hold) }
      let (price, note) = state.price(of: usage, for: call)
      var charge = ChargeDraft(Spend(cost: price.cost(of: usage), tokens: usage.total, requests: 1), .usage, usage)
      charge.price = note.with(usage, price.terms)
      return charge
    }
  }

  private static func isBelievable(_ usage: CallUsage, of call: OpenCall) -> Bool {
    if usage.total > TokenCount(UsageReading.mostTokens) { return false }
    // Of a call without a bound the hold says nothing.
    let facts = call.request.facts
    guard facts.unbounded.isEmpty, facts.kept.isEmpty, facts.hosted.isEmpty else { return true }
    return usage.total.value / believedExcess <= call.bound.tokens.value
  }

  /// Ends a call at its whole hold, because nobody knows what it came to.
  package func settleAtHold(_ id: EffectID) -> Settlement? {
    end(id) { call, _ in ChargeDraft(call.bound, .hold) }
  }

  /// Ends a call that cost nothing: it never reached the provider, or failed there before any work.
  package func release(_ id: EffectID) -> Settlement? {
    end(id) { _, _ in ChargeDraft(.zero, .released) }
  }

  /// Tells how the transaction with these marks ended.
  package func resolve(_ marks: [CounterMark], committed: Bool) {
    if marks.isEmpty { return }
    state.withLock {
      $0.machine.resolve(marks.map { BudgetMark(key: $0.key, mark: $0.mark) }, committed: committed)
    }
  }

  /// Takes over the budgets and prices of a changed configuration; what was spent stays, and what people set too.
  ///
  /// Nil leaves the prices of files as they are.
  package func reconfigure(_ plan: ProjectPlan, overlay: PriceOverlay? = nil) {
    change { state, _ in
      state.budgets = plan.budgets
      state.alertAt = plan.alerts.at
      state.watched = []
      state.machine.durability = plan.holds
      state.applyRules()
      if let overlay { state.overlay = overlay }
      state.set(prices: PriceBook(prices: plan.prices, overlay: state.overlay))
      state.mode = plan.costMode
      state.supervisors = Self.supervisors(of: plan)
      state.loops = Self.loops(of: plan)
    }
  }

  /// Keeps what the compensations of a run need: see `EffectBoundary.keep`.
  package func keep(_ reserves: [CompensationReserve], for run: RunID, isForced: Bool) -> BudgetRefusal? {
    change { state, reading in
      for reserve in reserves {
        var subject = state.subject(reserve.agent, run, isCompensating: true)
        subject.flows = reserve.flows
        guard let block = state.machine.keep(reserve, of: subject, isForced: isForced, at: reading) else { continue }
        return BudgetRefusal(
          reason: block.reason == .busy ? .busy : .reserve, scope: block.key.scope, action: block.action,
          message: BudgetText.reserve(block, for: reserve.agent))
      }
      return nil
    }
  }

  package func releaseReserve(of run: RunID) { change { state, _ in state.machine.releaseReserve(of: run) } }

  /// A person says that the wall clock is right after it ran ahead; the reading has been committed.
  package func confirmClock(_ reading: ClockReading? = nil) {
    change { state, now in
      state.machine.confirmClock(reading ?? now)
      state.saidClockHeld = false
    }
  }

  func tellOfClock() { if state.withLock({ $0.takeClockNotice() }) { tell([.clockHeld]) } }

  /// How the hold of an admitted call is committed, with these marks.
  package func commitClass(of marks: [CounterMark]) -> CommitClass {
    if !marks.isEmpty { return .synced }
    return state.withLock { $0.machine.durability } == .durable ? .synced : .logged
  }

  /// The names `provider/model` that have a price.
  package var pricedModels: [String] { state.withLock { $0.prices.pricedModels } }

  /// What the clocks say now.
  package var reading: ClockReading { ClockReading(wall: clock.wallNow(), monotonic: clock.now()) }

  private static func loops(of plan: ProjectPlan) -> [AgentName: LoopSpec] {
    Dictionary(plan.agents.map { ($0.name, $0.loops) }) { first, _ in first }
  }

  /// Every agent's supervisors, up to the root.
  static func supervisors(of plan: ProjectPlan) -> [AgentName: [SupervisorName]] {
    let pairs = plan.agents.map { ($0.name, plan.supervisors(above: $0)) }
    return Dictionary(pairs) { first, _ in first }
  }
}

extension Ledger.State {
  /// What is known of a model, looked up once.
  mutating func facts(of name: Ledger.ModelName) -> Ledger.ModelFacts {
    if let facts = remembered[name] { return facts }
    let price = prices.price(provider: name.provider, model: name.model)
    let facts = Ledger.ModelFacts(
      price: price, note: prices.note(of: price, provider: name.provider, model: name.model),
      factor: factors["\(name.provider)/\(name.model)"]
        ?? BoundEstimate.tokensPerHundredBytes(provider: name.provider, model: name.model, dialect: name.dialect))
    if remembered.count >= Ledger.rememberedModels { remembered = [:] }
    remembered[name] = facts
    return facts
  }

  mutating func forgetModels() { remembered = [:] }

  /// Puts the limits in force: the configuration's, as far as nobody set others.
  mutating func applyRules() {
    var rules = overrides.applied(to: budgets, alertAt: alertAt).map(BudgetRule.init)
    for place in watched {
      rules.append(
        BudgetRule(
          scope: place.scope, window: place.window, limit: .none, onLimit: .alert, zone: place.zone))
    }
    machine.setRules(rules)
  }

  mutating func set(prices: PriceBook) {
    self.prices = prices
    forgetModels()
  }
}

extension Ledger {
  /// Changes something and tells those who waited for it, once the lock is free.
  func change<Answer: Sendable>(_ body: (inout sending State, ClockReading) -> Answer) -> Answer {
    let reading = reading
    let (answer, woken) = state.withLock { state in
      let answer = body(&state, reading)
      return (answer, state.wake(at: reading, boot: boot))
    }
    for (decided, admission) in woken { decided(admission) }
    return answer
  }

  func tell(_ notices: [LedgerNotice]) { for notice in notices { self.notice(notice) } }

  private func end(_ id: EffectID, _ outcome: (OpenCall, inout State) -> ChargeDraft) -> Settlement? {
    let (settlement, notices) = change { state, reading -> (Settlement?, [LedgerNotice]) in
      guard let call = state.open[id] else { return (nil, []) }
      let draft = outcome(call, &state)
      return state.end(id, call, draft, at: reading.wall)
    }
    tell(notices)
    return settlement
  }
}
