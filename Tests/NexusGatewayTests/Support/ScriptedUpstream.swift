// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Dispatch
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NexusCore
import Synchronization

/// A provider that does what a test says, over real sockets, and remembers what it was asked.
final class ScriptedUpstream: Sendable {
  struct Request: Sendable {
    let uri: String
    let headers: HTTPHeaders
    let body: String
  }

  /// What to do with one request.
  enum Act: Sendable {
    case answer(status: Int, fields: [(String, String)], body: String)
    /// Sent piece by piece with chunked framing, each flushed on its own.
    case pieces(type: String, [String])
    /// Sends these pieces of a chunked stream, then closes the connection.
    case cut(type: String, [String])
    /// Sends pieces, waits for the signal, sends the rest.
    case first(type: String, [String], then: Signal, [String])
    /// These bytes as they are, whatever they mean.
    case raw(String)
    /// Closes without a word.
    case close
    /// Tears the connection down, as a system does whose program is gone.
    case reset
    /// Waits for the signal, then does the act.
    indirect case after(Signal, Act)
  }

  private struct State {
    var requests: [Request] = []
    var connections = 0
    var closed = 0
    var channels: [any Channel] = []
    var waiters: [(isDone: @Sendable (State) -> Bool, CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())
  private let script: @Sendable (Int, Request) -> Act
  private let channel: Mutex<(any Channel)?> = Mutex(nil)

  /// `script` gets the number of the request, from 0.
  init(_ script: @escaping @Sendable (Int, Request) -> Act) { self.script = script }

  /// Without `accepting`, who connects waits until `accept`, and more than a few do not even get that far.
  func start(accepting: Bool = true, port: Int = 0, tls: NIOSSLContext? = nil) async throws {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: Int32(accepting ? 256 : 1))
      .serverChannelOption(.autoRead, value: accepting)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false)
          try channel.pipeline.syncOperations.addHandler(Connection(upstream: self))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    self.channel.withLock { $0 = channel }
  }

  func accept() async throws { try await channel.withLock { $0 }?.setOption(.autoRead, value: true).get() }

  /// Closes all connections, and returns when the system has done so; blocks the thread.
  func hangUp() {
    let channels = state.withLock { $0.channels }
    let done = DispatchSemaphore(value: 0)
    for channel in channels { channel.close().whenComplete { _ in done.signal() } }
    for _ in channels { done.wait() }
  }

  func stop() async { try? await channel.withLock { $0 }?.close().get() }

  var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }
  var baseURL: String { "http://127.0.0.1:\(port)" }
  var requests: [Request] { state.withLock { $0.requests } }

  /// How many connections there were.
  var connections: Int { state.withLock { $0.connections } }

  /// Returns once `count` requests have come.
  func received(_ count: Int) async { await wait { $0.requests.count >= count } }

  /// Returns once `count` connections have been made.
  func connected(_ count: Int) async { await wait { $0.connections >= count } }

  /// Returns once `count` connections have been closed.
  func closed(_ count: Int) async { await wait { $0.closed >= count } }

  private func wait(_ isDone: @escaping @Sendable (State) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isDone = state.withLock { state in
        if isDone(state) { return true }
        state.waiters.append((isDone, continuation))
        return false
      }
      if isDone { continuation.resume() }
    }
  }

  private func change<Value>(_ body: (inout State) -> Value) -> Value {
    let (value, ready) = state.withLock { state in
      let value = body(&state)
      let now = state
      let ready = state.waiters.filter { $0.isDone(now) }
      state.waiters.removeAll { $0.isDone(now) }
      return (value, ready)
    }
    for waiter in ready { waiter.1.resume() }
    return value
  }

  private func take(_ request: Request) -> Act {
    let number = change { state in
      state.requests.append(request)
      return state.requests.count - 1
    }
    return script(number, request)
  }

  private final class Connection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let upstream: ScriptedUpstream
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(upstream: ScriptedUpstream) { self.upstream = upstream }

    func channelActive(context: ChannelHandlerContext) {
      let channel = context.channel
      upstream.change {
        $0.connections += 1
        $0.channels.append(channel)
      }
    }
    func channelInactive(context: ChannelHandlerContext) { upstream.change { $0.closed += 1 } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        self.head = head
        body.clear()
      case .body(let bytes): body.writeImmutableBuffer(bytes)
      case .end:
        guard let head else { return }
        perform(
          upstream.take(Request(uri: head.uri, headers: head.headers, body: String(buffer: body))), context)
      }
    }

    private func perform(_ act: Act, _ context: ChannelHandlerContext) {
      switch act {
      case .answer(let status, let fields, let text):
        var headers = HTTPHeaders(fields)
        headers.add(name: "content-length", value: String(text.utf8.count))
        write(.head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)), context)
        write(.body(.byteBuffer(ByteBuffer(string: text))), context)
        write(.end(nil), context)
      case .pieces(let type, let pieces):
        stream(type, pieces, context)
        write(.end(nil), context)
      case .cut(let type, let pieces):
        stream(type, pieces, context)
        context.close(promise: nil)
      case .raw(let text):
        let encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
        encoder?.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
      case .close: context.close(promise: nil)
      case .reset:
        // What lingers for no time at all is reset.
        (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
          .assumeIsolated().whenComplete { _ in context.close(promise: nil) }
      case .first(let type, let pieces, let signal, let rest):
        stream(type, pieces, context)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        Task {
          await signal.wait()
          loop.execute {
            let (connection, context) = bound.value
            for piece in rest { connection.write(.body(.byteBuffer(ByteBuffer(string: piece))), context) }
            connection.write(.end(nil), context)
          }
        }
      case .after(let signal, let act):
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        Task {
          await signal.wait()
          loop.execute { bound.value.0.perform(act, bound.value.1) }
        }
      }
    }

    private func stream(_ type: String, _ pieces: [String], _ context: ChannelHandlerContext) {
      let headers = HTTPHeaders([("content-type", type), ("transfer-encoding", "chunked")])
      write(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)), context)
      for piece in pieces { write(.body(.byteBuffer(ByteBuffer(string: piece))), context) }
    }

    private func write(_ part: HTTPServerResponsePart, _ context: ChannelHandlerContext) {
      context.writeAndFlush(wrapOutboundOut(part), promise: nil)
    }
  }
}

/// Something that happens once and may be waited for.
final class Signal: Sendable {
  private let state = Mutex<(isSet: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

  func set() {
    let waiters = state.withLock { state in
      state.isSet = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isSet = state.withLock { state in
        if !state.isSet { state.waiters.append(continuation) }
        return state.isSet
      }
      if isSet { continuation.resume() }
    }
  }
}
