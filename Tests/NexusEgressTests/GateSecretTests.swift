// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusEgress
import Testing

/// Secrets that the gate adds to requests.
struct GateSecretTests {
  private static let injection = SecretInjection(name: "key", header: "Authorization", prefix: "Bearer ")

  private static var grant: HostGrant {
    var grant = HostGrant(host: "example.test", port: 443, language: .tls, methods: [], paths: ["/v1/*"])
    grant.isTerminated = true
    grant.secrets = [injection]
    return grant
  }

  private func take(_ text: String, value: String? = "canary") -> RequestGuard.Passage {
    var requests = RequestGuard(
      Self.grant, secrets: [GateSecret(Self.injection, value.map { SecretText($0) })])
    return requests.take(Array(text.utf8))
  }

  private func text(_ passage: RequestGuard.Passage) -> String { String(decoding: passage.bytes, as: UTF8.self) }

  @Test(arguments: [
    ("Content-Length: 2\r\n", "hi"), ("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"), ("", ""),
  ])
  func `a request has the secret, a body goes through as it is, and nothing goes behind it`(
    _ field: String, _ body: String
  ) {
    let asked = "POST /v1/a HTTP/1.1\r\nHost: example.test\r\nConnection: keep-alive\r\n\(field)\r\n\(body)"
    var requests = RequestGuard(Self.grant, secrets: [GateSecret(Self.injection, SecretText("canary"))])
    let passage = requests.take(Array((asked + asked).utf8))
    #expect(passage.refusal == nil && passage.requests == 1 && requests.isOver)
    #expect(
      text(passage)
        == "POST /v1/a HTTP/1.1\r\nHost: example.test\r\n\(field)Connection: close\r\n"
        + "Authorization: Bearer canary\r\n\r\n\(body)")
    #expect(requests.take(Array(asked.utf8)) == RequestGuard.Passage())
  }

  @Test(arguments: [
    "Authorization: mine", "AUTHORIZATION:mine", "authorization:", "Authorization: a\r\nauthorization: b",
    "Authorization:\tBearer x",
  ])
  func `what the agent sends in its place is not sent`(_ fields: String) {
    let passage = take("GET /v1/a HTTP/1.1\r\nHost: example.test\r\n\(fields)\r\nA: b\r\n\r\n")
    #expect(
      text(passage)
        == "GET /v1/a HTTP/1.1\r\nHost: example.test\r\nA: b\r\n"
        + "Connection: close\r\nAuthorization: Bearer canary\r\n\r\n")
  }

  @Test func `nor what many servers take for it`() {
    let key = SecretInjection(name: "key", header: "X-Api-Key")
    var requests = RequestGuard(Self.grant, secrets: [GateSecret(key, SecretText("canary"))])
    let passage = requests.take(Array("GET /v1/a HTTP/1.1\r\nHost: example.test\r\nx_api_key: mine\r\n\r\n".utf8))
    #expect(
      text(passage)
        == "GET /v1/a HTTP/1.1\r\nHost: example.test\r\n"
        + "Connection: close\r\nX-Api-Key: canary\r\n\r\n")
  }

  @Test(arguments: [
    ("TRACE /v1/a HTTP/1.1\r\nHost: example.test\r\n\r\n", DenialEvent.Rule.method, "TRACE https://example.test/v1/a"),
    ("track /v1/a HTTP/1.1\r\nHost: example.test\r\n\r\n", .method, "track https://example.test/v1/a"),
    ("GET /v2/a?x HTTP/1.1\r\nHost: example.test\r\n\r\n", .path, "GET https://example.test/v2/a"),
    ("GET /v1/a HTTP/1.1\r\nHost: other.test\r\n\r\n", .host, "other.test"),
    (
      "GET /v1/a HTTP/1.1\r\nHost: example.test\r\nConnection: close, authorization\r\n\r\n", .language,
      "Connection: close, authorization"
    ),
    (
      "GET /v1/a HTTP/1.1\r\nHost: example.test\r\nX-Http_Method-Override: TRACE\r\n\r\n", .language,
      "X-Http_Method-Override: TRACE"
    ),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .language, "another protocol than HTTP/1"),
  ])
  func `a request that could give the secret away is refused before anything of it is sent`(
    _ asked: String, _ rule: DenialEvent.Rule, _ target: String
  ) {
    let passage = take(asked)
    #expect(passage.refusal == RequestGuard.Refusal(rule: rule, target: target) && passage.bytes.isEmpty)
  }

  @Test(arguments: [
    "Authorization: mine", "DELETE /mine HTTP/1.1\r\nHost: other\r\nContent-Length: 400", "Mine: x",
  ])
  func `nothing behind a body takes its place, or swallows the next one`(_ trailer: String) {
    let passage = take(
      "POST /v1/a HTTP/1.1\r\nHost: example.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\(trailer)\r\n\r\n"
        + "GET /v1/a HTTP/1.1\r\nHost: example.test\r\n\r\n")
    #expect(passage.refusal?.rule == .language && passage.requests == 1)
    #expect(!text(passage).lowercased().contains("mine") && text(passage).hasSuffix("canary\r\n\r\n"))
  }

  @Test func `without its value nothing is sent`() {
    let passage = take("GET /v1/a HTTP/1.1\r\nHost: example.test\r\n\r\n", value: nil)
    #expect(passage.refusal == RequestGuard.Refusal(rule: .secret, target: "key") && passage.bytes.isEmpty)
  }
}
