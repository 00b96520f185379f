// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension Ledger.State {
  mutating func admit(
    _ request: AdmissionRequest, at reading: ClockReading, boot: BootID, _ decided: @escaping Ledger.Decided
  ) -> Admission {
    let subject = subject(of: request.caller)
    let hard = machine.hardLimit(of: subject)
    var candidates: [(price: ModelPrice, factor: Int64)] = []
    var note: ChargePrice?
    for name in [ModelReference(provider: request.provider, model: request.model)] + request.alternatives {
      let model = facts(
        of: Ledger.ModelName(provider: name.provider, model: name.model, dialect: request.facts.dialect))
      guard let price = request.facts.isFree ? .free : model.price ?? estimate else {
        return .refused(.unknownPrice(name))
      }
      candidates.append((price, model.factor))
      if note == nil { note = request.facts.isFree ? .free : model.note }
    }
    if !hard.isNone, mode == .hard, !request.facts.isFree {
      for candidate in candidates {
        let unbounded = BoundEstimate.unbounded(request.facts, price: candidate.price)
        if !unbounded.isEmpty { return .refused(.unbounded(unbounded)) }
      }
    }
    let first = candidates[0]
    let bound = candidates.dropFirst().reduce(
      BoundEstimate.bound(request.facts, factor: first.factor, price: first.price)
    ) { $0.covering(BoundEstimate.bound(request.facts, factor: $1.factor, price: $1.price)) }
    let asked = BudgetRequest(id: request.id, subject: subject, bound: bound)
    if request.mayTighten, !machine.fits(asked, at: reading) { return .tooWide }
    let binds = hard.tokens != nil || (hard.cost != nil && bound.outputPrice > .zero)
    let call = Ledger.OpenCall(
      request: request, price: first.price, note: note ?? .free, factor: first.factor,
      needsCap: request.facts.outputCap == nil && candidates.contains { $0.price.maxOutput == nil } && binds,
      bound: bound.most)
    switch machine.admit(asked, at: reading) {
    case .admitted(let grant): return open(call, grant, at: reading.wall, boot)
    case .refused(let block): return .refused(AdmissionRefusal(block))
    case .queued:
      waiting[request.id] = (call, decided)
      return .queued
    }
  }

  /// Decides about those who wait; the callbacks are for after the lock.
  mutating func wake(at reading: ClockReading, boot: BootID) -> [(Ledger.Decided, Admission)] {
    machine.wake(at: reading).compactMap { woken in
      if woken.decision == .queued { return waiting[woken.request.id].map { ($0.decided, Admission.queued) } }
      guard let (call, decided) = waiting.removeValue(forKey: woken.request.id) else { return nil }
      switch woken.decision {
      case .admitted(let grant): return (decided, open(call, grant, at: reading.wall, boot))
      case .refused(let block): return (decided, .refused(AdmissionRefusal(block)))
      case .queued: preconditionFailure("who goes on waiting is still in line")
      }
    }
  }

  private mutating func open(
    _ call: Ledger.OpenCall, _ grant: BudgetGrant, at time: WallTime, _ boot: BootID
  ) -> Admission {
    var call = call
    call.bound = grant.bound
    call.cap = grant.isClamped || call.needsCap ? grant.output.value : nil
    open[grant.id] = call
    let request = call.request
    let hold = HoldRow(
      id: grant.id, boot: boot, agent: request.caller.agent, run: request.caller.run,
      model: "\(request.provider)/\(request.model)", bound: grant.bound, counters: grant.counters, at: time,
      price: call.note)
    return .admitted(
      hold: hold, marks: grant.marks.map { CounterMark(key: $0.key, mark: $0.mark) },
      clampOutputTo: Self.cap(call))
  }

  mutating func end(
    _ id: EffectID, _ call: Ledger.OpenCall, _ draft: ChargeDraft, at time: WallTime
  ) -> (Settlement?, [LedgerNotice]) {
    open[id] = nil
    guard let ended = machine.settle(id, actual: draft.actual) else { return (nil, []) }
    let (request, usage) = (call.request, draft.usage)
    let charge = ChargeRow(
      id: id, agent: request.caller.agent, run: request.caller.run,
      model: "\(request.provider)/\(usage?.model ?? request.model)", basis: draft.basis,
      inputTokens: usage?.input ?? .zero, outputTokens: usage?.output ?? .zero,
      cachedTokens: usage?.cacheRead ?? .zero, spend: ended.actual, counters: ended.counters, at: time,
      price: draft.price ?? call.note)
    var notices = ended.alerts.map(LedgerNotice.threshold)
    if ended.isViolation { notices.append(.boundViolation(charge: charge, held: ended.held)) }
    if let usage { raiseFactor(of: call, from: usage) }
    let marks = ended.marks.map { CounterMark(key: $0.key, mark: $0.mark) }
    return (Settlement(charge: charge, marks: marks, held: ended.held, isViolation: ended.isViolation), notices)
  }

  /// True once for each time that the clock is caught running ahead.
  mutating func takeClockNotice() -> Bool {
    guard machine.isClockHeld != saidClockHeld else { return false }
    saidClockHeld = machine.isClockHeld
    return saidClockHeld
  }

  func subject(of caller: Caller) -> BudgetSubject {
    var subject = subject(caller.agent, caller.run, isCompensating: caller.isCompensating)
    subject.payers = caller.payers.map { payer in
      BudgetPayer(agent: payer.agent, supervisors: supervisors[payer.agent] ?? [.root], run: payer.run)
    }
    subject.flows = caller.flows
    return subject
  }

  func subject(_ agent: AgentName, _ run: RunID?, isCompensating: Bool) -> BudgetSubject {
    BudgetSubject(
      agent: agent, supervisors: supervisors[agent] ?? [.root], run: run, isCompensating: isCompensating)
  }

  private var estimate: ModelPrice? { mode == .soft ? PriceBook.estimate : nil }

  private mutating func facts(of request: AdmissionRequest) -> Ledger.ModelFacts {
    facts(of: Ledger.ModelName(provider: request.provider, model: request.model, dialect: request.facts.dialect))
  }

  /// Learns from a prompt that counted more than its bound: that model is held to more from now on.
  private mutating func raiseFactor(of call: Ledger.OpenCall, from usage: CallUsage) {
    let request = call.request
    // What counts beside the text says nothing about the text.
    guard request.facts.textBytes > 0, request.facts.kept.isEmpty, request.facts.hosted.isEmpty,
      request.facts.soundBytes == 0, request.facts.unbounded.isEmpty, factors.count < Ledger.learnedFactors,
      usage.input > BoundEstimate.input(request.facts, factor: call.factor, price: .free)
    else { return }
    let seen = Int64(clamping: Int128(usage.input.value) * 100 / Int128(request.facts.textBytes) + 1)
    let before = max(call.factor, facts(of: request).factor)
    factors["\(request.provider)/\(request.model)"] = max(before, min(seen, 10_000))
    forgetModels()
  }

  /// The price of what answered; that of the admission where the response names no model with a price.
  mutating func price(of usage: CallUsage, for call: Ledger.OpenCall) -> (ModelPrice, ChargePrice) {
    guard let model = usage.model, !call.request.facts.isFree else { return (call.price, call.note) }
    let name = Ledger.ModelName(
      provider: call.request.provider, model: model, dialect: call.request.facts.dialect)
    let facts = facts(of: name)
    return facts.price.map { ($0, facts.note) } ?? (call.price, call.note)
  }
}

extension AdmissionRefusal {
  init(_ block: BudgetBlock) {
    let message = BudgetText.message(block)
    let code: Code =
      switch block.reason {
      case .exhausted, .reserve: .exhausted
      case .busy: .busy
      case .tooBig: .tooBig
      case .loop, .ceiling, .cassette, .policy: preconditionFailure("no counter says that")
      }
    self.init(
      code: code, message: message,
      refusal: BudgetRefusal(reason: block.reason, scope: block.key.scope, action: block.action, message: message),
      block: block)
  }

  static func unknownPrice(_ model: ModelReference) -> AdmissionRefusal {
    let name = "\(model.provider)/\(model.model)"
    return AdmissionRefusal(
      code: .unknownPrice,
      message:
        "Nobody knows what model '\(name)' costs: state it under cost.models, "
        + "or set cost.mode to soft to go by an estimate.",
      refusal: nil, block: nil)
  }

  static func unbounded(_ names: [String]) -> AdmissionRefusal {
    AdmissionRefusal(
      code: .unbounded,
      message:
        "The cost of this request has no bound: \(names.joined(separator: ", ")). "
        + "Leave it out, or set cost.mode to soft.",
      refusal: nil, block: nil)
  }
}
