// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import NexusCore

typealias ClientChannel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

/// Builds the pipeline of one connection: TLS, HTTP, deadlines, and the bridge to async code.
struct ConnectionSetup: Sendable {
  let endpoint: HTTPEndpoint
  let tls: NIOSSLContext?
  let total: Duration?
  let idle: Duration?

  func configure(_ channel: any Channel) -> EventLoopFuture<ClientChannel> {
    channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      if let tls, case .tls(let host, _) = endpoint {
        // An address has no server name; its certificate is checked against the address itself.
        let name = IPAddress(host) == nil ? host : nil
        try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
      }
      try pipeline.addHTTPClientHandlers()
      try pipeline.addHandler(DeadlineHandler(total: total, idle: idle))
      return try ClientChannel(
        wrappingChannelSynchronously: channel,
        configuration: .init(backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8)))
    }
  }
}

/// Ends an exchange that takes too long.
///
/// The idle time runs only while a read is wanted, so a slow consumer is never mistaken for a silent peer.
private final class DeadlineHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias InboundOut = HTTPClientResponsePart
  typealias OutboundIn = HTTPClientRequestPart
  typealias OutboundOut = HTTPClientRequestPart

  private let total: Duration?
  private let idle: Duration?
  private var totalTimer: Scheduled<Void>?
  private var idleTimer: Scheduled<Void>?

  init(total: Duration?, idle: Duration?) {
    self.total = total
    self.idle = idle
  }

  func handlerAdded(context: ChannelHandlerContext) {
    guard let total else { return }
    totalTimer = schedule(total, "no complete answer within the time limit", context)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    totalTimer?.cancel()
    idleTimer?.cancel()
  }

  func read(context: ChannelHandlerContext) {
    if let idle, idleTimer == nil {
      idleTimer = schedule(idle, "the peer sent nothing for \(idle)", context)
    }
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    idleTimer?.cancel()
    idleTimer = nil
    context.fireChannelRead(data)
  }

  private func schedule(_ time: Duration, _ message: String, _ context: ChannelHandlerContext) -> Scheduled<Void> {
    context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(max(0, time.wholeNanoseconds))) {
      context.fireErrorCaught(HTTPClientError(.timeout, message))
      context.close(promise: nil)
    }
  }
}
