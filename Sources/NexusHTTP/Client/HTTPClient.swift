// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
package import NexusCore

/// An HTTP/1.1 client: one connection for each exchange, over TCP, TLS or a unix socket.
///
/// It follows no redirects, keeps no cookies and retries nothing: all that is the caller's decision.
package struct HTTPClient: Sendable {
  /// The most that `execute` collects where the caller names no limit.
  package static let defaultBodyLimit = 16 << 20

  private let group: any EventLoopGroup
  private let clock: any NexusClock
  private let tls: TLSContexts

  /// A client on the process's shared event loops; `trustRoots` are PEM certificates in the place of the system's,
  /// `additionalTrustRoots` besides them.
  ///
  /// Without `verifiesCertificates` anyone can answer in the server's place: for requests that carry no secret and whose
  /// answer is not believed.
  package init(
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, clock: any NexusClock = SystemClock(),
    trustRoots: [UInt8]? = nil, additionalTrustRoots: [[UInt8]] = [], verifiesCertificates: Bool = true
  ) {
    self.group = group
    self.clock = clock
    tls = TLSContexts(
      trustRoots: trustRoots, additionalTrustRoots: additionalTrustRoots, verifiesCertificates: verifiesCertificates)
  }

  /// Sends the request and collects the whole answer.
  ///
  /// - Throws: `HTTPClientError`, with `tooLarge` if the body outgrows the limit; `CancellationError`.
  package func execute(
    _ request: HTTPRequestMessage, timeout: Duration, bodyLimit: Int = Self.defaultBodyLimit
  ) async throws -> HTTPResponseMessage {
    try await stream(request, timeouts: HTTPTimeouts(connect: timeout, total: timeout)) { start, body in
      HTTPResponseMessage(
        status: start.status, headers: start.headers, body: try await body.collect(upTo: bodyLimit))
    }
  }

  /// Sends the request and hands the answer to `consume` as it comes; no more is read than `consume` asks for.
  ///
  /// The connection ends with `consume`.
  package func stream<Result: Sendable>(
    _ request: HTTPRequestMessage, timeouts: HTTPTimeouts = HTTPTimeouts(),
    _ consume: (HTTPResponseStart, HTTPBodyStream) async throws -> Result
  ) async throws -> Result {
    let started = clock.now()
    let head = try requestHead(request)
    do {
      let channel = try await connect(request, timeouts: timeouts, started: started)
      return try await channel.executeThenClose { inbound, _ in
        // Written without waiting: an early answer must be readable while the request still goes out.
        channel.channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if !request.body.isEmpty {
          channel.channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: request.body))), promise: nil)
        }
        channel.channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        let body = HTTPBodyStream(inbound)
        return try await consume(try await body.readStart(), body)
      }
    } catch {
      let described = HTTPClientError.describing(error, endpoint: request.endpoint)
      // A time limit that passes before anybody reads closes the connection, and its own word is lost.
      if let limit = timeouts.total, clock.now() - started >= limit, (described as? HTTPClientError)?.code == .closed {
        throw HTTPClientError(.timeout, "\(request.endpoint.name) did not answer in time")
      }
      throw described
    }
  }

  private func requestHead(_ request: HTTPRequestMessage) throws(HTTPClientError) -> HTTPRequestHead {
    guard request.target.hasPrefix("/"), request.target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw HTTPClientError(.invalidRequest, "the request's path is not a valid HTTP target")
    }
    var headers = HTTPHeaders()
    if request.headers["host"] == nil { headers.add(name: "host", value: request.endpoint.authority) }
    for field in request.headers { headers.add(name: field.name, value: field.value) }
    headers.replaceOrAdd(name: "connection", value: "close")
    headers.remove(name: "transfer-encoding")
    headers.remove(name: "content-length")
    if !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method) {
      headers.add(name: "content-length", value: String(request.body.count))
    }
    return HTTPRequestHead(
      version: .http1_1, method: HTTPMethod(rawValue: request.method), uri: request.target, headers: headers)
  }

  private func connect(_ request: HTTPRequestMessage, timeouts: HTTPTimeouts, started: Instant) async throws
    -> ClientChannel
  {
    var context: NIOSSLContext?
    if case .tls = request.endpoint { context = try tls.context() }
    let limit = timeouts.total.map { min($0, timeouts.connect) } ?? timeouts.connect
    let left = timeouts.total.map { $0 - (clock.now() - started) }
    let setup = ConnectionSetup(endpoint: request.endpoint, tls: context, total: left, idle: timeouts.idle)
    let bootstrap = ClientBootstrap(group: group)
      .connectTimeout(.nanoseconds(limit.wholeNanoseconds))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    switch request.endpoint {
    case .tcp(let host, let port), .tls(let host, let port):
      guard let pinned = request.pinned ?? IPAddress(host) else {
        return try await bootstrap.connect(host: host, port: port, channelInitializer: setup.configure)
      }
      let address = try SocketAddress(ipAddress: pinned.description, port: port)
      return try await bootstrap.connect(to: address, channelInitializer: setup.configure)
    case .unix(let path):
      return try await UnixSocketPath.withShortPath(path) { short in
        try await ClientBootstrap(group: group).connectTimeout(.nanoseconds(limit.wholeNanoseconds))
          .connect(unixDomainSocketPath: short, channelInitializer: setup.configure)
      }
    }
  }
}

extension HTTPEndpoint {
  /// What the `Host` field says.
  var authority: String {
    switch self {
    case .tcp(let host, let port): HTTPURL(isSecure: false, host: host, port: port, target: "/").authority
    case .tls(let host, let port): HTTPURL(isSecure: true, host: host, port: port, target: "/").authority
    case .unix: "localhost"
    }
  }
}
