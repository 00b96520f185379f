// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOCore
import NIOPosix
import NexusCore
import Synchronization

/// An agent's connection, byte for byte: it sends what it is given and keeps all that comes back.
final class AgentClient: Sendable {
  fileprivate struct State {
    var received = ByteBuffer()
    var isClosed = false
    var waiters: [(condition: @Sendable (String, Bool) -> Bool, CheckedContinuation<Void, Never>)] = []
  }

  private let channel: any Channel
  private let state: Box

  fileprivate final class Box: Sendable {
    fileprivate let mutex = Mutex(State())

    fileprivate func change(_ body: (inout State) -> Void) {
      let ready = mutex.withLock { state in
        body(&state)
        let text = String(buffer: state.received)
        let isClosed = state.isClosed
        let ready = state.waiters.filter { $0.condition(text, isClosed) || isClosed }
        state.waiters.removeAll { $0.condition(text, isClosed) || isClosed }
        return ready
      }
      for waiter in ready { waiter.1.resume() }
    }
  }

  static func connect(_ port: Int) async throws -> AgentClient {
    let box = Box()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Reader(box: box)) }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return AgentClient(channel: channel, state: box)
  }

  private init(channel: any Channel, state: Box) {
    self.channel = channel
    self.state = state
  }

  private final class Reader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let box: Box
    init(box: Box) { self.box = box }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      box.change { $0.received.writeImmutableBuffer(bytes) }
    }
    func channelInactive(context: ChannelHandlerContext) { box.change { $0.isClosed = true } }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }

  func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }
  func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }
  /// Says that nothing more will be sent, and goes on listening.
  func closeOutput() async throws { try await channel.close(mode: .output).get() }
  func close() async { try? await channel.close().get() }

  var isClosed: Bool { state.mutex.withLock { $0.isClosed } }

  var received: String { state.mutex.withLock { String(buffer: $0.received) } }

  /// Returns once the condition holds of all that came so far, or the connection is closed.
  func wait(_ condition: @escaping @Sendable (String, Bool) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isDone = state.mutex.withLock { state in
        if state.isClosed || condition(String(buffer: state.received), state.isClosed) { return true }
        state.waiters.append((condition, continuation))
        return false
      }
      if isDone { continuation.resume() }
    }
  }

  /// All that comes until the other side closes.
  func untilClosed() async -> String {
    await wait { _, isClosed in isClosed }
    return received
  }
}

/// A response taken apart.
struct Reply: Sendable, Equatable {
  var status: Int
  var fields: [String: String]
  var body: String

  /// Parses one whole response, framed by its length, by chunks or by the end of the connection.
  init?(_ text: String) {
    guard let (reply, _) = Self.first(in: text) else { return nil }
    self = reply
  }

  static func first(in text: String) -> (Reply, rest: String)? {
    guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
    let lines = text[..<end.lowerBound].split(separator: "\r\n")
    guard let line = lines.first?.split(separator: " "), line.count > 1, let status = Int(line[1]) else { return nil }
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      fields[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
    }
    let rest = text[end.upperBound...]
    guard fields["transfer-encoding"] == "chunked" else {
      let length = Int(fields["content-length"] ?? "0") ?? 0
      guard rest.utf8.count >= length else { return nil }
      let bytes = Array(rest.utf8)
      return (
        Reply(status: status, fields: fields, body: String(decoding: bytes[..<length], as: UTF8.self)),
        String(decoding: bytes[length...], as: UTF8.self)
      )
    }
    var bytes = Array(rest.utf8)[...]
    var body: [UInt8] = []
    while true {
      guard let line = bytes.firstIndex(of: 13), bytes.endIndex > line + 1 else { return nil }
      guard let size = Int(String(decoding: bytes[..<line], as: UTF8.self), radix: 16) else { return nil }
      bytes = bytes[(line + 2)...]
      guard bytes.count >= size + 2 else { return nil }
      body += bytes.prefix(size)
      bytes = bytes.dropFirst(size + 2)
      if size == 0 { break }
    }
    return (
      Reply(status: status, fields: fields, body: String(decoding: body, as: UTF8.self)),
      String(decoding: bytes, as: UTF8.self)
    )
  }

  private init(status: Int, fields: [String: String], body: String) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  var json: JSONValue? { try? JSONValue(parsing: body) }
}
