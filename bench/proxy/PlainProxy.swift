// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// A proxy that parses HTTP and passes it on, and does nothing else: what a gateway on SwiftNIO costs at least.
///
/// ```
/// naos-bench-proxy PORT UPSTREAM_PORT
/// ```
@main
struct PlainProxy {
  static func main() async throws {
    let ports = CommandLine.arguments.dropFirst().compactMap { Int($0) }
    guard ports.count == 2 else {
      print("usage: naos-bench-proxy PORT UPSTREAM_PORT")
      return
    }
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount))
      .serverChannelOption(.backlog, value: 512)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { client in
        client.eventLoop.makeCompletedFuture {
          let pipeline = client.pipeline.syncOperations
          try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: false)
          try pipeline.addHandler(RequestPasser(upstreamPort: ports[1]))
        }
      }
      .bind(host: "127.0.0.1", port: ports[0]).get()
    try await server.closeFuture.get()
  }
}

/// Opens a connection to the upstream for each of a client's, and passes requests on.
private final class RequestPasser: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let upstreamPort: Int
  private var upstream: (any Channel)?
  /// What came before the upstream was there.
  private var waiting: [HTTPClientRequestPart] = []

  init(upstreamPort: Int) { self.upstreamPort = upstreamPort }

  func channelActive(context: ChannelHandlerContext) {
    let client = context.channel
    ClientBootstrap(group: context.eventLoop)
      .channelInitializer { upstream in
        upstream.eventLoop.makeCompletedFuture {
          try upstream.pipeline.syncOperations.addHTTPClientHandlers()
          try upstream.pipeline.syncOperations.addHandler(AnswerPasser(client: client))
        }
      }
      .connect(host: "127.0.0.1", port: upstreamPort)
      .assumeIsolated()
      .whenComplete { result in
        guard case .success(let upstream) = result else { return client.close(promise: nil) }
        self.upstream = upstream
        for part in self.waiting { upstream.write(part, promise: nil) }
        self.waiting = []
        upstream.flush()
      }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part: HTTPClientRequestPart =
      switch unwrapInboundIn(data) {
      case .head(let head): .head(head)
      case .body(let bytes): .body(.byteBuffer(bytes))
      case .end(let trailers): .end(trailers)
      }
    if let upstream { upstream.write(part, promise: nil) } else { waiting.append(part) }
  }

  func channelReadComplete(context: ChannelHandlerContext) { upstream?.flush() }

  func channelInactive(context: ChannelHandlerContext) { upstream?.close(promise: nil) }
}

/// Passes answers back to the client.
private final class AnswerPasser: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let client: any Channel

  init(client: any Channel) { self.client = client }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part: HTTPServerResponsePart =
      switch unwrapInboundIn(data) {
      case .head(let head): .head(head)
      case .body(let bytes): .body(.byteBuffer(bytes))
      case .end(let trailers): .end(trailers)
      }
    client.write(part, promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) { client.flush() }

  func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }
}
