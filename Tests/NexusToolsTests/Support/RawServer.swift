// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOCore
import NIOPosix
import NIOSSL
import NexusCore
import NexusHTTP
import Synchronization

/// What a raw server was sent.
struct RawRequest: Sendable {
  let method: String
  let target: String
  let headers: [String: String]
  let body: [UInt8]
  /// From 0, over all connections.
  let number: Int

  var text: String { String(decoding: body, as: UTF8.self) }
  var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
}

/// What it does with a request: sends these bytes, and then closes the connection or keeps it open.
struct RawReply: Sendable {
  var pieces: [[UInt8]] = []
  var closes = false

  static let silence = RawReply()

  static func bytes(_ text: String, closes: Bool = false) -> RawReply {
    RawReply(pieces: [Array(text.utf8)], closes: closes)
  }

  static func pieces(_ texts: [String], closes: Bool = false) -> RawReply {
    RawReply(pieces: texts.map { Array($0.utf8) }, closes: closes)
  }

  static func body(
    _ body: [UInt8], status: Int = 200, headers: [(String, String)] = [("content-type", "application/json")]
  ) -> RawReply {
    var head = "HTTP/1.1 \(status) Status\r\ncontent-length: \(body.count)\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    return RawReply(pieces: [Array(head.utf8) + [0x0D, 0x0A] + body])
  }

  static func json(_ value: JSONValue, status: Int = 200, headers: [(String, String)] = []) -> RawReply {
    .body(value.encoded(), status: status, headers: [("content-type", "application/json")] + headers)
  }
}

/// A server that sends exactly the bytes that a test wants.
final class RawServer: Sendable {
  let port: Int
  private let channel: any Channel
  private let recorded: Recorded

  final class Recorded: Sendable {
    let requests = Mutex<[RawRequest]>([])
  }

  var requests: [RawRequest] { recorded.requests.withLock { $0 } }
  var url: String { "http://127.0.0.1:\(port)" }

  private init(channel: any Channel, recorded: Recorded) {
    self.channel = channel
    self.recorded = recorded
    port = channel.localAddress?.port ?? 0
  }

  /// Serves on a free port, or at a unix socket, for as long as `body` runs.
  static func serving<Result>(
    unix path: String? = nil, tls: NIOSSLContext? = nil, _ respond: @escaping @Sendable (RawRequest) async -> RawReply,
    _ body: (RawServer) async throws -> Result
  ) async throws -> Result {
    let recorded = Recorded()
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
          try channel.pipeline.syncOperations.addHandler(RawConnection(recorded: recorded, respond: respond))
        }
      }
    guard let path else {
      return try await run(try await bootstrap.bind(host: "127.0.0.1", port: 0).get(), recorded, body)
    }
    // The short path must be good until the end: closing the channel removes the socket by it.
    return try await UnixSocketPath.withShortPath(path) { short in
      try await run(try await bootstrap.bind(unixDomainSocketPath: short).get(), recorded, body)
    }
  }

  private static func run<Result>(
    _ channel: any Channel, _ recorded: Recorded, _ body: (RawServer) async throws -> Result
  ) async throws -> Result {
    let server = RawServer(channel: channel, recorded: recorded)
    do {
      let result = try await body(server)
      try await channel.close()
      return result
    } catch {
      try? await channel.close()
      throw error
    }
  }
}

private final class RawConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let recorded: RawServer.Recorded
  private let respond: @Sendable (RawRequest) async -> RawReply
  private var bytes: [UInt8] = []

  init(recorded: RawServer.Recorded, respond: @escaping @Sendable (RawRequest) async -> RawReply) {
    self.recorded = recorded
    self.respond = respond
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    bytes += Array(unwrapInboundIn(data).readableBytesView)
    guard let request = takeRequest() else { return }
    let channel = context.channel
    let respond = respond
    let answered = channel.eventLoop.makeFutureWithTask { await respond(request) }
    answered.whenSuccess { reply in
      for piece in reply.pieces { channel.writeAndFlush(ByteBuffer(bytes: piece), promise: nil) }
      if reply.closes { channel.close(promise: nil) }
    }
  }

  private func takeRequest() -> RawRequest? {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
    let lines = text[..<end.lowerBound].split(separator: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
    }
    let start = text[..<end.upperBound].utf8.count
    let length = Int(headers["content-length"] ?? "") ?? 0
    guard bytes.count >= start + length else { return nil }
    let words = lines[0].split(separator: " ")
    let body = Array(bytes[start..<(start + length)])
    bytes.removeFirst(start + length)
    return recorded.requests.withLock { requests in
      let request = RawRequest(
        method: String(words[0]), target: String(words[1]), headers: headers, body: body, number: requests.count)
      requests.append(request)
      return request
    }
  }
}
