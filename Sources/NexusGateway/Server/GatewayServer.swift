// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

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
  private let pools: [ObjectIdentifier: NIOLoopBound<UpstreamPool>]
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
    do {
      var pools: [ObjectIdentifier: NIOLoopBound<UpstreamPool>] = [:]
      for loop in group.makeIterator() {
        pools[ObjectIdentifier(loop)] = try await loop.submit {
          NIOLoopBound(UpstreamPool(loop: loop, limits: limits, tls: tls), eventLoop: loop)
        }.get()
      }
      let channel = try await bootstrap(group, services, pools).bind(host: configuration.host, port: configuration.port)
        .get()
      return GatewayServer(services: services, group: group, pools: pools, channel: channel)
    } catch {
      try? await group.shutdownGracefully()
      throw GatewayError(
        .cannotListen, "The agent plane cannot listen on \(configuration.host):\(configuration.port): \(error)")
    }
  }

  private init(
    services: GatewayServices, group: MultiThreadedEventLoopGroup,
    pools: [ObjectIdentifier: NIOLoopBound<UpstreamPool>], channel: any Channel
  ) {
    self.services = services
    self.group = group
    self.pools = pools
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
    _ pools: [ObjectIdentifier: NIOLoopBound<UpstreamPool>]
  ) -> ServerBootstrap {
    ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard services.connections.enter(limit: services.limits.connections) else {
            throw ChannelError.connectPending
          }
          channel.closeFuture.whenComplete { _ in services.connections.leave() }
          guard let pool = pools[ObjectIdentifier(channel.eventLoop)]?.value else {
            throw ChannelError.inappropriateOperationForState
          }
          var decoder = NIOHTTPDecoderLimitConfiguration()
          decoder.maxHeaderListSize = services.limits.headerBytes
          decoder.maxHeaderFieldSize = services.limits.headerBytes
          decoder.maxHeaderFieldCount = services.limits.headerFields
          let pipeline = channel.pipeline.syncOperations
          try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: true, withErrorHandling: true, withEncoderConfiguration: .init(),
            withDecoderLimitConfiguration: decoder)
          try pipeline.addHandler(FrontHandler(services: services, pool: pool))
        }
      }
  }

  /// Takes no more connections, waits for calls under way as long as the limits allow, and stops the loops.
  func stop() async {
    try? await channel.close().get()
    let deadline = services.clock.now() + services.limits.shutdownGrace
    while services.exchanges.count > 0, services.clock.now() < deadline {
      try? await services.clock.sleep(until: services.clock.now() + .milliseconds(10))
    }
    for pool in pools.values {
      try? await pool.eventLoop.submit { pool.value.drain() }.get()
    }
    try? await group.shutdownGracefully()
  }
}
