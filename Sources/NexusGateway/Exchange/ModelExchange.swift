// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// One model call from the agent's request to the written outcome.
///
/// The order is the boundary's own: replay, hold and intent in one commit, only then the first byte to the provider;
/// outcome and settlement in one commit, only then the last byte to the agent. It lives on the event loop of the agent's
/// connection and outlives that connection, because a call once made is brought to its end and recorded.
final class ModelExchange {
  enum Phase { case deciding, pacing, waiting, writingIntent, calling, relaying, settling, over }

  let services: GatewayServices
  let parts: LoopParts
  let loop: any EventLoop
  private(set) var call: ModelCall
  let id: EffectID
  let startedAt: Instant
  var phase = Phase.deciding
  /// Nil once the agent is gone.
  var response: FrontResponse?
  /// The effect as announced; nil for a caller without a run.
  var record: EffectRecord?
  var connection: UpstreamConnection?
  var relay: ResponseRelay?
  var drainTimer: DeadlineTimer?
  var queueTimer: DeadlineTimer?
  /// Until when it waits for room in a budget.
  var roomDeadline: Instant?
  var outputCap: Int64?
  /// Where the call may go: the model that was asked for, then those to fall back to.
  private(set) var candidates: [ModelTarget]
  var attempts: CallAttempts
  /// The model that was asked for, where a cheaper one takes the call.
  var downgradedFrom: String?
  /// Why the candidate that will take calls soonest takes none now; nil while none was passed over.
  var soonest: GatewayError?
  /// Leave of the provider's circuit for the attempt under way.
  var pass: CircuitBreaker.Pass?
  /// While the next attempt is waited for: what came of the last one.
  var spare: AttemptResult?
  var attemptTimer: DeadlineTimer?
  /// The request was sent a second time on the way to the same provider.
  var wasResent = false
  /// Nobody waits for the call any more; what was not sent will not be.
  private(set) var isCutOff = false

  init(services: GatewayServices, parts: LoopParts, loop: any EventLoop, call: ModelCall, response: FrontResponse) {
    self.services = services
    self.parts = parts
    self.loop = loop
    self.call = call
    self.response = response
    id = services.identifiers.effect()
    candidates = [call.target] + call.target.fallbacks
    attempts = CallAttempts(
      candidates.map(services.limits.attempts), isFree: call.request.facts.isFree, seed: id.text)
    startedAt = services.clock.now()
  }

  var run: RunSession? { call.session.run }

  func start() {
    _ = services.exchanges.enter(limit: .max)
    response?.whenGone = { self.askerGone() }
    guard let run, let digest = call.digest else { return enter() }
    switch run.request(digest, kind: .model, repeatable: true, id: id) {
    case .replay(let recorded): replay(recorded)
    case .join(let other): join(other, run)
    case .new where call.session.caller.isRecorded: searchCassette(run)
    case .new(let record, let diverges):
      self.record = record
      if diverges { services.tellDivergence(call.session.caller, record) }
      if let refusal = loopRefusal(record) { refuse(refusal) } else { enter() }
    case .uncertain: preconditionFailure("model calls are repeatable")
    }
  }

  // MARK: Hold and intent

  func admit(knowing prefix: RequestFacts.KnownPrefix? = nil, isTight: Bool = false) {
    phase = .waiting
    var facts = call.request.facts
    if let prefix { facts.knownPrefix = prefix }
    var request = AdmissionRequest(
      id: id, caller: call.session.caller, provider: call.target.provider, model: call.target.model, facts: facts)
    request.alternatives = candidates.dropFirst(attempts.candidate + 1).map(\.reference)
    request.mayTighten = !isTight && mayTighten
    let bound = NIOLoopBound(self, eventLoop: loop)
    let loop = loop
    let admission = services.ledger.admit(request) { admission in
      loop.runInside { bound.value.admitted(admission) }
    }
    admitted(admission)
  }

  private func admitted(_ admission: Admission) {
    switch admission {
    case .queued: waitForRoom()
    case .tooWide: tighten()
    case .refused(let refusal):
      guard phase == .waiting else { return }
      if refusal.code == .tooBig, downgrade(isForced: true) { return enter() }
      refuse(refusal)
    case .admitted(let hold, let marks, let outputCap):
      // The agent left while it queued; the hold was never written and goes as it came.
      guard phase == .waiting else { return dropHold(marks) }
      self.outputCap = outputCap
      writeIntent(hold, marks)
    }
  }

  /// Others hold the room that is left; it may come back as they end.
  ///
  /// Or its turn comes, where a budget spreads calls over its window.
  private func waitForRoom() {
    guard phase == .waiting else { return }
    let now = services.clock.now()
    let deadline = roomDeadline ?? now + services.limits.budgetQueueTimeout
    roomDeadline = deadline
    queueTimer?.stop()
    let timer = DeadlineTimer(loop: loop)
    queueTimer = timer
    guard let turn = services.ledger.timeToTurn(of: id), now + turn < deadline else {
      return timer.set(max(.milliseconds(1), deadline - now)) {
        // Nil: it has been decided, and the word is on its way.
        if let refusal = self.services.ledger.giveUp(self.id) { self.refuse(refusal) }
      }
    }
    timer.set(max(.milliseconds(1), turn)) {
      self.services.ledger.look()
      if self.phase == .waiting, self.queueTimer === timer { self.waitForRoom() }
    }
  }

  /// Gives the room back of a call that was not made and whose hold is not in the journal.
  private func dropHold(_ marks: [CounterMark]) {
    services.ledger.resolve(marks, committed: false)
    if let settlement = services.ledger.release(id) {
      services.ledger.resolve(settlement.marks, committed: false)
    }
  }

  private func refuse(_ refusal: AdmissionRefusal) {
    if record != nil { run?.withdraw(id) }
    if let refusal = refusal.refusal { call.session.refused(refusal) }
    services.tell(event(.refused))
    finish { $0.fail(DialectError(refusal, dialect: self.call.dialect), .dialect(self.call.dialect)) }
  }

  /// Says no before anything is held.
  func refuse(_ error: GatewayError) {
    if record != nil { run?.withdraw(id) }
    services.tell(event(.refused))
    finish { $0.fail(error, .dialect(self.call.dialect)) }
  }

  /// The call goes to another candidate from now on.
  func turn(to target: ModelTarget) { call.target = target }

  /// The call goes to this model and to no other.
  func take(only target: ModelTarget) {
    turn(to: target)
    candidates = [target]
    attempts = CallAttempts(
      candidates.map(services.limits.attempts), isFree: call.request.facts.isFree, seed: id.text)
  }

  private func writeIntent(_ hold: HoldRow, _ marks: [CounterMark]) {
    phase = .writingIntent
    queueTimer?.stop()
    var mutations: [Mutation] = []
    if let record { mutations.append(.insertEffect(row(record))) }
    mutations.append(.placeHold(hold))
    if !marks.isEmpty { mutations.append(.setMarks(marks)) }
    let bound = NIOLoopBound(self, eventLoop: loop)
    let loop = loop
    services.store.submit(StoreTransaction(services.ledger.commitClass(of: marks), mutations)) { result in
      loop.runInside { bound.value.intentWritten(result, marks) }
    }
  }

  private func row(_ record: EffectRecord) -> EffectRow {
    let keepsRequest = call.body.readableBytes <= services.limits.recordedRequestBytes
    return EffectRow(
      record: record, run: run?.key.run ?? RunID(""), step: call.session.caller.step, agent: call.session.caller.agent,
      name: call.request.model, detail: EffectName.of(call.request, call.head.uri), startedAt: services.clock.wallNow(),
      request: keepsRequest ? Array(call.body.readableBytesView) : nil)
  }

  private func intentWritten(_ result: Result<Void, StoreError>, _ marks: [CounterMark]) {
    switch result {
    case .failure(let error):
      dropHold(marks)
      if record != nil { run?.withdraw(id) }
      finish {
        $0.fail(
          GatewayError(
            .journalUnavailable, "Nothing was sent, because the journal cannot be written: \(error.message)"),
          .dialect(self.call.dialect))
      }
    case .success:
      services.ledger.resolve(marks, committed: true)
      services.tell(event(.started))
      send()
    }
  }

  // MARK: The agent leaves

  /// The agent's connection is gone: what is under way is read on for its usage, and for whoever asks the same next.
  private func askerGone() {
    response = nil
    switch phase {
    case .deciding, .over: break
    case .pacing:
      if record != nil { run?.withdraw(id) }
      finish { _ in }
    case .waiting:
      // False: it has been decided, and the word is on its way; the room is given back then.
      _ = services.ledger.abandon(id)
      if record != nil { run?.withdraw(id) }
      finish { _ in }
    case .settling: abandon()
    case .writingIntent, .calling, .relaying:
      abandon()
      connection?.setReading(true)
      // Nothing is on its way; what another attempt came to, nobody would get.
      if spare != nil, !isAwaited { return cutOff() }
      guard services.drains.enter(limit: services.limits.concurrentDrains) else { return cutOff() }
      let timer = DeadlineTimer(loop: loop)
      drainTimer = timer
      drain(timer)
    }
  }

  /// Somebody is there who gets what the call comes to.
  var isAwaited: Bool { response != nil || run?.hasWaiters(id) == true }

  private func abandon() {
    if record != nil { run?.abandon(id, by: call.session.caller.attempt) }
  }

  private func drain(_ timer: DeadlineTimer) {
    timer.set(services.limits.drainTimeout) {
      // Somebody asked the same again and waits: the call is theirs now.
      if self.run?.hasWaiters(self.id) == true { self.drain(timer) } else { self.cutOff() }
    }
  }

  private func cutOff() {
    isCutOff = true
    if giveUpWaiting() { return }
    let isOpening = phase == .calling && connection == nil && call.target.endpoint != nil
    connection?.abort()
    relay?.upstreamFailed(isOpening ? Self.givenUp : .timeout)
  }

  // MARK: The end

  /// Gives the agent its answer, if it is still there, and lets go of everything.
  func finish(_ answer: (FrontResponse) -> Void) {
    guard phase != .over else { return }
    phase = .over
    services.exchanges.leave()
    if let drainTimer {
      drainTimer.stop()
      services.drains.leave()
    }
    drainTimer = nil
    queueTimer?.stop()
    queueTimer = nil
    sign(.none)
    services.health.left(id, call.target)
    connection = nil
    relay = nil
    let response = response
    self.response = nil
    response?.whenGone = nil
    if let response { answer(response) }
  }

  func event(_ phase: EffectEvent.Phase, charge: ChargeRow? = nil) -> EffectEvent {
    EffectEvent(
      caller: call.session.caller, phase: phase, kind: .model, name: call.request.model,
      inputTokens: charge?.inputTokens ?? .zero, outputTokens: charge?.outputTokens ?? .zero,
      cost: charge?.spend.cost ?? .zero, duration: services.clock.now() - startedAt)
  }
}
