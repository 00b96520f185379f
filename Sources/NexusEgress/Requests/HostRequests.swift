// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOPosix
package import NexusCore
package import NexusHTTP
internal import Synchronization

/// Requests that the node makes for agents that can open no connection themselves: modules.
///
/// The gate reads what an agent sends; here the node writes it, so `methods` and `paths` hold where it is encrypted, too.
package final class HostRequests: Sendable {
  package static let tool = "http.request"
  /// A longer answer is cut, and says so.
  package static let maxBody = 1 << 20
  /// How many addresses of one host are tried.
  static let maxAddresses = 3
  static let timeouts = HTTPTimeouts(connect: .seconds(10), total: .seconds(60))

  package static let definition = ToolDefinition(
    name: tool,
    description: "Sends a request to a granted host. Redirects are not followed.",
    parameters: [
      "type": "object", "required": ["url"],
      "properties": [
        "method": ["enum": .array(AskedRequest.methods.map(JSONValue.string))], "url": ["type": "string"],
        "headers": ["type": "object", "additionalProperties": ["type": "string"]],
        "body": ["type": "string"], "bodyBase64": ["type": "string"],
      ],
    ])

  private let client: HTTPClient
  private let watcher: any EgressWatcher
  private let clock: any NexusClock
  private let resolver: any NameResolver
  private let state = Mutex((usage: RequestUsage(), denials: DenialCounts()))

  package init(
    client: HTTPClient, watcher: any EgressWatcher, clock: any NexusClock,
    resolver: any NameResolver = SystemResolver()
  ) {
    self.client = client
    self.watcher = watcher
    self.clock = clock
    self.resolver = resolver
  }

  /// Makes a request of `caller`, if one of its grants allows it and its caps are not used up.
  package func perform(
    _ arguments: JSONValue, for caller: Caller, within grants: [HostGrant], _ caps: EgressCaps
  ) async -> ToolOutcome {
    let asked: AskedRequest
    do throws(AskedRequest.Invalid) { asked = try AskedRequest(arguments) } catch {
      return Self.failure("invalid", error.message)
    }
    do throws(Refused) {
      let grant = try Self.grant(for: asked, in: grants)
      try charge(requests: 1, bytes: asked.size, caller, caps, asked.url)
      return try await send(asked, to: try await addresses(of: grant), caller, caps)
    } catch {
      if let denial = error.denial {
        let events = state.withLock { $0.denials.note(denial.rule, denial.target, port: asked.url.port, of: caller) }
        for event in events { watcher.denied(event) }
      }
      return Self.failure(error.denial == nil ? "unreachable" : "denied", error.message)
    }
  }

  /// Why a request is not made, or not answered.
  struct Refused: Error {
    var denial: (rule: DenialEvent.Rule, target: String)?
    var message: String

    init(_ rule: DenialEvent.Rule, _ target: String, _ message: String) {
      denial = (rule, target)
      self.message = message
    }

    init(_ message: String) { self.message = message }
  }

  private static func failure(_ code: String, _ message: String) -> ToolOutcome {
    ToolOutcome(succeeded: false, content: ["error": .string(message), "code": .string(code)])
  }

  // MARK: What is allowed

  private static func grant(for asked: AskedRequest, in grants: [HostGrant]) throws(Refused) -> HostGrant {
    let (url, port) = (asked.url, asked.url.port)
    guard let grant = grants.first(where: { $0.host == url.host && $0.port == port }) else {
      throw Refused(.name, url.host, "the host \(url.host):\(port) is not granted")
    }
    let isSpoken =
      switch grant.language {
      case .web: true
      case .tls: url.isSecure
      case .http: !url.isSecure
      case .tcp: false
      }
    guard isSpoken else {
      throw Refused(.language, url.host, "\(url.host):\(port) is granted for `\(grant.language.rawValue)` only")
    }
    do throws(RequestGuard.Refusal) {
      try RequestHead.check(
        method: asked.method, target: url.target, fields: asked.headers.lazy.map(\.name), grant)
    } catch {
      throw Refused(error.rule, error.target, "\(error.target) is not granted")
    }
    return grant
  }

  private func charge(
    requests: Int, bytes: Int, _ caller: Caller, _ caps: EgressCaps, _ url: HTTPURL
  ) throws(Refused) {
    let over = state.withLock { $0.usage.charge(requests: requests, bytes: bytes, to: caller, caps) }
    switch over {
    case nil: return
    case .requests?: throw Refused(.requests, url.host, "`limits.requests` is used up")
    case .bytes?: throw Refused(.bytes, url.host, "`limits.netBytes` is used up")
    }
  }

  /// Looked up once for a request; what comes next stays with these.
  private func addresses(of grant: HostGrant) async throws(Refused) -> [IPAddress] {
    var found = grant.literal.map { [$0] } ?? grant.addresses
    if found.isEmpty {
      let (resolver, host) = (resolver, grant.host)
      found = (try? await NIOThreadPool.singleton.runIfActive { resolver.addresses(of: host) }) ?? []
    }
    guard let first = found.first else { throw Refused("\(grant.host) has no address") }
    let allowed = found.filter(grant.allows)
    guard !allowed.isEmpty else {
      throw Refused(
        .address, "\(grant.host) (\(first))", "\(grant.host) leads to \(first), where it may not lead")
    }
    return Array(allowed.prefix(Self.maxAddresses))
  }

  // MARK: Sending

  private func send(
    _ asked: AskedRequest, to addresses: [IPAddress], _ caller: Caller, _ caps: EgressCaps
  ) async throws(Refused) -> ToolOutcome {
    for address in addresses.dropLast() {
      if let outcome = try await send(asked, to: address, caller, caps, isLast: false) { return outcome }
    }
    guard let last = addresses.last, let outcome = try await send(asked, to: last, caller, caps, isLast: true) else {
      throw Refused("\(asked.url.host) has no address")
    }
    return outcome
  }

  /// - Returns: nil if nobody listens there, and another address is left.
  private func send(
    _ asked: AskedRequest, to address: IPAddress, _ caller: Caller, _ caps: EgressCaps, isLast: Bool
  ) async throws(Refused) -> ToolOutcome? {
    var request = HTTPRequestMessage(
      method: asked.method, endpoint: asked.url.endpoint, target: asked.url.target, headers: asked.headers,
      body: asked.body)
    request.pinned = address
    let started = clock.now()
    var received = 0
    func tell(_ end: String) {
      var report = EgressFlow(
        host: asked.url.host, port: asked.url.port, address: address, sent: Int64(asked.size),
        received: Int64(received), requests: 1, duration: clock.now() - started, end: end)
      report.hasReached = end != "unreachable"
      watcher.flow(report, of: caller)
    }
    // All of it goes out at once.
    if asked.size >= LongFlow.firstBytes { tell(EgressFlow.open) }
    do {
      let outcome = try await client.stream(request, timeouts: Self.timeouts) { start, body in
        func take(_ count: Int) throws {
          received += count
          try self.charge(requests: 0, bytes: count, caller, caps, asked.url)
        }
        try take(start.headers.size)
        var bytes: [UInt8] = []
        while bytes.count <= Self.maxBody, let piece = try await body.next() {
          try take(piece.count)
          bytes += piece
        }
        let content = RequestAnswer.content(
          start, Array(bytes.prefix(Self.maxBody)), isCut: bytes.count > Self.maxBody)
        return ToolOutcome(succeeded: true, content: content)
      }
      tell("closed")
      return outcome
    } catch let refused as Refused {
      tell("denied")
      throw refused
    } catch let error as HTTPClientError {
      if !isLast, error.code == .refused { return nil }
      tell([.refused, .unresolved, .timeout, .tls].contains(error.code) ? "unreachable" : "broken")
      throw Refused(error.message)
    } catch {
      tell("broken")
      throw Refused("\(error)")
    }
  }
}

/// What attempts have sent and received; the ones that were heard the longest time ago are forgotten first.
struct RequestUsage: Sendable {
  enum Over { case requests, bytes }

  static let mostAttempts = 4096

  private struct Key: Hashable {
    let agent: AgentName
    let run: RunID?
    let step: StepPath
    let attempt: AttemptNumber
  }

  private struct Used {
    var requests = 0
    var bytes: Int64 = 0
    var heard = 0
  }

  private var attempts: [Key: Used] = [:]
  private var heard = 0

  /// - Returns: what there is too much of, if anything; what is too much counts, too.
  mutating func charge(requests: Int, bytes: Int, to caller: Caller, _ caps: EgressCaps) -> Over? {
    if caps.requests == nil, caps.bytes == nil { return nil }
    let key = Key(agent: caller.agent, run: caller.run, step: caller.step, attempt: caller.attempt)
    if attempts[key] == nil, attempts.count >= Self.mostAttempts,
      let oldest = attempts.min(by: { $0.value.heard < $1.value.heard })
    {
      attempts[oldest.key] = nil
    }
    heard += 1
    var used = attempts[key] ?? Used()
    used.heard = heard
    used.requests += requests
    used.bytes += Int64(bytes)
    attempts[key] = used
    if let most = caps.requests, used.requests > most { return .requests }
    if let most = caps.bytes, used.bytes > most { return .bytes }
    return nil
  }
}
