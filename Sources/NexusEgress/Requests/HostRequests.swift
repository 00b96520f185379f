// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

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
  /// How long a request may take, and how long a connection to one address.
  package static let longest: Duration = .seconds(60)
  static let longestConnect: Duration = .seconds(10)

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

  /// What the requests of an agent are held to, and what is added to them.
  package struct Terms: Sendable {
    let grants: [HostGrant]
    let caps: EgressCaps
    /// The values of the secrets that the grants name.
    let secrets: [String: SecretText]
    /// The skill that asks in the name of the agent: `skills.NAME`.
    let skill: String?
    /// What the call of the skill has used up; nil: what the attempt of the agent has counts.
    let meter: RequestMeter?

    package init(_ grants: [HostGrant], _ caps: EgressCaps, secrets: [String: SecretText] = [:]) {
      self.grants = grants
      self.caps = caps
      self.secrets = secrets
      (skill, meter) = (nil, nil)
    }

    package init(ofSkill skill: String, _ grants: [HostGrant], _ caps: EgressCaps, _ meter: RequestMeter) {
      self.grants = grants
      self.caps = caps
      secrets = [:]
      (self.skill, self.meter) = (skill, meter)
    }

    func secrets(for grant: HostGrant) -> [GateSecret] { grant.secrets.map { GateSecret($0, secrets[$0.name]) } }
  }

  /// How many clients for hosts with authorities of their own are kept.
  private static let maxClients = 64

  private let client: HTTPClient
  /// Those that trust other authorities than the machine, by these.
  private let clients = Mutex<[String: HTTPClient]>([:])
  private let watcher: any EgressWatcher
  private let clock: any NexusClock
  private let lookups: RequestLookups
  private let state = Mutex((usage: RequestUsage(), denials: DenialCounts()))

  package init(
    client: HTTPClient, watcher: any EgressWatcher, clock: any NexusClock,
    resolver: any NameResolver = SystemResolver(), lookingUp: Duration = .seconds(10)
  ) {
    self.client = client
    self.watcher = watcher
    self.clock = clock
    lookups = RequestLookups(resolver, patience: lookingUp)
  }

  /// Makes a request of `caller`, if one of its grants allows it and its caps are not used up.
  ///
  /// It takes no longer than `time`, also where a name is looked up that nobody answers for.
  package func perform(
    _ arguments: JSONValue, for caller: Caller, on terms: Terms, within time: Duration = longest
  ) async -> ToolOutcome {
    let deadline = clock.now() + min(time, Self.longest)
    let asked: AskedRequest
    do throws(AskedRequest.Invalid) { asked = try AskedRequest(arguments) } catch {
      return Self.failure("invalid", error.message)
    }
    let answer = RequestAnswer(maxBody: Self.maxBody, without: terms.secrets.values)
    do throws(Refused) {
      let grant = try Self.grant(for: asked, in: terms.grants)
      let request = try asked.carrying(terms.secrets(for: grant))
      try charge(requests: 1, bytes: asked.size, caller, terms, asked.url)
      let sending = Sending(
        asked: asked, request: request, client: client(for: grant), caller: caller, terms: terms,
        secrets: grant.secrets.map(\.name), answer: answer, deadline: deadline)
      return try await send(sending, to: try await addresses(of: grant, for: caller.agent, by: deadline))
    } catch {
      if let denial = error.denial {
        let target = (terms.skill.map { "\($0): " } ?? "") + denial.target
        let events = state.withLock { $0.denials.note(denial.rule, target, port: asked.url.port, of: caller) }
        for event in events { watcher.denied(event) }
      }
      return Self.failure(error.denial == nil ? "unreachable" : "denied", answer.shown(error.message))
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
    // A grant that leaves it open carries no secrets; whoever changed that may not have them go out unencrypted.
    guard grant.secrets.isEmpty || url.isSecure || grant.language == .http else {
      throw Refused(.language, url.host, "\(url.host):\(port) is asked with TLS only, because of its secrets")
    }
    do throws(RequestGuard.Refusal) {
      try RequestHead.check(
        method: asked.method, target: url.target, fields: asked.headers.lazy.map(\.name), grant,
        isSecret: !grant.secrets.isEmpty)
    } catch {
      throw Refused(error.rule, error.target, "\(error.target) is not granted")
    }
    return grant
  }

  private func charge(
    requests: Int, bytes: Int, _ caller: Caller, _ terms: Terms, _ url: HTTPURL
  ) throws(Refused) {
    let over =
      if let meter = terms.meter {
        meter.charge(requests: requests, bytes: bytes, terms.caps)
      } else {
        state.withLock { $0.usage.charge(requests: requests, bytes: bytes, to: caller, terms.caps) }
      }
    switch over {
    case nil: return
    case .requests?: throw Refused(.requests, url.host, "`limits.requests` is used up")
    case .bytes?: throw Refused(.bytes, url.host, "`limits.netBytes` is used up")
    }
  }

  /// Looked up once for a request; what comes next stays with these.
  private func addresses(
    of grant: HostGrant, for agent: AgentName, by deadline: Instant
  ) async throws(Refused) -> [IPAddress] {
    var found = grant.literal.map { [$0] } ?? grant.addresses
    if found.isEmpty {
      do throws(RequestLookups.Failure) {
        found = try await lookups.addresses(of: grant.host, for: agent, within: deadline - clock.now())
      } catch {
        switch error {
        case .tooLate: throw Refused("the addresses of \(grant.host) could not be found in time")
        case .tooMany: throw Refused("too many names of \(agent) are being looked up")
        }
      }
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

  /// A request that is allowed.
  private struct Sending: Sendable {
    let asked: AskedRequest
    /// As it goes to the host.
    let request: AskedRequest
    let client: HTTPClient
    let caller: Caller
    let terms: Terms
    /// The names of those that are added to it.
    let secrets: [String]
    let answer: RequestAnswer
    let deadline: Instant
  }

  /// Speaks TLS with those whom the machine trusts, or with whom the grant says.
  private func client(for grant: HostGrant) -> HTTPClient {
    guard let authority = grant.authority else { return client }
    return clients.withLock { clients in
      if let known = clients[authority.pem] { return known }
      if clients.count >= Self.maxClients { clients = [:] }
      let fresh = HTTPClient(trustRoots: Array(authority.pem.utf8))
      clients[authority.pem] = fresh
      return fresh
    }
  }

  private func send(_ sending: Sending, to addresses: [IPAddress]) async throws(Refused) -> ToolOutcome {
    for address in addresses.dropLast() {
      if let outcome = try await send(sending, to: address, isLast: false) { return outcome }
    }
    guard let last = addresses.last, let outcome = try await send(sending, to: last, isLast: true) else {
      throw Refused("\(sending.asked.url.host) has no address")
    }
    return outcome
  }

  /// - Returns: nil if nobody listens there, and another address is left.
  private func send(_ sending: Sending, to address: IPAddress, isLast: Bool) async throws(Refused) -> ToolOutcome? {
    let (asked, written) = (sending.asked, sending.request)
    var request = HTTPRequestMessage(
      method: asked.method, endpoint: asked.url.endpoint, target: asked.url.target, headers: written.headers,
      body: asked.body)
    request.pinned = address
    let started = clock.now()
    let left = sending.deadline - started
    guard left > .zero else { throw Refused("\(asked.url.host) did not answer in time") }
    let timeouts = HTTPTimeouts(connect: min(left, Self.longestConnect), total: left)
    var received = 0
    func tell(_ end: String) {
      var flow = EgressFlow(
        host: asked.url.host, port: asked.url.port, address: address, sent: Int64(asked.size),
        received: Int64(received), requests: 1, duration: clock.now() - started, end: end)
      flow.secrets = sending.secrets
      flow.hasReached = end != "unreachable"
      watcher.flow(flow, of: sending.caller)
    }
    // All of it goes out at once.
    if asked.size >= LongFlow.firstBytes { tell(EgressFlow.open) }
    do {
      let outcome = try await sending.client.stream(request, timeouts: timeouts) { start, body in
        func take(_ count: Int) throws {
          received += count
          try self.charge(requests: 0, bytes: count, sending.caller, sending.terms, asked.url)
        }
        try take(start.headers.size)
        var bytes: [UInt8] = []
        while bytes.count <= sending.answer.readBytes, let piece = try await body.next() {
          try take(piece.count)
          bytes += piece
        }
        return ToolOutcome(succeeded: true, content: sending.answer.content(start, bytes))
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
