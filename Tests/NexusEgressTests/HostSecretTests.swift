// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusEgress
import NexusHTTP
import Testing

/// Secrets that the node adds to the requests that it makes for modules.
@Suite(.timeLimit(.minutes(1))) struct HostSecretTests {
  private static let canary = "sk-c4narY \\\"c4narY\""
  private static let injection = SecretInjection(name: "key", header: "Authorization", prefix: "Bearer ")
  private let told = Told()
  private let server: Plug

  init() throws { server = try Plug.listening() }

  private func grant(
    _ secrets: [SecretInjection] = [injection], _ language: HostGrant.Language = .http
  ) -> HostGrant {
    var grant = HostGrant(host: "a.test", port: server.port, language: language)
    grant.addresses = [IPAddress("127.0.0.1")].compactMap { $0 }
    grant.secrets = secrets
    return grant
  }

  private func ask(
    _ change: JSONObject, _ grant: HostGrant? = nil, secrets: [String: SecretText] = ["key": SecretText(canary)]
  ) async -> ToolOutcome {
    let requests = HostRequests(
      client: HTTPClient(), watcher: told, clock: SystemClock(), resolver: ScriptedResolver([["127.0.0.1"]]))
    var arguments: JSONObject = ["url": .string("http://a.test:\(server.port)/v1/x")]
    for member in change { arguments[member.key] = member.value }
    let caller = Caller(agent: AgentName("a"), run: RunID("r"), step: .main, attempt: AttemptNumber(1))
    return await requests.perform(
      .object(arguments), for: caller, on: HostRequests.Terms([grant ?? self.grant()], EgressCaps(), secrets: secrets))
  }

  /// Answers one request with what `text` makes of it; returns the request.
  private func answer(_ text: @escaping @Sendable (String) -> String) async throws -> String {
    let server = server
    return try await withCheckedThrowingContinuation { waiter in
      Thread.detachNewThread {
        waiter.resume(
          with: Result {
            let one = try server.accepted()
            var asked = ""
            while !asked.contains("\r\n\r\n"), let some = one.receive(), !some.isEmpty {
              asked += String(decoding: some, as: UTF8.self)
            }
            let body = text(asked)
            one.send(
              "HTTP/1.1 200 OK\r\nX-Said: \(body.prefix(60))\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            one.endOutput()
            _ = one.receiveAll()
            return asked
          })
      }
    }
  }

  private static func fields(_ head: String, like name: String) -> [Substring] {
    head.split(separator: "\r\n").filter {
      $0.lowercased().replacing("_", with: "-").hasPrefix(name.lowercased() + ":")
    }
  }

  @Test(
    arguments: [
      [:], ["Authorization": "mine"], ["AUTHORIZATION": "mine", "authorization": "mine too"], ["a": "b"],
    ] as [JSONValue])
  func `a request has the secret, in the place of whatever the module put there`(headers: JSONValue) async throws {
    async let outcome = ask(["headers": headers])
    let asked = try await answer { _ in "hi" }
    #expect(await outcome.succeeded)
    #expect(Self.fields(asked, like: "authorization") == ["Authorization: Bearer \(Self.canary)"], "\(asked)")
    #expect(!asked.contains("mine"), "\(asked)")
    #expect(Self.fields(asked, like: "connection") == ["connection: close"], "\(asked)")
    let flow = try await told.nextFlow()
    #expect(flow.secrets == ["key"] && flow.end == "closed", "\(flow)")
  }

  @Test func `also of what many servers take for it`() async throws {
    let key = SecretInjection(name: "key", header: "X-Api-Key")
    async let outcome = ask(["headers": ["x_api_key": "mine", "X-API_KEY": "mine"]], grant([key]))
    let asked = try await answer { _ in "hi" }
    #expect(await outcome.succeeded)
    #expect(Self.fields(asked, like: "x-api-key") == ["X-Api-Key: \(Self.canary)"], "\(asked)")
  }

  @Test func `a host that says it gives nothing away, however it writes it`() async throws {
    let json = JSONValue.string(Self.canary).text()
    for said in [
      Self.canary, json, Self.canary.replacing(" ", with: "%20").replacing("\"", with: "%22"), "x\(Self.canary)x",
    ] {
      async let outcome = ask([:])
      _ = try await answer { _ in said }
      let content = await outcome.content
      #expect(content["body"]?.stringValue?.contains("[redacted]") == true, "\(content)")
      #expect(content["headers"]?["x-said"]?.stringValue?.contains("[redacted]") == true, "\(content)")
      #expect(!content.text().contains("c4narY"), "\(content)")
    }
  }

  /// Were half a secret taken out at the end of a long answer, an agent could find it letter by letter.
  @Test func `a long answer is cut behind the secret or before it, and tells nothing of a beginning of it`()
    async throws
  {
    for guess in [String(Self.canary.prefix(8)), Self.canary] {
      async let outcome = ask([:])
      let before = String(repeating: "x", count: HostRequests.maxBody - 8)
      _ = try await answer { _ in before + guess + String(repeating: "y", count: 400) }
      let content = await outcome.content
      #expect(content["truncated"] == true)
      let body = try #require(content["body"]?.stringValue)
      #expect(body.utf8.count == HostRequests.maxBody)
      #expect(body.hasSuffix(guess == Self.canary ? "x[redacte" : "x" + guess), "\(body.suffix(20))")
    }
  }

  @Test func `of a host that has none, none is sent`() async throws {
    async let outcome = ask(["headers": ["Authorization": "mine"]], grant([]))
    let asked = try await answer { _ in "hi" }
    #expect(await outcome.succeeded)
    #expect(Self.fields(asked, like: "authorization") == ["authorization: mine"], "\(asked)")
    #expect(try await told.nextFlow().secrets.isEmpty)
  }

  @Test(
    arguments: [
      (["headers": ["X-HTTP-Method-Override": "TRACE"]], .language),
      (["headers": ["x_http_method": "TRACE"]], .language),
      (["headers": ["Content_Length": "1"]], .language),
    ] as [(JSONObject, DenialEvent.Rule)])
  func `what could give it away is denied, and nobody is connected to`(
    change: JSONObject, rule: DenialEvent.Rule
  ) async throws {
    let made = await ask(change)
    #expect(!made.succeeded && made.content["code"] == "denied", "\(made.content)")
    #expect(try await told.nextDenial().rule == rule)
  }

  @Test(
    arguments: [
      ["method": "TRACE"], ["method": "get"], ["headers": ["Connection": "authorization"]],
      ["headers": ["TE": "trailers"]], ["headers": ["Upgrade": "h2c"]], ["headers": ["Host": "b.test"]],
    ] as [JSONObject])
  func `what is no request of HTTP's usual ones is refused as that`(change: JSONObject) async {
    #expect(await ask(change).content["code"] == "invalid")
  }

  @Test func `without its value nothing is sent`() async throws {
    let made = await ask([:], secrets: [:])
    #expect(made.content["code"] == "denied", "\(made.content)")
    let denial = try await told.nextDenial()
    #expect(denial.rule == .secret && denial.target == "key", "\(denial)")
  }

  @Test func `a grant that leaves the language open has none without TLS`() async throws {
    let made = await ask([:], grant([Self.injection], .web))
    #expect(made.content["code"] == "denied", "\(made.content)")
    #expect(try await told.nextDenial().rule == .language)
  }

  @Test func `a host with an authority of its own is believed by that alone`() async throws {
    var grant = grant([Self.injection], .tls)
    grant.authority = HostAuthority(path: "/ca.pem", pem: "none")
    let made = await ask(["url": .string("https://a.test:\(server.port)/")], grant)
    #expect(made.content["code"] == "unreachable", "\(made.content)")
    #expect(made.content["error"]?.stringValue?.contains("certificates") == true, "\(made.content)")
  }
}
