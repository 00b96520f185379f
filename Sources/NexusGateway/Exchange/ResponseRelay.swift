// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore
internal import NexusKernel

/// Takes the provider's response: passes a stream on event by event, collects everything else, and reads the usage.
final class ResponseRelay: UpstreamReceiver {
  private let exchange: ModelExchange
  private var status = 0
  private var fields: [EnvironmentVariable] = []
  private var isStream = false
  private var splitter: StreamSplitter
  /// Nil where answers never stream.
  private var reading: (any StreamReading)?
  private var receivedBytes = 0
  /// What the agent gets: the whole body, or of a stream what was passed on so far.
  private var body = ByteBuffer()
  /// The end of a stream, kept back until the outcome is written.
  private var held = ByteBuffer()
  private var hasPassed = false
  private var isOver = false
  /// All of the answer is there.
  private var isWhole = false
  /// What came instead of an answer, in a few words.
  private var trouble: String?
  /// When the last sign of life of a stream was given; nil before the first.
  private var lastSign: Instant?
  private let secrets: AnswerGuard
  /// What the answer takes of the memory for answers.
  private let room: BodyRoom

  init(exchange: ModelExchange) {
    self.exchange = exchange
    secrets = AnswerGuard(
      redaction: exchange.call.target.endpoint?.redaction ?? Redaction(secrets: [], findsMinted: false))
    room = BodyRoom(exchange.services.answers)
    let request = exchange.call.request
    reading = request.api.stream?(request)
    splitter = request.isArray ? .array(ArrayStreamSplitter()) : .events(EventStreamSplitter())
  }

  private var request: ModelRequest { exchange.call.request }
  private var limits: GatewayLimits { exchange.services.limits }

  func upstreamHead(_ head: HTTPResponseHead) {
    guard !isOver else { return }
    exchange.phase = .relaying
    exchange.heard(head)
    status = Int(head.status.code)
    fields = secrets.cleaned(ResponseFields.passing(head.headers)) + exchange.attemptFields
    if let cap = exchange.outputCap { fields.append(EnvironmentVariable("x-naos-clamped", String(cap))) }
    guard head.headers[canonicalForm: "content-encoding"].allSatisfy({ $0.lowercased() == "identity" }),
      head.headers[canonicalForm: "transfer-encoding"].allSatisfy({ $0.lowercased() == "chunked" })
    else { return encoded() }
    if (300..<400).contains(status), status != 304 { return redirected() }
    let type = head.headers.first(name: "content-type")?.lowercased() ?? ""
    let streaming = request.isArray ? "application/json" : "text/event-stream"
    isStream = reading != nil && (200..<300).contains(status) && type.hasPrefix(streaming)
    if isStream { exchange.response?.begin(status: status, fields: fields) }
  }

  func upstreamBody(_ bytes: ByteBuffer) {
    guard !isOver else { return }
    receivedBytes += bytes.readableBytes
    guard receivedBytes <= limits.responseBodyBytes else { return overflowed() }
    guard room.grow(by: bytes.readableBytes) else { return crowded() }
    if isStream {
      sign()
      splitter.append(bytes)
      while !isOver, let event = splitter.next() { relay(event) }
      if splitter.isOverlong { overflowed() }
    } else if body.readableBytes == 0 {
      body = bytes
    } else {
      body.writeImmutableBuffer(bytes)
    }
  }

  /// Says that more of a stream came, now and then.
  private func sign() {
    let now = exchange.services.clock.now()
    if let lastSign, now < lastSign + .milliseconds(100) { return }
    exchange.services.streams(exchange.call.session.caller, lastSign == nil ? .began : .wentOn)
    lastSign = now
  }

  func upstreamEnd() {
    guard !isOver else { return }
    if isStream { return streamEnded() }
    if status == 401 || status == 403, exchange.call.target.endpoint != nil {
      return fail(
        GatewayError(
          .credentialRejected,
          "Provider '\(exchange.call.target.provider)' answered \(status) to the credential configured for it."),
        .notMade)
    }
    isWhole = true
    // It may carry the next call already.
    exchange.connection = nil
    let whole = (body: body, secrets: secrets, api: request.api, isSuccess: (200..<300).contains(status))
    exchange.parts.heavy.run(on: body.readableBytes, exchange.loop) { () -> (body: ByteBuffer, usage: CallUsage?)? in
      let body = whole.secrets.cleaned(whole.body)
      if !whole.isSuccess, whole.secrets.suspects(body) { return nil }
      return (body, whole.isSuccess ? whole.api.usage(body.readableBytesUInt8Span) : nil)
    } then: { read in
      self.ended(read, isSuccess: whole.isSuccess)
    }
  }

  private func ended(_ read: (body: ByteBuffer, usage: CallUsage?)?, isSuccess: Bool) {
    guard !isOver else { return }
    guard let read else {
      return fail(
        GatewayError(
          .secretInAnswer,
          "Provider '\(exchange.call.target.provider)' answered \(status) and repeated the credential configured for it."
        ),
        .notMade)
    }
    body = read.body
    guard isSuccess else {
      let advice = RetryHeaders.advice(fields, body.readableBytesUInt8Span, now: exchange.services.clock.wallNow())
      let fault = UpstreamFault.of(status, advice)
      return conclude(fault == .unknown ? .unknownUsage : .notMade, .failed, fault)
    }
    conclude(read.usage.map(CallEnd.usage) ?? .unknownUsage, .succeeded)
  }

  func upstreamFailed(_ failure: UpstreamFailure) {
    guard !isOver, !isWhole else { return }
    if case .unserved = failure, exchange.sendAgain() { return }
    exchange.connection = nil
    let provider = exchange.call.target.provider
    trouble = failure.account
    let error =
      switch failure {
      case .unreachable(let words):
        GatewayError(.upstreamUnreachable, "Provider '\(provider)' cannot be reached: \(words).")
      case .malformed(let words):
        GatewayError(.upstreamBroken, "The answer of provider '\(provider)' cannot be read: \(words).")
      case .unserved:
        GatewayError(.upstreamBroken, "Provider '\(provider)' closes its connections before they are used.")
      case .timeout: GatewayError(.upstreamTimeout, "Provider '\(provider)' did not answer in time.")
      case .broken: GatewayError(.upstreamBroken, "The answer of provider '\(provider)' broke off.")
      }
    fail(error, failure.mayHaveBeenMade ? .unknownUsage : .notMade, failure.mayHaveBeenMade ? .unknown : .unreachable)
  }

  /// Nothing was sent, because the provider gets no calls for now.
  func rests(_ error: GatewayError) { fail(error, .notMade, .resting) }

  /// Neither the agent nor the meter can read what was packed although nobody asked for it.
  private func encoded() {
    exchange.connection?.abort()
    fail(
      GatewayError(
        .upstreamBroken,
        "The answer of provider '\(exchange.call.target.provider)' cannot be read: it is encoded, which nobody asked for."
      ), (200..<300).contains(status) ? .unknownUsage : .notMade)
  }

  /// Where a provider sends its callers is not where the configuration sends them, nor where the credential may go.
  private func redirected() {
    exchange.connection?.abort()
    fail(
      GatewayError(
        .upstreamRedirected,
        "Provider '\(exchange.call.target.provider)' answered \(status): it wants to be called at another address, which must be set as its baseURL."
      ), .notMade)
  }

  private func crowded() {
    exchange.connection?.abort()
    fail(
      GatewayError(.answersOverloaded, "The answers under way leave no memory for the rest of this one."), .unknownUsage
    )
  }

  private func overflowed() {
    exchange.connection?.abort()
    fail(
      GatewayError(.responseTooLarge, "The answer is larger than \(limits.responseBodyBytes >> 20) MiB."), .unknownUsage
    )
  }

  // MARK: Streams

  private func relay(_ piece: ByteBuffer) {
    let piece = secrets.cleaned(piece)
    guard let data = splitter.data(in: piece), let verdict = reading?.judge(piece, data: data) else {
      return pass(piece)
    }
    switch verdict {
    case .pass(let bytes): pass(bytes)
    case .drop: break
    case .hold(let bytes):
      passHeld()
      held = bytes
    case .join(let bytes): held.writeImmutableBuffer(bytes)
    case .last(let bytes):
      held.writeImmutableBuffer(bytes)
      exchange.response?.whenWritable = nil
      exchange.connection?.expectEnd()
      if splitter.rest() != nil { exchange.connection?.abort() }
      streamEnded()
    }
  }

  /// What was kept back as the end was not the end.
  private func passHeld() {
    let bytes = held
    held = ByteBuffer()
    if bytes.readableBytes > 0 { pass(bytes) }
  }

  private func pass(_ bytes: ByteBuffer) {
    passHeld()
    hasPassed = true
    // Nobody asks for it again where there is no record.
    if exchange.record == nil { room.shrink(by: bytes.readableBytes) } else { body.writeImmutableBuffer(bytes) }
    exchange.response?.write(bytes)
  }

  func upstreamPause() {
    guard !isOver, isStream, let response = exchange.response else { return }
    response.flush()
    if !response.isWritable, let connection = exchange.connection {
      connection.setReading(false)
      response.whenWritable = { connection.setReading(true) }
    }
  }

  private func streamEnded() {
    let isComplete = reading?.isComplete == true
    let sawError = reading?.sawError == true
    let usage = reading?.usage
    if let rest = splitter.rest().map({ secrets.cleaned($0, isCut: true) }) {
      if !isComplete { pass(rest) } else if held.readableBytes > 0, request.isArray { held.writeImmutableBuffer(rest) }
    }
    // An orderly end without the dialect's last word and without usage is a stream that was cut on its way.
    if !isComplete, !sawError, usage == nil {
      return fail(
        GatewayError(.upstreamBroken, "The stream of provider '\(exchange.call.target.provider)' broke off."),
        .unknownUsage)
    }
    conclude(usage.map(CallEnd.usage) ?? .unknownUsage, sawError ? .failed : .succeeded)
  }

  // MARK: The end

  /// Puts an error of ours in place of the answer, or behind what the agent already has of it.
  private func fail(_ error: GatewayError, _ end: CallEnd, _ fault: UpstreamFault? = nil) {
    let words = DialectError(error)
    trouble = trouble ?? error.message
    if isStream {
      held.writeString(words.streamEnd(request, isFirst: !hasPassed && held.readableBytes == 0))
    } else {
      status = words.status
      fields = [EnvironmentVariable("content-type", "application/json")] + words.fields + exchange.attemptFields
      body = ByteBuffer(bytes: words.body(request.dialect).encoded())
    }
    conclude(end, .failed, fault)
  }

  private func conclude(_ end: CallEnd, _ state: EffectState, _ fault: UpstreamFault? = nil) {
    isOver = true
    if lastSign != nil { exchange.services.streams(exchange.call.session.caller, .ended) }
    let answer = ResponseRecord(
      status: status, fields: fields, isStream: isStream, hasPassed: hasPassed, passed: body, held: held, room: room,
      trouble: trouble)
    exchange.attemptOver(AttemptResult(end: end, state: state, answer: answer, fault: isStream ? nil : fault))
  }
}

/// A whole response: what the agent already has of it and what is kept back.
struct ResponseRecord {
  let status: Int
  var fields: [EnvironmentVariable]
  let isStream: Bool
  /// The agent has some of a stream.
  let hasPassed: Bool
  let passed: ByteBuffer
  let held: ByteBuffer
  /// Kept until it is recorded.
  let room: BodyRoom
  /// What came instead of the provider's answer; nil if this is that.
  let trouble: String?

  /// What is said of it to whoever watches the run.
  var account: String { trouble ?? "answered \(status)" }

  var body: [UInt8] { Array(passed.readableBytesView) + Array(held.readableBytesView) }
}
