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
  enum Phase { case deciding, waiting, writingIntent, calling, relaying, settling, over }

  let services: GatewayServices
  let parts: LoopParts
  let loop: any EventLoop
  let call: ModelCall
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
  private(set) var outputCap: Int64?
  /// The request was sent a second time.
  private var wasResent = false
  /// Nobody waits for the call any more; what was not sent will not be.
  private var isCutOff = false

  init(services: GatewayServices, parts: LoopParts, loop: any EventLoop, call: ModelCall, response: FrontResponse) {
    self.services = services
    self.parts = parts
    self.loop = loop
    self.call = call
    self.response = response
    id = services.identifiers.effect()
    startedAt = services.clock.now()
  }

  var run: RunSession? { call.session.run }

  func start() {
    _ = services.exchanges.enter(limit: .max)
    response?.whenGone = { self.askerGone() }
    guard let run, let digest = call.digest else { return admit() }
    switch run.request(digest, kind: .model, repeatable: true, id: id) {
    case .replay(let recorded): replay(recorded)
    case .join(let other): join(other, run)
    case .new(let record, let diverges):
      self.record = record
      if diverges { services.tellDivergence(call.session.caller, record) }
      admit()
    case .uncertain: preconditionFailure("model calls are repeatable")
    }
  }

  // MARK: Hold and intent

  private func admit() {
    phase = .waiting
    let request = AdmissionRequest(
      id: id, caller: call.session.caller, provider: call.target.provider, model: call.target.model,
      facts: call.request.facts)
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
    case .refused(let refusal):
      guard phase == .waiting else { return }
      refuse(refusal)
    case .admitted(let hold, let marks, let outputCap):
      // The agent left while it queued; the hold was never written and goes as it came.
      guard phase == .waiting else { return dropHold(marks) }
      self.outputCap = outputCap
      writeIntent(hold, marks)
    }
  }

  /// Others hold the room that is left; it may come back as they end.
  private func waitForRoom() {
    let timer = DeadlineTimer(loop: loop)
    queueTimer = timer
    timer.set(services.limits.budgetQueueTimeout) {
      // Nil: it has been decided, and the word is on its way.
      if let refusal = self.services.ledger.giveUp(self.id) { self.refuse(refusal) }
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
      name: call.request.model, detail: "", startedAt: services.clock.wallNow(),
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

  // MARK: The call

  private func send() {
    phase = .calling
    let relay = ResponseRelay(exchange: self)
    self.relay = relay
    let body = rewritten()
    guard !isCutOff else { return relay.upstreamFailed(Self.givenUp) }
    guard let endpoint = call.target.endpoint else {
      return services.local.respond(call, body, on: loop, to: relay)
    }
    connect(to: endpoint, body, isNew: false, relay)
  }

  /// Sends the request once more, on a connection of its own, after a kept one turned out to have been closed before the
  /// request came to it; false if that was done before, or nobody waits any more.
  ///
  /// This never spends twice. The first copy was not received, not even by the provider's system (`DeliveryWatch`), so
  /// there is nothing that could be billed for it, and RFC 9112 §9.3.1 allows to repeat what is known not to have been
  /// applied. The hold stays as it is until the second copy is answered, and whatever becomes of that one settles it.
  func sendAgain() -> Bool {
    guard !wasResent, !isCutOff, phase == .calling, let relay, let endpoint = call.target.endpoint else { return false }
    wasResent = true
    connection = nil
    connect(to: endpoint, rewritten(), isNew: true, relay)
    return true
  }

  private func rewritten() -> ByteBuffer {
    let original = call.body
    let rewrite = RequestRewrite(
      call.request, body: original.readableBytesUInt8Span, model: call.target.model, outputCap: outputCap,
      forcesUsage: true)
    return rewrite.applied(to: original)
  }

  private func connect(to endpoint: Endpoint, _ body: ByteBuffer, isNew: Bool, _ relay: ResponseRelay) {
    parts.upstreams.connect(to: endpoint.origin, isNew: isNew) { result in
      switch result {
      case .failure(let failure): relay.upstreamFailed(failure)
      case .success(let connection) where self.phase != .calling: connection.release()
      case .success(let connection):
        self.connection = connection
        connection.send(self.call.upstreamHead(endpoint, length: body.readableBytes), body, to: relay)
      }
    }
  }

  // MARK: The agent leaves

  /// The agent's connection is gone: what is under way is read on for its usage, and for whoever asks the same next.
  private func askerGone() {
    response = nil
    switch phase {
    case .deciding, .over: break
    case .waiting:
      // False: it has been decided, and the word is on its way; the room is given back then.
      _ = services.ledger.abandon(id)
      if record != nil { run?.withdraw(id) }
      finish { _ in }
    case .settling: abandon()
    case .writingIntent, .calling, .relaying:
      abandon()
      connection?.setReading(true)
      guard services.drains.enter(limit: services.limits.concurrentDrains) else { return cutOff() }
      let timer = DeadlineTimer(loop: loop)
      drainTimer = timer
      drain(timer)
    }
  }

  private func abandon() {
    if record != nil { run?.abandon(id, by: call.session.caller.attempt) }
  }

  private func drain(_ timer: DeadlineTimer) {
    timer.set(services.limits.drainTimeout) {
      // Somebody asked the same again and waits: the call is theirs now.
      if self.run?.hasWaiters(self.id) == true { self.drain(timer) } else { self.cutOff() }
    }
  }

  private static let givenUp = UpstreamFailure.unreachable("its asker left before anything was sent")

  private func cutOff() {
    isCutOff = true
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
