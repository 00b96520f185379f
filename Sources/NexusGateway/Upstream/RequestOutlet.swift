// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1

/// Where requests leave a connection to a provider: below the decoder of responses, which has to see that one was sent.
final class RequestOutlet: ChannelOutboundHandler {
  typealias OutboundIn = HTTPClientRequestPart
  typealias OutboundOut = ByteBuffer

  private var context: ChannelHandlerContext?

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// Only the decoder was to see it.
  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) { promise?.succeed() }

  /// Sends a whole request.
  func send(_ request: WholeMessage) {
    guard let context else { return }
    context.write(wrapOutboundOut(request.bytes), promise: nil)
    for part in request.rest { context.write(wrapOutboundOut(part), promise: nil) }
    context.flush()
  }
}
