// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1

/// Lets a request that names a machine in its first line (`GET http://evil/…`) count as one for that machine.
///
/// What comes behind this handler sees the path alone, and would take such a request by its Host header.
final class NamedTargets: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(var head) = unwrapInboundIn(data), let machine = RequestOrigin.foreignMachine(in: head.uri) else {
      return context.fireChannelRead(data)
    }
    head.headers.replaceOrAdd(name: "host", value: machine)
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }

  /// Puts it right behind the decoder of a connection that has been set up.
  static func add(to channel: any Channel) throws {
    let pipeline = channel.pipeline.syncOperations
    let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
    try pipeline.addHandler(NamedTargets(), position: .after(decoder))
  }
}
