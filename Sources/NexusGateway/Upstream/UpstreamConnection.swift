// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1

/// Why a call to a provider has no whole answer.
enum UpstreamFailure: Error {
  /// Nothing was sent.
  case unreachable(String)
  /// The request was sent, and no head of a response came in time, or no more of it.
  case timeout
  /// The other end had closed a kept connection before the request came to it, so that it was never taken.
  case unserved
  /// It answered what cannot be an answer.
  case malformed(String)
  /// The connection broke.
  case broken(String)

  /// What became of the call, in words that go behind the model's name.
  var account: String {
    switch self {
    case .unreachable(let why): "could not be reached: \(why)"
    case .timeout: "did not answer in time"
    case .unserved: "closes its connections before they are used"
    case .malformed(let why): "sent an answer that cannot be read: \(why)"
    case .broken: "broke off its answer"
    }
  }

  /// Whether the provider can have worked on the call.
  var mayHaveBeenMade: Bool {
    switch self {
    case .unreachable, .unserved: false
    case .timeout, .malformed, .broken: true
    }
  }
}

/// Takes the parts of one response; called on the event loop, ends with `upstreamEnd` or `upstreamFailed`, once.
protocol UpstreamReceiver: AnyObject {
  func upstreamHead(_ head: HTTPResponseHead)
  func upstreamBody(_ bytes: ByteBuffer)
  /// What has come is all that there is for now.
  func upstreamPause()
  func upstreamEnd()
  func upstreamFailed(_ failure: UpstreamFailure)
}

/// One connection to a provider: one request at a time, kept for the next if the provider agrees.
final class UpstreamConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let limits: GatewayLimits
  private var context: ChannelHandlerContext?
  private var timer: DeadlineTimer?
  private var receiver: (any UpstreamReceiver)?
  private let outlet: RequestOutlet
  private var keepsAlive = true
  private var isReading = true
  /// The receiver has what it wants; nothing but the end of the response may come.
  private var awaitsEnd = false
  private var failure: UpstreamFailure?
  /// Something of the response came in this read.
  private var hasHeard = false
  private let delivery: DeliveryWatch
  /// It has carried a request before.
  private var isReused = false
  /// Something of the response to this request came.
  private var isAnswered = false
  /// Called when the response is whole and the connection can take the next request.
  var whenIdle: ((UpstreamConnection) -> Void)?
  /// Called when the connection is gone.
  var whenClosed: ((UpstreamConnection) -> Void)?

  init(limits: GatewayLimits, outlet: RequestOutlet, delivery: DeliveryWatch) {
    self.limits = limits
    self.outlet = outlet
    self.delivery = delivery
  }

  var isUsable: Bool { context?.channel.isActive == true && receiver == nil }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    timer = DeadlineTimer(loop: context.eventLoop)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    timer?.stop()
  }

  /// Tells the decoder that a request was sent; it wants to know the method and nothing else.
  private static let announcement = HTTPClientRequestPart.head(
    HTTPRequestHead(version: .http1_1, method: .POST, uri: "/"))

  func send(_ head: HTTPRequestHead, _ body: RewrittenBody, to receiver: any UpstreamReceiver) {
    guard let context else { return receiver.upstreamFailed(.unreachable("the connection closed")) }
    guard let request = WholeMessage.request(head, body.pieces, count: body.count) else {
      release()
      return receiver.upstreamFailed(.unreachable("a header field holds what no header field may"))
    }
    self.receiver = receiver
    keepsAlive = true
    awaitsEnd = false
    failure = nil
    isAnswered = false
    // What a new connection cannot deliver is no matter of when its other end closed it.
    if isReused { delivery.begin() }
    context.write(wrapOutboundOut(Self.announcement), promise: nil)
    outlet.send(request)
    watch(limits.firstByteTimeout)
  }

  /// Waits at most `time` for the idle pool's end of this connection.
  func retire(after time: Duration) {
    timer?.set(time) { [weak self] in self?.close() }
  }

  func close() { context?.close(promise: nil) }

  /// Gives the call up: the receiver hears nothing more.
  func abort() {
    receiver = nil
    close()
  }

  /// The last event of a stream is there: what is not the end, or takes too long to come to it, costs the connection.
  func expectEnd() {
    awaitsEnd = true
    setReading(true)
  }

  /// Gives a connection back that was not used.
  func release() {
    if let context, context.channel.isActive, let whenIdle { whenIdle(self) } else { close() }
  }

  /// Stops and goes on reading, for an agent that takes its answer slowly.
  func setReading(_ isOn: Bool) {
    guard let channel = context?.channel else { return }
    isReading = isOn
    channel.setOption(.autoRead, value: isOn).whenComplete { _ in }
    if isOn { watch(awaitsEnd ? limits.streamEndTimeout : limits.responseIdleTimeout) } else { timer?.clear() }
  }

  private func watch(_ time: Duration) {
    timer?.set(time) { [weak self] in
      self?.failure = .timeout
      self?.close()
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let receiver else {
      // Nobody asked: a provider that talks out of turn is not to be trusted with the next request.
      return context.close(promise: nil)
    }
    switch unwrapInboundIn(data) {
    case .head(let head) where !(200...599).contains(head.status.code):
      // 101 among them: whoever speaks another protocol from here on is not asked again.
      fail(.malformed("its status is \(head.status.code)"))
      context.close(promise: nil)
    case .head(let head):
      isAnswered = true
      keepsAlive = head.isKeepAlive
      hasHeard = true
      receiver.upstreamHead(head)
    case .body where awaitsEnd: abort()
    case .body(let bytes):
      hasHeard = true
      receiver.upstreamBody(bytes)
    case .end:
      self.receiver = nil
      isReused = true
      hasHeard = false
      if !isReading { setReading(true) }
      timer?.clear()
      receiver.upstreamEnd()
      if keepsAlive, context.channel.isActive { whenIdle?(self) } else { context.close(promise: nil) }
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if hasHeard { receiver?.upstreamPause() }
    if hasHeard, receiver != nil, isReading { watch(awaitsEnd ? limits.streamEndTimeout : limits.responseIdleTimeout) }
    hasHeard = false
    context.fireChannelReadComplete()
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.stop()
    fail(failure ?? .broken("the connection closed before the end of the response"))
    whenClosed?(self)
    whenClosed = nil
    whenIdle = nil
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if failure == nil { failure = .broken(String(describing: type(of: error))) }
    context.close(promise: nil)
  }

  private func fail(_ failure: UpstreamFailure) {
    let receiver = receiver
    self.receiver = nil
    if case .broken = failure, isReused, !isAnswered, delivery.isRefuted {
      receiver?.upstreamFailed(.unserved)
    } else {
      receiver?.upstreamFailed(failure)
    }
  }
}
