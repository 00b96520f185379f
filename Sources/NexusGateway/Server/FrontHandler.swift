// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NIOCore
internal import NIOHTTP1

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

  init(services: GatewayServices, parts: LoopParts) {
    self.services = services
    self.parts = parts
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
    guard error is HTTPParserError else { return context.close(promise: nil) }
    switch state {
    case .waiting, .reading:
      state = .refusing
      timer?.clear()
      let fields = HTTPHeaders([("connection", "close"), ("content-length", "0")])
      context.write(
        wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .badRequest, headers: fields))), promise: nil)
      close(context)
    // Noise behind a good request: that one is still answered.
    case .answering: response?.closesConnection = true
    case .refusing: break
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { response?.becameWritable() }
    context.fireChannelWritabilityChanged()
  }

  private func awaitHead() {
    state = .waiting
    timer?.set(services.limits.headerTimeout) { [weak self] in self?.context?.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    if case .answering = state { ahead.append(part) } else { take(part) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    limitBody()
    context.fireChannelReadComplete()
  }

  private func limitBody() {
    guard isNewBody else { return }
    isNewBody = false
    guard case .reading = state else { return }
    timer?.set(services.limits.bodyTimeout) { [weak self] in self?.context?.close(promise: nil) }
  }

  func read(context: ChannelHandlerContext) {
    if ahead.isEmpty { context.read() } else { owesRead = true }
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
    let response = FrontResponse(handler: self, head: head)
    self.response = response
    let asker: AttemptSession
    do {
      asker = try Router.asker(of: head, services)
    } catch {
      return refuse(error, response)
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
    if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
    state = .reading(head, asker, body)
  }

  private func refuseBody(_ response: FrontResponse) {
    let limit = services.limits.requestBodyBytes >> 20
    refuse(GatewayError(.requestTooLarge, "The request body is larger than \(limit) MiB."), response)
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
    Router(services: services, parts: parts, loop: context.eventLoop).route(head, body, asker, response)
  }

  // MARK: The way back

  var isWritable: Bool { context?.channel.isWritable ?? false }

  func write(_ part: HTTPServerResponsePart) {
    context?.write(wrapOutboundOut(part), promise: nil)
  }

  func flush() { context?.flush() }

  /// The answer is whole.
  func finished(closing: Bool) {
    response = nil
    guard let context else { return }
    if closing {
      state = .refusing
      close(context)
    } else {
      awaitHead()
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      catchUp()
    }
  }

  /// The answer is this message.
  func finished(with message: WholeMessage, closing: Bool) {
    encoder?.write(NIOAny(message.bytes), promise: nil)
    if let rest = message.rest { encoder?.write(NIOAny(rest), promise: nil) }
    guard !closing, let encoder else { return finished(closing: closing) }
    response = nil
    awaitHead()
    encoder.flush()
    catchUp()
  }

  /// Ends the answer and the connection with it.
  private func close(_ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in context.close(promise: nil) }
  }
}
