// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// The kept connections of one event loop to all providers.
///
/// It lives on that loop, so a call never leaves the thread that its agent's connection is on.
final class UpstreamPool {
  private let loop: any EventLoop
  private let limits: GatewayLimits
  private let tls: NIOSSLContext?
  /// The last used is the first taken, so that what is not needed falls idle.
  private var idle: [Origin: [UpstreamConnection]] = [:]

  init(loop: any EventLoop, limits: GatewayLimits, tls: NIOSSLContext?) {
    self.loop = loop
    self.limits = limits
    self.tls = tls
  }

  /// Calls `ready` with a connection to the origin, at once if one is kept.
  ///
  /// `isNew` asks for one that has carried nothing yet.
  func connect(
    to origin: Origin, isNew: Bool = false, ready: @escaping (Result<UpstreamConnection, UpstreamFailure>) -> Void
  ) {
    while !isNew, let connection = idle[origin]?.popLast() {
      if connection.isUsable { return ready(.success(connection)) }
    }
    if origin.isSecure, tls == nil { return ready(.failure(.unreachable("TLS is not set up"))) }
    let opening = bootstrap(origin).connect(host: origin.host, port: origin.port)
    opening.assumeIsolated().whenComplete { result in
      switch result {
      case .success(let channel): self.greet(channel, origin, ready)
      case .failure(let error): ready(.failure(.unreachable(Self.words(for: error))))
      }
    }
  }

  /// Hands a new connection out, under TLS when it is secure.
  private func greet(
    _ channel: any Channel, _ origin: Origin, _ ready: @escaping (Result<UpstreamConnection, UpstreamFailure>) -> Void
  ) {
    do {
      let pipeline = channel.pipeline.syncOperations
      let connection = try pipeline.handler(type: UpstreamConnection.self)
      guard origin.isSecure else {
        adopt(connection, origin)
        return ready(.success(connection))
      }
      try pipeline.handler(type: TLSGreeting.self).finish(on: channel, within: TimeAmount(limits.connectTimeout)) {
        switch $0 {
        case .success:
          self.adopt(connection, origin)
          ready(.success(connection))
        case .failure(let error): ready(.failure(.unreachable(Self.words(for: error))))
        }
      }
    } catch {
      ready(.failure(.unreachable("the connection closed at once")))
    }
  }

  private func bootstrap(_ origin: Origin) -> ClientBootstrap {
    let limits = limits
    let tls = origin.isSecure ? tls : nil
    let host = origin.host
    let timeout = limits.connectTimeout
    return ClientBootstrap(group: loop)
      .connectTimeout(TimeAmount(timeout))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      // So that the end of a connection can be looked at before its socket is gone.
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          let delivery = DeliveryWatch(isSecure: tls != nil)
          try pipeline.addHandler(delivery)
          if let tls {
            try pipeline.addHandlers([try Self.tlsHandler(tls, host: host), TLSGreeting()])
          }
          let outlet = RequestOutlet()
          try pipeline.addHandlers([
            outlet, ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)),
            UpstreamConnection(limits: limits, outlet: outlet, delivery: delivery),
          ])
        }
      }
  }

  private static func tlsHandler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
    do {
      return try NIOSSLClientHandler(context: context, serverHostname: host)
    } catch let error as NIOSSLExtraError where error == .cannotUseIPAddressInSNI {
      return try NIOSSLClientHandler(context: context, serverHostname: nil)
    }
  }

  private func adopt(_ connection: UpstreamConnection, _ origin: Origin) {
    connection.whenIdle = { [weak self] connection in self?.keep(connection, origin) }
    connection.whenClosed = { [weak self] connection in self?.idle[origin]?.removeAll { $0 === connection } }
  }

  private func keep(_ connection: UpstreamConnection, _ origin: Origin) {
    guard idle[origin, default: []].count < limits.idleUpstreamConnections else { return connection.close() }
    idle[origin, default: []].append(connection)
    connection.retire(after: limits.idleUpstreamTimeout)
  }

  /// Closes what is kept; calls under way go on.
  func drain() {
    for connection in idle.values.flatMap(\.self) { connection.close() }
    idle = [:]
  }

  private static func words(for error: any Error) -> String {
    if let words = TLSGreeting.words(for: error) { return words }
    return switch error {
    case let error as IOError: unsafe String(cString: strerror(error.errnoCode)).lowercased()
    case let error as NIOConnectionError:
      error.connectionErrors.first.map { words(for: $0.error) } ?? "the name \(error.host) has no address"
    case is ChannelError: "no connection within the time limit"
    default: "\(error)"
    }
  }
}
