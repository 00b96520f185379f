// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// How a call ended, as its budgets need to know it.
enum CallEnd {
  /// The provider told its usage.
  case usage(CallUsage)
  /// The call may have been worked on and its usage is not known: all of the hold is spent.
  case unknownUsage
  /// The provider never saw the call or refused it: nothing is spent.
  case notMade
}

extension ModelExchange {
  /// The provider's part is over: writes outcome and settlement down, then gives the agent the rest of its answer.
  func conclude(_ end: CallEnd, _ state: EffectState, _ answer: ResponseRecord) {
    phase = .settling
    let settlement = settle(end)
    var mutations: [Mutation] = []
    if let settlement {
      mutations.append(.settleHold(settlement.charge))
      if !settlement.marks.isEmpty { mutations.append(.setMarks(settlement.marks)) }
    }
    if record != nil {
      let outcome = EffectOutcome(
        status: answer.status, headers: answer.fields, body: answer.body, isStream: answer.isStream,
        endedAt: services.clock.wallNow(), inputTokens: settlement?.charge.inputTokens ?? .zero,
        outputTokens: settlement?.charge.outputTokens ?? .zero, cost: settlement?.charge.spend.cost ?? .zero)
      mutations.insert(.setOutcome(id, state, outcome), at: 0)
    }
    defer { remember(end, settlement) }
    guard !mutations.isEmpty else { return concluded(.success(()), state, answer, settlement) }
    let bound = NIOLoopBound((self, answer), eventLoop: loop)
    let loop = loop
    services.store.submit(StoreTransaction(.logged, mutations)) { result in
      loop.runInside {
        let (exchange, answer) = bound.value
        exchange.concluded(result, state, answer, settlement)
      }
    }
    // Where the journal is not done at once, what came before the end does not wait for it.
    response?.flush()
  }

  private func settle(_ end: CallEnd) -> Settlement? {
    switch end {
    case .usage(let usage): services.ledger.settle(id, usage: usage)
    case .unknownUsage: services.ledger.settleAtHold(id)
    case .notMade: services.ledger.release(id)
    }
  }

  private func concluded(
    _ result: Result<Void, StoreError>, _ state: EffectState, _ answer: ResponseRecord, _ settlement: Settlement?
  ) {
    let charge = settlement?.charge
    services.runs.charge(
      call.session, tokens: charge?.spend.tokens ?? .zero, cost: charge?.spend.cost ?? .zero)
    switch result {
    case .success:
      services.ledger.resolve(settlement?.marks ?? [], committed: true)
      if state == .succeeded { noteAnswer(answer, charge?.spend) }
      if record != nil { run?.finish(id, state) }
      var event = event(state == .succeeded ? .succeeded : .failed, charge: charge)
      if event.phase == .failed { event.result = answer.account }
      services.tell(event)
      finish { Self.deliver(answer, to: $0) }
    case .failure(let error):
      services.ledger.resolve(settlement?.marks ?? [], committed: false)
      if record != nil { run?.lose(id) }
      services.tell(event(.failed, charge: charge))
      let words = GatewayError(
        .journalUnavailable, "The answer came but cannot be recorded: \(error.message)")
      finish { response in
        guard answer.isStream else { return response.fail(words, .dialect(self.call.dialect)) }
        let isFirst = !answer.hasPassed
        response.write(ByteBuffer(string: DialectError(words).streamEnd(self.call.request, isFirst: isFirst)))
        response.end()
      }
    }
    services.settle(run)
  }

  private static func deliver(_ answer: ResponseRecord, to response: FrontResponse) {
    if answer.isStream {
      if answer.held.readableBytes > 0 { response.write(answer.held) }
      response.end()
    } else {
      response.send(status: answer.status, fields: answer.fields, body: answer.passed, room: answer.room)
    }
  }

  // MARK: Replay

  /// Gives the recorded outcome, as a stream if it was one.
  func replay(_ recorded: EffectID) {
    let store = services.store
    AsyncBridge.run(on: loop) { () async -> Result<EffectOutcome?, StoreError> in
      do throws(StoreError) {
        return .success(try await store.outcome(of: recorded))
      } catch {
        return .failure(error)
      }
    } then: { result in
      self.replay(recorded, result)
    }
  }

  private func replay(_ recorded: EffectID, _ result: Result<EffectOutcome?, StoreError>) {
    if response == nil { run?.abandon(recorded, by: call.session.caller.attempt) }
    guard case .success(let outcome?) = result else {
      return finish {
        $0.fail(
          GatewayError(.journalUnavailable, "The recorded answer cannot be read from the journal."),
          .dialect(self.call.dialect))
      }
    }
    var event = event(.replayed)
    event.inputTokens = outcome.inputTokens
    event.outputTokens = outcome.outputTokens
    services.tell(event)
    finish { response in
      let fields = outcome.headers + [EnvironmentVariable("x-naos-replayed", "true")]
      let body = ByteBuffer(bytes: outcome.body)
      guard outcome.isStream else { return response.send(status: outcome.status, fields: fields, body: body) }
      response.begin(status: outcome.status, fields: fields)
      response.write(body)
      response.end()
    }
  }

  /// Waits for an equal call that is under way and has lost its asker.
  func join(_ other: EffectID, _ run: RunSession) {
    let bound = NIOLoopBound(self, eventLoop: loop)
    let loop = loop
    response?.whenGone = {
      self.response = nil
      run.abandon(other, by: self.call.session.caller.attempt)
    }
    run.wait(for: other) { ending in
      loop.runInside {
        switch ending {
        case .recorded: bound.value.replay(other)
        case .lost: bound.value.joinedInVain()
        }
      }
    }
  }

  private func joinedInVain() {
    finish {
      $0.fail(
        GatewayError(.journalUnavailable, "The call that this one waited for ended without a record; ask again."),
        .dialect(self.call.dialect))
    }
  }
}
