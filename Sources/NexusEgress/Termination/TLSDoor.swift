// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore

/// The lowest part of an agent's side of a flow whose TLS ends at the gate.
///
/// It lets TLS begin once the greeting names the granted host, and counts what goes over the wire, so that nothing that
/// TLS itself says is free.
final class TLSDoor: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var flow: Flow?
  private var context: ChannelHandlerContext?
  private var greeting: Greeting
  /// It has greeted as it has to.
  private(set) var isGreeted = false
  private var isRefused = false

  init(_ grant: HostGrant, of flow: Flow) {
    self.flow = flow
    greeting = Greeting(helloTo: grant)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    flow = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    guard let flow, !isRefused, flow.carry(sent: buffer.readableBytes) else { return }
    if isGreeted { return context.fireChannelRead(data) }
    switch greeting.take(Array(buffer.readableBytesView)) {
    case .more: break
    case .pass(let bytes, _, _):
      isGreeted = true
      context.fireChannelRead(wrapInboundOut(ByteBuffer(bytes: bytes)))
    case .refuse(let refusal, _, _, _):
      isRefused = true
      flow.refuse(refusal)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if isGreeted { context.fireChannelReadComplete() } else { context.read() }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    _ = flow?.carry(received: unwrapOutboundIn(data).readableBytes)
    context.write(data, promise: promise)
  }

  // MARK: Below TLS

  /// Says something that is not encrypted, and nothing after it.
  func sayLast(_ bytes: [UInt8]) {
    guard let context else { return }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    context.close(mode: .output, promise: nil)
    context.read()
  }

  /// Closes the connection without waiting for anybody to say goodbye.
  func close() { context?.close(promise: nil) }
}

/// The lowest part of the host's side of such a flow.
final class WireEnd: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var context: ChannelHandlerContext?

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// Closes the connection without waiting for anybody to say goodbye.
  func close() { context?.close(promise: nil) }
}
