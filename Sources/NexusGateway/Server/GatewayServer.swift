// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NexusCore
internal import NexusKernel

/// The listener of the agent plane with its event loops and their connections to providers.
final class GatewayServer: Sendable {
  private let services: GatewayServices
  private let group: MultiThreadedEventLoopGroup
  private let parts: [ObjectIdentifier: NIOLoopBound<LoopParts>]
  private let heavy: HeavyWork
  private let channel: any Channel

  var boundPort: Int { channel.localAddress?.port ?? 0 }

  /// Binds host and port and serves from then on.
  static func start(_ services: GatewayServices, _ configuration: GatewayConfiguration) async throws(GatewayError)
    -> GatewayServer
  {
    let tls = try tlsContext(configuration)
    let threads = configuration.threads > 0 ? configuration.threads : System.coreCount
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    let limits = configuration.limits
    let heavy = HeavyWork(limits)
    do {
      var parts: [ObjectIdentifier: NIOLoopBound<LoopParts>] = [:]
      for loop in group.makeIterator() {
        parts[ObjectIdentifier(loop)] = try await loop.submit {
          NIOLoopBound(
            LoopParts(upstreams: UpstreamPool(loop: loop, limits: limits, tls: tls), heavy: heavy), eventLoop: loop)
        }.get()
      }
      let channel = try await bootstrap(group, services, parts).bind(host: configuration.host, port: configuration.port)
        .get()
      return GatewayServer(services: services, group: group, parts: parts, heavy: heavy, channel: channel)
    } catch {
      await heavy.stop()
      try? await group.shutdownGracefully()
      if (error as? IOError)?.errnoCode == EADDRINUSE {
        throw GatewayError(
          .cannotListen, "Something else listens on port \(configuration.port).", isTaken: true)
      }
      throw GatewayError(
        .cannotListen, "The agent plane cannot listen on \(configuration.host):\(configuration.port): \(error)")
    }
  }

  private init(
    services: GatewayServices, group: MultiThreadedEventLoopGroup,
    parts: [ObjectIdentifier: NIOLoopBound<LoopParts>], heavy: HeavyWork, channel: any Channel
  ) {
    self.heavy = heavy
    self.services = services
    self.group = group
    self.parts = parts
    self.channel = channel
  }

  private static func tlsContext(_ configuration: GatewayConfiguration) throws(GatewayError) -> NIOSSLContext? {
    guard configuration.providers.contains(where: { $0.baseURL.hasPrefix("https://") }) else { return nil }
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.certificateVerification = .fullVerification
    tls.applicationProtocols = ["http/1.1"]
    if let file = configuration.trustRoots { tls.trustRoots = .file(file) }
    do {
      return try NIOSSLContext(configuration: tls)
    } catch {
      throw GatewayError(.noTrustRoots, "The certificates to check providers with cannot be loaded: \(error)")
    }
  }

  private static func bootstrap(
    _ group: MultiThreadedEventLoopGroup, _ services: GatewayServices,
    _ parts: [ObjectIdentifier: NIOLoopBound<LoopParts>], sandbox: Caller? = nil
  ) -> ServerBootstrap {
    ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      // Who has sent all that it has to send may say so, and still wants its answer.
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let ticket = services.door.enter(channel) else { throw ChannelError.connectPending }
          channel.closeFuture.whenComplete { _ in services.door.leave(ticket) }
          guard let own = parts[ObjectIdentifier(channel.eventLoop)]?.value else {
            throw ChannelError.inappropriateOperationForState
          }
          var decoder = NIOHTTPDecoderLimitConfiguration()
          decoder.maxHeaderListSize = services.limits.headerBytes
          decoder.maxHeaderFieldSize = services.limits.headerBytes
          decoder.maxHeaderFieldCount = services.limits.headerFields
          let pipeline = channel.pipeline.syncOperations
          let watch = WireWatch(headBytes: services.limits.headerBytes + services.limits.headOverheadBytes)
          try pipeline.addHandler(watch)
          try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false, withEncoderConfiguration: .init(),
            withDecoderLimitConfiguration: decoder)
          try pipeline.addHandler(
            FrontHandler(services: services, parts: own, watch: watch, ticket: ticket, sandbox: sandbox))
        }
      }
  }

  /// Serves one more listener, which is somewhere that the node's own network does not reach: in the sandbox of `holder`.
  func serve(listener: Int32, holder: Caller?) async throws -> any Channel {
    try await Self.bootstrap(group, services, parts, sandbox: holder).withBoundSocket(listener).get()
  }

  /// Takes no more connections, waits for calls under way as long as the limits allow, and stops the loops.
  func stop() async {
    try? await channel.close().get()
    let deadline = services.clock.now() + services.limits.shutdownGrace
    while services.exchanges.count > 0, services.clock.now() < deadline {
      try? await services.clock.sleep(until: services.clock.now() + .milliseconds(10))
    }
    for part in parts.values {
      try? await part.eventLoop.submit { part.value.upstreams.drain() }.get()
    }
    try? await group.shutdownGracefully()
    await heavy.stop()
    services.door.settle()
  }
}
