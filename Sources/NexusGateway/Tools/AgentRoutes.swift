// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// Everything under `/agent/v1/`: the tools, which are effects, and the calls that the node itself answers.
struct AgentRoutes {
  let services: GatewayServices
  let heavy: HeavyWork
  let loop: any EventLoop

  func route(_ head: HTTPRequestHead, _ body: ByteBuffer, _ session: AttemptSession, _ response: FrontResponse) {
    guard let (path, query) = Self.parse(head.uri) else {
      return response.fail(GatewayError(.malformedRequest, "The path is not percent-encoded UTF-8."), .problem)
    }
    switch (head.method, path.first, path.count) {
    case (.GET, "tools", 1): listTools(session, response)
    case (.POST, "tools", 2):
      ToolExchange(services: services, loop: loop, session: session, tool: path[1], response: response)
        .start(body, heavy)
    default:
      let forward = { (body: ByteBuffer) in self.forward(head, path, query, body, session, response) }
      guard Self.marksTheWorld(head.method, path), let run = session.run else { return forward(body) }
      mark(head, path, body, session, run, response, then: forward)
    }
  }

  /// Calls that leave something behind which a rewind must not step back over.
  private static func marksTheWorld(_ method: HTTPMethod, _ path: [String]) -> Bool {
    guard method == .PUT || method == .POST else { return false }
    return ["steps", "state", "checkpoint", "call", "approvals"].contains(path.first)
  }

  /// Writes the call down as an effect before it is made, so that the rewind stops at it.
  ///
  /// The same call of a later attempt is known again and leaves no second mark. Its answer always comes from the node.
  private func mark(
    _ head: HTTPRequestHead, _ path: [String], _ body: ByteBuffer, _ session: AttemptSession, _ run: RunSession,
    _ response: FrontResponse, then forward: @escaping (ByteBuffer) -> Void
  ) {
    let name = "\(head.method.rawValue) \(head.uri.prefix { $0 != "?" })"
    let step = session.caller.step
    heavy.run(on: body.readableBytes, loop) { () -> RequestDigest? in
      JSONScan.has(moreThan: ModelRequest.mostValues, body.readableBytesUInt8Span)
        ? nil : EffectDigest.of(name: name, step: step, body: body)
    } then: { digest in
      guard response.isOpen else { return }
      guard let digest else { return response.fail(Self.tooManyValues, .problem) }
      let asks = ActionAsking(services: self.services, loop: self.loop, session: session, path: path, body: body)
      self.mark(name, session.known(digest), asks, run, response, then: forward)
    }
  }

  static let tooManyValues = GatewayError(
    .malformedRequest, "The body has more than \(ModelRequest.mostValues) JSON values.")

  private func mark(
    _ name: String, _ digest: RequestDigest, _ asks: ActionAsking, _ run: RunSession, _ response: FrontResponse,
    then forward: @escaping (ByteBuffer) -> Void
  ) {
    let id = services.identifiers.effect()
    switch run.request(digest, kind: .request, repeatable: true, id: id) {
    case .new(let record, _):
      asks.ask(record, response) { body, mutations in
        self.announce(record, name, mutations, asks, run, response) { forward(body) }
      } otherwise: {
        run.withdraw(id)
      }
    case .replay(let recorded): asks.recall(recorded, response, then: forward)
    case .join(let other): asks.join(other, run, response, then: forward)
    case .uncertain: forward(asks.body)
    }
  }

  private func announce(
    _ record: EffectRecord, _ name: String, _ permits: [Mutation], _ asks: ActionAsking, _ run: RunSession,
    _ response: FrontResponse, then forward: @escaping () -> Void
  ) {
    let (id, session) = (record.id, asks.session)
    let now = services.clock.wallNow()
    let row = EffectRow(
      record: record, run: run.key.run, step: session.caller.step, agent: session.caller.agent,
      name: String((asks.name ?? name).prefix(200)), detail: "", startedAt: now, request: asks.edited)
    let outcome = EffectOutcome(
      status: 0, headers: [], body: [], isStream: false, endedAt: now, inputTokens: .zero, outputTokens: .zero,
      cost: .zero)
    let bound = NIOLoopBound((forward, response, asks), eventLoop: loop)
    let loop = loop
    let transaction = StoreTransaction(
      permits.isEmpty ? .written : .synced, permits + [.insertEffect(row), .setOutcome(id, .succeeded, outcome)])
    services.store.submit(transaction) { result in
      loop.runInside {
        let (forward, response, asks) = bound.value
        switch result {
        case .success:
          run.finish(id, .succeeded)
          forward()
        case .failure(let error):
          run.withdraw(id)
          asks.withdrew()
          let words = "Nothing was done, because the journal cannot be written: \(error.message)"
          response.fail(GatewayError(.journalUnavailable, words), .problem)
        }
      }
    }
  }

  private func listTools(_ session: AttemptSession, _ response: FrontResponse) {
    // What may never be called is not offered.
    let known = services.tools.definitions(for: session.caller.agent).filter { services.gate.knows($0.name) }
    let tools = known.map { tool -> JSONValue in
      [
        "name": .string(tool.name), "description": .string(tool.description), "parameters": tool.parameters,
      ]
    }
    response.send(status: 200, json: ["tools": .array(tools)])
  }

  private func forward(
    _ head: HTTPRequestHead, _ path: [String], _ query: [String: String], _ body: ByteBuffer,
    _ session: AttemptSession, _ response: FrontResponse
  ) {
    let call = AgentCall(
      method: head.method.rawValue, path: path, query: query, body: Array(body.readableBytesView),
      caller: session.caller, key: session.key)
    let handler = services.agentCalls
    // Who waits for work and hangs up must not be given any.
    response.whenGone = AsyncBridge.run(on: loop) {
      await handler.handle(call)
    } then: { reply in
      guard let json = reply.body else {
        return response.send(status: reply.status, fields: [], body: ByteBuffer())
      }
      let isProblem = reply.status >= 400 && json["code"] != nil
      response.send(
        status: reply.status, json: json, type: isProblem ? "application/problem+json" : "application/json")
    }
  }

  /// The decoded segments behind `/agent/v1/` and the decoded query.
  static func parse(_ uri: String) -> (path: [String], query: [String: String])? {
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var path: [String] = []
    for segment in parts[0].dropFirst("/agent/v1/".count).split(separator: "/", omittingEmptySubsequences: false) {
      guard let text = decode(segment, plusIsSpace: false) else { return nil }
      path.append(text)
    }
    var query: [String: String] = [:]
    for pair in parts.count > 1 ? parts[1].split(separator: "&") : [] {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = decode(sides[0], plusIsSpace: true),
        let value = sides.count > 1 ? decode(sides[1], plusIsSpace: true) : ""
      else { return nil }
      query[name] = value
    }
    return (path, query)
  }

  private static func hexadecimal(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
  }

  private static func decode(_ text: Substring, plusIsSpace: Bool) -> String? {
    var bytes: [UInt8] = []
    var rest = Substring(text).utf8[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst(), let low = rest.popFirst() else { return nil }
        guard let upper = hexadecimal(high), let lower = hexadecimal(low) else { return nil }
        bytes.append(upper << 4 | lower)
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
