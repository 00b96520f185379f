// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NIOCore
internal import NIOHTTP1
internal import NexusCore

/// One connection of an agent: reads whole requests, one at a time, and gives each its answer.
///
/// What is sent ahead of an answer waits here, and nothing more is read from the connection until it has been taken: no
/// more waits than one read brings. Without such haste reading never stops, which spares two system calls a request.
final class FrontHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    case waiting
    case reading(HTTPRequestHead, AttemptSession, ByteBuffer)
    case answering
    /// The answer went out before the request was whole; the rest of it is thrown away with the connection.
    case refusing
  }

  private let services: GatewayServices
  private let parts: LoopParts
  private let watch: WireWatch
  private let ticket: Doorkeeper.Ticket
  /// Who is in the sandbox that the connection comes from.
  private let sandbox: Caller?
  private var state = State.waiting
  private var context: ChannelHandlerContext?
  private var timer: DeadlineTimer?
  private var response: FrontResponse?
  /// Parts of the requests behind the one that is being answered.
  private var ahead: Deque<HTTPServerRequestPart> = []
  private var isCatchingUp = false
  /// A head came in this read; a body that comes with it needs no time limit.
  private var isNewBody = false
  /// From here a whole answer goes out, past the encoder.
  private var encoder: ChannelHandlerContext?
  /// The channel wanted to read on.
  private var owesRead = false

  /// Nothing more will be sent to us.
  private var isInputClosed = false
  /// A key was shown on this connection.
  private var isRecognised = false
  private var isHeadTimed = false
  /// The request asks for another protocol, which makes the decoder keep what comes behind it.
  private var isUpgrade = false
  /// The last answer of the connection is written, or even out.
  private var isClosing = false
  private var isRefusalOut = false

  init(
    services: GatewayServices, parts: LoopParts, watch: WireWatch, ticket: Doorkeeper.Ticket, sandbox: Caller?
  ) {
    self.sandbox = sandbox
    self.services = services
    self.parts = parts
    self.watch = watch
    self.ticket = ticket
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
    timer = DeadlineTimer(loop: context.eventLoop)
    awaitHead()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    encoder = nil
    timer?.stop()
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.stop()
    ahead = []
    let response = response
    self.response = nil
    response?.detach()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let fault = FrontFault(error, watch) else { return context.close(promise: nil) }
    switch state {
    case .waiting: refuse(fault)
    case .reading: if let response { refuse(fault.error, response) }
    // Noise behind a good request: that one is still answered.
    case .answering: response?.closesConnection = true
    case .refusing: break
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed? = event as? ChannelEvent {
      isInputClosed = true
      // While a refusal is on its way out, its end closes.
      if case .answering = state { response?.sound() } else if !isClosing || isRefusalOut { hangUp() }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if case .answering = state {
      if context.channel.isWritable {
        timer?.clear()
      } else {
        timer?.set(services.limits.stalledAnswerTimeout) { [weak self] in self?.hangUp() }
      }
    }
    if context.channel.isWritable { response?.becameWritable() }
    context.fireChannelWritabilityChanged()
  }

  private func awaitHead() {
    state = .waiting
    isHeadTimed = !isRecognised
    timer?.set(isRecognised ? services.limits.idleTimeout : services.limits.headerTimeout) { [weak self] in
      self?.headLate()
    }
  }

  /// Some of a head is there; the rest of it has to come soon.
  private func limitHead() {
    guard case .waiting = state, watch.count > 0, !isHeadTimed else { return }
    isHeadTimed = true
    timer?.set(services.limits.headerTimeout) { [weak self] in self?.headLate() }
  }

  private func headLate() {
    guard case .waiting = state, watch.count > 0 else { return hangUp() }
    refuse(FrontFault(late: watch))
  }

  func hangUp() { context?.close(promise: nil) }

  var channel: (any Channel)? { context?.channel }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    if case .answering = state { ahead.append(part) } else { take(part) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    limitHead()
    limitBody()
    limitFraming()
    context.fireChannelReadComplete()
  }

  private func limitBody() {
    guard isNewBody else { return }
    isNewBody = false
    guard case .reading = state else { return }
    timer?.set(services.limits.bodyTimeout) { [weak self] in
      guard let self, let response else { return }
      refuse(FrontFault.slow, response)
    }
  }

  /// Chunks may come with extensions, and trailers behind them, that are part of no body.
  private func limitFraming() {
    guard case .reading(_, _, let body) = state, let response else { return }
    let limits = services.limits
    let most = limits.headerBytes + limits.framingBytes + (limits.framingBytesPerByte + 1) * body.readableBytes
    if watch.count > most { refuse(FrontFault.framing, response) }
  }

  func read(context: ChannelHandlerContext) {
    let isFull = if case .answering = state { isUpgrade } else { false }
    if ahead.isEmpty, !isFull { context.read() } else { owesRead = true }
  }

  /// The answer is out: takes what was sent ahead, up to the end of the next request.
  private func catchUp() {
    // An answer that is given at once comes back here from within.
    guard !isCatchingUp else { return }
    isCatchingUp = true
    defer { isCatchingUp = false }
    while true {
      if case .answering = state { return }
      guard let part = ahead.popFirst() else { break }
      take(part)
    }
    limitBody()
    if isInputClosed { return hangUp() }
    if owesRead {
      owesRead = false
      context?.read()
    }
  }

  private func take(_ part: HTTPServerRequestPart) {
    switch part {
    case .head(let head): received(head)
    case .body(let bytes): received(bytes)
    case .end: received()
    }
  }

  private func received(_ head: HTTPRequestHead) {
    if case .refusing = state { return }
    watch.endHead()
    let response = FrontResponse(handler: self, head: head)
    self.response = response
    if let fault = FrontFault.inFraming(of: head) { return refuse(fault, response) }
    isUpgrade = head.method == .CONNECT || head.headers.contains(name: "upgrade")
    if isUpgrade { response.closesConnection = true }
    let asker: AttemptSession
    do {
      asker = try Router.asker(of: head, services)
    } catch {
      services.refusals(RefusedAccess(error, head, from: sandbox))
      return refuse(error, response)
    }
    switch services.door.begin(ticket, asker.caller) {
    case .kept: isRecognised = true
    case .gone: return hangUp()
    case .refused: return refuse(Self.crowded, response)
    }
    response.room = BodyRoom(services.bodies)
    if let length = head.headers.first(name: "content-length").flatMap(Int.init),
      length > services.limits.requestBodyBytes
    {
      return refuseBody(response)
    }
    state = .reading(head, asker, ByteBuffer())
    isNewBody = true
    if head.headers.first(name: "expect")?.lowercased() == "100-continue" { response.goOn() }
  }

  private static let crowded = GatewayError(
    .overloaded, "This agent has too many connections, with a request under way on each; try again shortly.")

  private func received(_ bytes: ByteBuffer) {
    guard case .reading(let head, let asker, var body) = state else { return }
    guard body.readableBytes + bytes.readableBytes <= services.limits.requestBodyBytes else {
      if let response { refuseBody(response) }
      return
    }
    if let response, response.room?.grow(by: bytes.readableBytes) == false {
      return refuse(
        GatewayError(.overloaded, "The requests under way leave no memory for this one; try again shortly."), response)
    }
    // Emptied first, so that the buffer below is not shared and need not be copied to grow.
    state = .answering
    if body.capacity == 0 { body = Self.room(for: head, beside: bytes) }
    if body.capacity == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
    state = .reading(head, asker, body)
  }

  /// So much of a body is made room for at once; its sender may say any length.
  private static let reservedBody = 128 << 10

  /// Room for all of a body of which there is only the beginning; none if nothing else comes, or nobody knows how much.
  private static func room(for head: HTTPRequestHead, beside bytes: ByteBuffer) -> ByteBuffer {
    guard let length = head.headers.first(name: "content-length").flatMap(Int.init), length > bytes.readableBytes else {
      return ByteBuffer()
    }
    return ByteBufferAllocator().buffer(capacity: min(length, reservedBody))
  }

  private func refuseBody(_ response: FrontResponse) {
    let limit = services.limits.requestBodyBytes >> 20
    refuse(GatewayError(.requestTooLarge, "The request body is larger than \(limit) MiB."), response)
  }

  /// Answers what never became a request, and closes.
  private func refuse(_ fault: FrontFault) {
    state = .refusing
    var words = DialectError(fault.error)
    if let status = fault.status { words.status = status }
    let fields = [EnvironmentVariable("content-type", fault.form.contentType)] + words.fields
    let body = ByteBuffer(bytes: words.body(fault.form).encoded())
    guard let message = WholeMessage.response(status: words.status, fields: fields, closes: true, body) else {
      return hangUp()
    }
    finished(with: message, closing: true)
  }

  /// Answers without the body, and closes.
  private func refuse(_ error: GatewayError, _ response: FrontResponse) {
    state = .refusing
    response.closesConnection = true
    response.fail(error, .of(response.head))
  }

  private func received() {
    guard case .reading(let head, let asker, let body) = state, let response, let context else { return }
    state = .answering
    timer?.clear()
    watch.beginRequest()
    Router(services: services, parts: parts, loop: context.eventLoop).route(head, body, asker, response)
  }

  // MARK: The way back

  var isWritable: Bool { context?.channel.isWritable ?? false }

  func write(_ part: HTTPServerResponsePart) {
    context?.write(wrapOutboundOut(part), promise: nil)
  }

  /// Writes what has its frame already, past the encoder.
  func write(framed bytes: ByteBuffer) { encoder?.write(NIOAny(bytes), promise: nil) }

  func flush() { context?.flush() }

  /// No request can follow the one that is being answered.
  private var isLast: Bool { isInputClosed && ahead.isEmpty }

  /// The answer is whole.
  func finished(closing: Bool) {
    guard !closing, !isLast else { return close { $0.writeAndFlush(self.wrapOutboundOut(.end(nil))) } }
    response = nil
    guard let context else { return }
    awaitHead()
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    rest()
    catchUp()
  }

  /// The answer is this message.
  func finished(with message: WholeMessage, closing: Bool, room: BodyRoom? = nil) {
    encoder?.write(NIOAny(message.bytes), promise: nil)
    for part in message.rest.dropLast() { encoder?.write(NIOAny(part), promise: nil) }
    if let last = message.rest.last, let encoder {
      // Whoever takes its answer slowly keeps others from theirs, so it is counted until it is out.
      let kept = NIOLoopBound(room, eventLoop: encoder.eventLoop)
      encoder.write(NIOAny(last)).whenComplete { _ in withExtendedLifetime(kept) {} }
    }
    finishedPastEncoder(closing: closing)
  }

  /// The answer is whole; all of it was written past the encoder.
  func finishedPastEncoder(closing: Bool) {
    guard !closing, !isLast else {
      let encoder = encoder
      return close { context in (encoder ?? context).writeAndFlush(NIOAny(ByteBuffer())) }
    }
    response = nil
    awaitHead()
    encoder?.flush()
    rest()
    catchUp()
  }

  /// The request is over: the connection may be given to somebody else, once its answer is out.
  private func rest() {
    guard let encoder, let options = encoder.channel.syncOptions else { return services.door.rest(ticket) }
    guard let waiting = try? options.getOption(.bufferedWritableBytes), waiting > 0 else {
      return services.door.rest(ticket)
    }
    encoder.writeAndFlush(NIOAny(ByteBuffer())).assumeIsolated().whenComplete { _ in
      if case .waiting = self.state { self.services.door.rest(self.ticket) }
    }
  }

  /// Ends the answer and the connection with it.
  ///
  /// Where the request is not at its end yet, closing at once would make the system reset the connection, and the answer
  /// might be lost before its reader has seen it: what still comes is thrown away for a while.
  private func close(_ end: (ChannelHandlerContext) -> EventLoopFuture<Void>) {
    let isWhole = if case .answering = state { true } else { isInputClosed }
    response = nil
    state = .refusing
    isClosing = true
    guard let context else { return }
    if isWhole {
      end(context).assumeIsolated().whenComplete { _ in context.close(promise: nil) }
      return
    }
    watch.isDiscarding = true
    timer?.set(services.limits.lingerTimeout) { [weak self] in self?.hangUp() }
    end(context).assumeIsolated().whenComplete { _ in
      self.isRefusalOut = true
      if self.isInputClosed { context.close(promise: nil) } else { context.close(mode: .output, promise: nil) }
    }
  }
}
