// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusEgress
import NexusHTTP
import Testing

/// Requests that the node makes for modules.
@Suite(.timeLimit(.minutes(1))) struct HostRequestTests {
  private let told = Told()
  private let server: Plug

  init() throws { server = try Plug.listening() }

  private func requests(_ answers: [String] = ["127.0.0.1"]) -> HostRequests {
    HostRequests(
      client: HTTPClient(), watcher: told, clock: SystemClock(), resolver: ScriptedResolver([answers]))
  }

  private func caller(_ attempt: Int = 1) -> Caller {
    Caller(agent: AgentName("a"), run: RunID("r"), step: .main, attempt: AttemptNumber(attempt))
  }

  private func grant(_ change: (inout HostGrant) -> Void = { _ in }) -> HostGrant {
    var grant = HostGrant(host: "a.test", port: server.port)
    grant.addresses = [IPAddress("127.0.0.1")].compactMap { $0 }
    change(&grant)
    return grant
  }

  private func ask(
    _ arguments: JSONValue, _ grant: HostGrant, caps: EgressCaps = EgressCaps(), of made: HostRequests? = nil,
    secrets: [String: SecretText] = [:]
  ) async -> ToolOutcome {
    await (made ?? requests()).perform(
      arguments, for: caller(), on: HostRequests.Terms([grant], caps, secrets: secrets))
  }

  private func url(_ path: String, host: String = "a.test", scheme: String = "http", port: Int? = nil) -> JSONValue {
    .string("\(scheme)://\(host):\(port ?? server.port)\(path)")
  }

  /// Answers one request, on a thread of its own: waiting on one of the pool's would keep the client from running.
  ///
  /// - Returns: the head of what came.
  private func answer(_ text: String) async throws -> String { try await answer(Array(text.utf8)) }

  private func answer(_ bytes: [UInt8]) async throws -> String {
    let server = server
    return try await withCheckedThrowingContinuation { waiter in
      Thread.detachNewThread { waiter.resume(with: Result { try Self.serve(server, bytes) }) }
    }
  }

  private static func serve(_ server: Plug, _ bytes: [UInt8]) throws -> String {
    let one = try server.accepted()
    var asked = ""
    while !asked.contains("\r\n\r\n"), let some = one.receive(), !some.isEmpty {
      asked += String(decoding: some, as: UTF8.self)
    }
    one.send(bytes)
    one.endOutput()
    _ = one.receiveAll()
    return asked
  }

  @Test func `a granted host is asked, and the flow is told`() async throws {
    async let outcome = ask(
      ["url": url("/v1/x?y=1"), "method": "POST", "headers": ["X-Key": "k"], "body": ""], grant())
    let asked = try await answer("HTTP/1.1 201 Created\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nhi")
    #expect(asked.hasPrefix("POST /v1/x?y=1 HTTP/1.1\r\nhost: a.test:\(server.port)\r\n"), "\(asked)")
    #expect(asked.contains("x-key: k\r\n"), "\(asked)")
    let made = await outcome
    #expect(made.succeeded && made.content["status"] == 201 && made.content["body"] == "hi", "\(made.content)")
    #expect(made.content["headers"]?["x-a"] == "1, 2")
    let flow = try await told.nextFlow()
    #expect(flow.host == "a.test" && flow.end == "closed" && flow.address == IPAddress("127.0.0.1"), "\(flow)")
  }

  @Test func `a redirect is an answer, and is not followed`() async throws {
    async let outcome = ask(["url": url("/")], grant())
    _ = try await answer(
      "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")
    let made = await outcome
    #expect(made.content["status"] == 302 && made.content["headers"]?["location"] != nil, "\(made.content)")
    #expect(try await told.nextFlow().address == IPAddress("127.0.0.1"))
  }

  @Test func `an answer that is no text comes as base64, and a long one is cut`() async throws {
    async let outcome = ask(["url": url("/")], grant())
    let long = String(repeating: "x", count: HostRequests.maxBody + 10)
    _ = try await answer("HTTP/1.1 200 OK\r\nContent-Length: \(long.utf8.count)\r\n\r\n\(long)")
    let made = await outcome
    #expect(made.content["truncated"] == true)
    #expect(made.content["body"]?.stringValue?.utf8.count == HostRequests.maxBody)
    async let next = ask(["url": url("/")], grant())
    _ = try await answer(Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".utf8) + [0xFF, 0xFE])
    #expect(await next.content["bodyBase64"] == "//4=")
  }

  private static let refused:
    [(rule: DenialEvent.Rule, arguments: JSONObject, change: @Sendable (inout HostGrant) -> Void)] = [
      (.name, ["host": "b.test"], { _ in }), (.name, ["port": 1], { _ in }),
      (.name, ["host": "a.test.b.test"], { _ in }),
      (.language, [:], { $0.language = .tls }), (.language, [:], { $0.language = .tcp }),
      (.language, ["scheme": "https"], { $0.language = .http }),
      (.method, ["method": "DELETE"], { $0.methods = ["GET"] }),
      (.path, ["path": "/v2"], { $0.paths = ["/v1/*"] }), (.path, ["path": "/v1/../v2"], { $0.paths = ["/v1/*"] }),
      (.path, ["path": "/v1/%2e%2e/v2"], { $0.paths = ["/v1/*"] }),
      (.language, ["field": "X-HTTP-Method-Override"], { $0.methods = ["GET"] }),
      (.language, ["field": "X_HTTP_Method"], { $0.methods = ["GET"] }),
      (.language, ["field": "X-Original-URL"], { $0.paths = ["/v1/*"] }),
      (.language, ["field": "Content_Length"], { _ in }), (.language, ["field": "transfer_encoding"], { _ in }),
      (.address, [:], { $0.addresses = [] }),
    ]

  @Test(arguments: refused.indices)
  func `what is not granted is denied, and nobody is connected to`(index: Int) async throws {
    let (rule, parts, change) = Self.refused[index]
    let made = await ask(
      [
        "method": parts["method"] ?? "GET", "headers": [parts["field"]?.stringValue ?? "X": "y"],
        "url": url(
          parts["path"]?.stringValue ?? "/v1/x", host: parts["host"]?.stringValue ?? "a.test",
          scheme: parts["scheme"]?.stringValue ?? "http", port: parts["port"]?.intValue.map { Int($0) }),
      ], grant(change))
    #expect(!made.succeeded && made.content["code"] == "denied", "\(made.content)")
    let denial = try await told.nextDenial()
    #expect(denial.rule == rule && denial.caller.run == RunID("r"), "\(denial)")
  }

  @Test(
    arguments: [
      ["url": "ftp://a.test/"], ["url": "http://u:p@a.test/"], ["url": "http://a.test/", "method": "TRACE"],
      ["url": "http://a.test/", "headers": ["Host": "b.test"]],
      ["url": "http://a.test/", "headers": ["Content-Length": "1"]],
      ["url": "http://a.test/", "headers": ["x": "a\r\nb: c"]], ["url": "http://a.test/", "headers": ["a b": "c"]],
      ["url": "http://a.test/", "bodyBase64": "*"], ["url": 1], [:],
    ] as [JSONValue])
  func `what is no request is refused as that`(arguments: JSONValue) async {
    let made = await ask(arguments, grant())
    #expect(!made.succeeded && made.content["code"] == "invalid", "\(made.content)")
  }

  @Test func `names that nobody answers for hold up no other agent`() async throws {
    let resolver = StuckResolver()
    let made = HostRequests(
      client: HTTPClient(), watcher: told, clock: SystemClock(), resolver: resolver, lookingUp: .milliseconds(100))
    func named(_ host: String) -> HostGrant {
      grant {
        ($0.host, $0.addresses) = (host, [])
        $0.ranges = [AddressRange("127.0.0.0/8")].compactMap { $0 }
      }
    }
    for number in 0..<6 {
      let outcome = await ask(["url": url("/", host: "slow\(number).test")], named("slow\(number).test"), of: made)
      let message = outcome.content["error"]?.stringValue ?? ""
      #expect(outcome.content["code"] == "unreachable")
      #expect(message.contains(number < 4 ? "in time" : "too many names"), "\(message)")
    }
    #expect(resolver.names.count == 4)
    let other = Caller(agent: AgentName("b"), run: RunID("r"), step: .main, attempt: AttemptNumber(1))
    async let fast = made.perform(
      ["url": url("/", host: "fast.test")], for: other, on: HostRequests.Terms([named("fast.test")], EgressCaps()))
    _ = try await answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    #expect(await fast.succeeded)
    resolver.letGo()
  }

  @Test func `requests and bytes are counted for each attempt`() async throws {
    let made = requests()
    let caps = EgressCaps(bytes: 1000, requests: 2)
    async let first = ask(["url": url("/")], grant(), caps: caps, of: made)
    _ = try await answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    #expect(await first.succeeded)
    async let second = ask(["url": url("/")], grant(), caps: caps, of: made)
    let long = String(repeating: "x", count: 2000)
    _ = try await answer("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n\(long)")
    #expect(await second.content["code"] == "denied")
    #expect(try await told.nextDenial().rule == .bytes)
    #expect(await ask(["url": url("/")], grant(), caps: caps, of: made).content["code"] == "denied")
    #expect(try await told.nextDenial().rule == .requests)
    // Another attempt begins anew.
    async let fresh = made.perform(["url": url("/")], for: caller(2), on: HostRequests.Terms([grant()], caps))
    _ = try await answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    #expect(await fresh.succeeded)
  }

  @Test func `a skill is held to its own grants and caps, each call by itself`() async throws {
    let made = requests()
    func ask(_ meter: RequestMeter, _ host: String = "a.test") async -> ToolOutcome {
      let terms = HostRequests.Terms(ofSkill: "skills.x", [grant()], EgressCaps(requests: 1), meter)
      return await made.perform(["url": url("/", host: host)], for: caller(), on: terms, within: .seconds(30))
    }
    for _ in 0..<2 {
      let meter = RequestMeter()
      async let first = ask(meter)
      _ = try await answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
      #expect(await first.succeeded)
      #expect(await ask(meter).content["code"] == "denied")
      let denial = try await told.nextDenial()
      #expect(denial.rule == .requests && denial.target == "skills.x: a.test" && denial.caller.run == RunID("r"))
    }
    #expect(await ask(RequestMeter(), "b.test").content["code"] == "denied")
    #expect(try await told.nextDenial().target == "skills.x: b.test")
  }

  @Test func `it takes no longer than it may, whoever does not answer`() async throws {
    let unheard = Unheard()
    defer { unheard.isOver.signal() }
    let slow = HostRequests(client: HTTPClient(), watcher: told, clock: SystemClock(), resolver: unheard)
    for (made, grant) in [(slow, grant { $0.addresses = [] }), (requests(), grant())] {
      let terms = HostRequests.Terms([grant], EgressCaps())
      let outcome = await made.perform(["url": url("/")], for: caller(), on: terms, within: .milliseconds(100))
      #expect(outcome.content["code"] == "unreachable", "\(outcome.content)")
    }
  }
}

/// Answers to nobody, for as long as a test goes on.
private final class Unheard: NameResolver {
  let isOver = DispatchSemaphore(value: 0)

  func addresses(of host: String) -> [IPAddress] {
    _ = isOver.wait(timeout: .now() + 20)
    return []
  }
}
