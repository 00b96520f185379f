// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore
internal import NexusKernel

/// What came of one attempt.
struct AttemptResult {
  let end: CallEnd
  let state: EffectState
  var answer: ResponseRecord
  /// Nil where another attempt is out of the question: a success, or something of it is with the agent already.
  let fault: UpstreamFault?
}

extension ModelExchange {
  /// Sends the call to its provider; the hold is written.
  func send() {
    phase = .calling
    let relay = ResponseRelay(exchange: self)
    self.relay = relay
    let body = rewritten()
    guard !isCutOff else { return relay.upstreamFailed(Self.givenUp) }
    guard let endpoint = call.target.endpoint else {
      return services.local.respond(call, body.whole, on: loop, to: relay)
    }
    // The candidate before it was asked while nothing was held yet.
    if attempts.hasFallenBack, let error = pausing { return relay.rests(error) }
    do throws(CircuitOpen) {
      pass = try services.health.pass(to: call.target)
    } catch {
      return relay.rests(Self.resting(call.target, error.retryAfter))
    }
    wasResent = false
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

  private func rewritten() -> RewrittenBody {
    let original = call.body
    let rewrite = RequestRewrite(
      call.request, body: original.readableBytesUInt8Span, model: call.target.model, outputCap: outputCap,
      forcesUsage: true)
    return rewrite.applied(to: original)
  }

  private func connect(to endpoint: Endpoint, _ body: RewrittenBody, isNew: Bool, _ relay: ResponseRelay) {
    parts.upstreams.connect(to: endpoint.origin, isNew: isNew) { result in
      switch result {
      case .failure(let failure): relay.upstreamFailed(failure)
      case .success(let connection) where self.phase != .calling: connection.release()
      case .success(let connection):
        self.connection = connection
        connection.send(self.call.upstreamHead(endpoint, length: body.count), body, to: relay)
      }
    }
  }

  static func resting(_ target: ModelTarget, _ after: Duration) -> GatewayError {
    GatewayError(
      .circuitOpen, "Provider '\(target.provider)' fails most calls, so none are sent to it for a while.",
      retryAfter: after)
  }

  static let givenUp = UpstreamFailure.unreachable("its asker left before anything was sent")

  /// An attempt is over: makes another one under the same hold, or ends the call with this one.
  func attemptOver(_ result: AttemptResult) {
    connection = nil
    sign(isCutOff || result.fault == nil ? .none : .ill)
    guard let fault = result.fault, !isCutOff, isAwaited else { return conclude(result) }
    switch attempts.fail(fault) {
    case .again(let delay): tryAgain(after: delay, result)
    case .fallBack: fallBack(from: result)
    case .giveUp(let settlesIt):
      var result = result
      if settlesIt { result.answer.settleRetries() }
      conclude(result)
    }
  }

  private func tryAgain(after delay: Duration, _ result: AttemptResult) {
    phase = .calling
    relay = nil
    spare = result
    services.tellRetry(call, result.answer.account, after: delay, attempt: attempts.failed + 1)
    let timer = DeadlineTimer(loop: loop)
    attemptTimer = timer
    timer.set(delay) {
      self.attemptTimer = nil
      self.spare = nil
      self.send()
    }
  }

  private func fallBack(from result: AttemptResult) {
    let before = call.target.fullName
    services.health.left(id, call.target)
    turn(to: candidates[attempts.candidate])
    outputCap = services.ledger.turn(id, to: call.target.reference)
    services.tellNote(
      call.session.caller, "\(before) is given up (\(result.answer.account)); the call goes to \(call.target.fullName)")
    relay = nil
    send()
  }

  /// The provider has begun to answer.
  func heard(_ head: HTTPResponseHead) {
    sign(head.status.code >= 500 ? .ill : head.status.code == 429 ? .none : .well)
    if call.target.endpoint != nil { services.health.learn(head, from: call.target, of: id) }
  }

  /// Tells the circuit what the attempt says of its provider; only the first word counts.
  func sign(_ sign: CircuitBreaker.Sign) {
    services.health.end(pass, of: call.target, sign)
    pass = nil
  }

  /// Ends the wait for the next attempt; false if there is none.
  func giveUpWaiting() -> Bool {
    guard let spare else { return false }
    attemptTimer?.stop()
    attemptTimer = nil
    self.spare = nil
    conclude(spare)
    return true
  }

  private func conclude(_ result: AttemptResult) { conclude(result.end, result.state, result.answer) }

  /// Says which attempt an answer is of, if it is not the first, and of which model, if it is not the one asked for.
  var attemptFields: [EnvironmentVariable] {
    if attempts.failed == 0, attempts.candidate == 0, downgradedFrom == nil { return [] }
    var fields: [EnvironmentVariable] = []
    if let downgradedFrom { fields.append(EnvironmentVariable("x-naos-downgraded-from", downgradedFrom)) }
    if attempts.failed > 0 { fields.append(EnvironmentVariable("x-naos-attempts", String(attempts.failed + 1))) }
    // Asked for by another name, so it is said which model answers.
    if attempts.candidate > 0 || downgradedFrom != nil {
      fields.append(EnvironmentVariable("x-naos-model", call.target.fullName))
    }
    return fields
  }
}

extension ResponseRecord {
  /// Tells the agent's SDK not to begin all the attempts anew.
  mutating func settleRetries() {
    fields.removeAll { $0.name.lowercased() == "x-should-retry" }
    fields.append(EnvironmentVariable("x-should-retry", "false"))
  }
}
