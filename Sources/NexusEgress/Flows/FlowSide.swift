// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOTLS

/// One of the two connections of a flow: the agent's, or that to the host.
final class FlowSide: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  enum Place { case front, back }

  private let place: Place
  private let flow: Flow

  init(_ place: Place, of flow: Flow) {
    self.place = place
    self.flow = flow
  }

  func channelActive(context: ChannelHandlerContext) {
    if place == .front { flow.begin() }
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { flow.read(unwrapInboundIn(data), at: place) }

  func channelReadComplete(context: ChannelHandlerContext) { flow.readComplete(at: place) }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { flow.becameWritable(place) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed? = event as? ChannelEvent { flow.inputEnded(at: place) }
    if case .handshakeCompleted? = event as? TLSUserEvent { flow.secured(place) }
  }

  func channelInactive(context: ChannelHandlerContext) { flow.isGone(place) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { flow.failed(error, at: place) }
}
