// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore
internal import NexusKernel

/// Decides what a request of an agent is, and whether it may be made at all.
///
/// What is not listed here does not exist: an endpoint that nothing meters would be a way round the budget.
struct Router {
  let services: GatewayServices
  let parts: LoopParts
  let loop: any EventLoop

  func route(
    _ head: HTTPRequestHead, _ body: ByteBuffer, _ session: AttemptSession, _ response: FrontResponse
  ) {
    // Once more: the attempt may have ended while the body came.
    guard isOpen(session) else {
      return response.fail(Self.invalidKey, ErrorForm.of(head))
    }
    let path = Substring(head.uri.utf8.prefix { $0 != UInt8(ascii: "?") })
    if head.method == .POST, let (api, said) = ModelRoutes.find(path, head.uri) {
      return call(api, said, head, body, session, response)
    }
    if path.hasPrefix("/agent/v1/") {
      return AgentRoutes(services: services, heavy: parts.heavy, loop: loop).route(head, body, session, response)
    }
    let form = ErrorForm.of(head)
    if head.method == .GET, let list = services.models(at: path, form) { return response.send(status: 200, json: list) }
    if head.method == .GET, path == "/v1/responses", head.headers.contains(name: "upgrade") {
      // Clients that try this first go on over HTTP at once when they are told so, and only then.
      return response.fail(
        GatewayError(.httpOnly, "Responses are served over HTTP, streamed as events; not over WebSocket."), form)
    }
    response.fail(
      GatewayError(
        .unknownEndpoint,
        "There is no endpoint \(head.method.rawValue) \(path.prefix(200)) here: what nothing meters is not open."), form
    )
  }

  /// The attempt that asks, told by the head alone, so that a stranger's body need not be read.
  static func asker(of head: HTTPRequestHead, _ services: GatewayServices) throws(GatewayError) -> AttemptSession {
    guard HostCheck.allows(head.headers), HostCheck.allows(target: head.uri) else {
      throw GatewayError(.foreignHost, "The agent plane answers to this machine's own names only.")
    }
    guard let session = session(for: head, services) else { throw invalidKey }
    return session
  }

  private static let invalidKey = GatewayError(
    .invalidKey, "The key is not valid here. Keys are given to each attempt in NAOS_TOKEN and end with it.")

  /// The attempt whose key the request carries.
  private static func session(for head: HTTPRequestHead, _ services: GatewayServices) -> AttemptSession? {
    if let field = head.headers.first(name: "authorization") {
      let parts = field.utf8.split(separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: true)
      if parts.count == 2, Substring(parts[0]).lowercased() == "bearer",
        let session = services.keys.session(for: String(Substring(parts[1])))
      {
        return session
      }
    }
    for name in ["x-api-key", "x-goog-api-key", "api-key"] {
      if let key = head.headers.first(name: name), let session = services.keys.session(for: key) { return session }
    }
    return ModelRoutes.query(head.uri, "key").flatMap { services.keys.session(for: $0) }
  }

  private func call(
    _ api: ModelAPI, _ path: RequestPath, _ head: HTTPRequestHead, _ body: ByteBuffer, _ session: AttemptSession,
    _ response: FrontResponse
  ) {
    let step = session.run.map { _ in session.caller.step }
    let window = services.limits.loops.window
    parts.heavy.run(on: body.readableBytes, loop) {
      PreparedRequest.read(api, path, body, uri: head.uri, step: step, window: window)
    } then: { prepared in
      // Long bodies take their time, in which the agent may have left.
      guard response.isOpen else { return }
      self.make(prepared, api, head, body, session, response)
    }
  }

  private func make(
    _ prepared: Result<PreparedRequest, GatewayError>, _ api: ModelAPI, _ head: HTTPRequestHead, _ body: ByteBuffer,
    _ session: AttemptSession, _ response: FrontResponse
  ) {
    do throws(GatewayError) {
      let prepared = try prepared.get()
      guard isOpen(session), response.ends(with: session) else { throw Self.invalidKey }
      let request = prepared.request
      let target = try target(of: request, session)
      let call = ModelCall(
        session: session, request: request, target: target, head: head, body: body,
        digest: prepared.digest.map(session.known),
        tools: prepared.tools, room: response.room)
      ModelExchange(services: services, parts: parts, loop: loop, call: call, response: response).start()
    } catch {
      response.fail(error, .dialect(api.dialect))
    }
  }

  private func target(of request: ModelRequest, _ session: AttemptSession) throws(GatewayError) -> ModelTarget {
    do throws(GatewayError) {
      return try parts.target(request.model, request.dialect, of: services.catalogue)
    } catch {
      // What a cassette answers needs no provider, and goes to none.
      guard session.caller.isRecorded else { throw error }
      return ModelTarget(provider: "cassette", model: request.model)
    }
  }

  private func isOpen(_ session: AttemptSession) -> Bool {
    services.keys.session(for: session.key.secret) === session
  }
}

extension RefusedAccess {
  init(_ error: GatewayError, _ head: HTTPRequestHead, from sandbox: Caller?) {
    // What stands behind the `?` may be a key.
    let path = Substring(head.uri.utf8.prefix { $0 != UInt8(ascii: "?") })
    self.init(
      sandbox: sandbox, subject: "\(head.method.rawValue.prefix(16)) \(path.prefix(128))", code: error.code.rawValue)
  }
}

/// Lets only this machine's own names through, so that a page in a browser cannot reach the plane by a name of its own.
enum HostCheck {
  private static let names: Set<String> = ["localhost", "127.0.0.1", "[::1]"]

  static func allows(_ headers: HTTPHeaders) -> Bool {
    var host: String?
    for (name, value) in headers where name.utf8.count == 4 && name.lowercased() == "host" {
      guard host == nil else { return false }
      host = value
    }
    guard let host, isLocal(host) else { return false }
    guard let origin = headers.first(name: "origin") else { return true }
    for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
      return isLocal(origin.dropFirst(scheme.count))
    }
    return false
  }

  /// A path, or an address of this machine: what names a machine itself counts more than the Host header.
  static func allows(target: String) -> Bool {
    let scheme = "http://"
    if target.utf8.first == UInt8(ascii: "/") { return true }
    guard target.prefix(scheme.count).lowercased() == scheme else { return false }
    return isLocal(target.dropFirst(scheme.count).prefix { !"/?#".contains($0) })
  }

  private static func isLocal(_ authority: some StringProtocol) -> Bool {
    var name = Substring(authority).utf8
    if let colon = name.lastIndex(of: UInt8(ascii: ":")), name.last != UInt8(ascii: "]") {
      guard UInt16(Substring(name[name.index(after: colon)...])) != nil else { return false }
      name = name[..<colon]
    }
    return names.contains(Substring(name).lowercased())
  }
}
