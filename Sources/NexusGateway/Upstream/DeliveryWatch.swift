// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore

/// Knows of a request on a kept connection whether any of it has come to the other end.
///
/// A provider may close a kept connection at the very moment in which a request is sent on it. Whether it took the request
/// before cannot be told from the end of the connection, but TCP knows: what a system has received it acknowledges, and
/// the end that it sent says how far it had got. If at that end not one byte of the request was acknowledged, the
/// provider's system had none of it when the provider closed, and so no program there has seen it.
///
/// It stands next to the socket, below TLS, counts what is sent, and looks while the socket is still open. Where the system
/// does not say, as on systems other than Linux, every request counts as delivered.
final class DeliveryWatch: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Linux's `struct tcp_info`: the bytes acknowledged are its sixteenth word (RFC 4898 tcpEStatsAppHCThruOctetsAcked).
  private typealias Info = InlineArray<32, UInt64>
  private static let acknowledgedWord = 15
  /// `TCP_INFO`.
  private static let infoOption: CInt = 11

  private let isSecure: Bool
  private var context: ChannelHandlerContext?
  /// The bytes that were sent.
  private var sent: UInt64 = 0
  /// What the system counts beyond them once all is acknowledged: the beginning of the connection.
  ///
  /// It is asked once; had it not known of all then, later requests would count as delivered.
  private var surplus: UInt64?
  /// What is acknowledged before anything of the request is.
  private var before: UInt64?
  /// What was when the connection ended.
  private var after: UInt64?

  init(isSecure: Bool) { self.isSecure = isSecure }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// A request is about to be sent.
  func begin() {
    if surplus == nil { surplus = acknowledged().map { $0 &- sent } }
    before = surplus.map { sent &+ $0 }
    after = nil
  }

  /// It is known that nothing of the request came to the other end.
  var isRefuted: Bool {
    // A system that does not count answers zero; a kept connection has carried a request already.
    guard let before, let after, before > 0 else { return false }
    return before == after
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    sent &+= UInt64(unwrapOutboundIn(data).readableBytes)
    context.write(data, promise: promise)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Under TLS a connection ends by a message, before its socket does; it may be this one.
    if isSecure { note() }
    context.fireChannelRead(data)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed? = event as? ChannelEvent { note() }
    context.fireUserInboundEventTriggered(event)
  }

  // A reset says nothing: Linux does not count what it acknowledges, and a program may have read the request.

  /// The last look counts: the number only grows, so a later one can only make the request count as delivered.
  private func note() {
    if before != nil { after = acknowledged() }
  }

  private func acknowledged() -> UInt64? {
    #if os(Linux)
      guard let channel = context?.channel as? any SocketOptionProvider else { return nil }
      var acknowledged: UInt64?
      let info: EventLoopFuture<Info> = channel.unsafeGetSocketOption(
        level: .tcp, name: NIOBSDSocket.Option(rawValue: Self.infoOption))
      // On its own event loop the answer is there at once.
      info.assumeIsolated().whenSuccess { acknowledged = $0[Self.acknowledgedWord] }
      return acknowledged
    #else
      return nil
    #endif
  }
}
