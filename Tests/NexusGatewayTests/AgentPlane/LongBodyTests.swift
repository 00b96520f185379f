// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Bodies that are made to keep the node busy.
@Suite(.timeLimit(.minutes(2)))
struct LongBodyTests {
  /// As many tiny messages as the values come to.
  private static func messages(_ values: Int, _ message: String = "{\"role\":\"u\",\"content\":\"\"}") -> String {
    let list = Array(repeating: message, count: values / 3).joined(separator: ",")
    return "{\"model\":\"acme/gpt-test\",\"messages\":[\(list)]}"
  }

  @Test func `a body of more values than any prompt has is refused wherever they stand`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let many = Array(repeating: "[]", count: ModelRequest.mostValues + 1).joined(separator: ",")
    let bombs = [
      ("/v1/chat/completions", Self.messages(ModelRequest.mostValues + 10)),
      ("/v1/chat/completions", "{\"model\":\"acme/gpt-test\",\"metadata\":[\(many)]}"),
      ("/agent/v1/tools/files.search", "{\"arguments\":{\"x\":[\(many)]}}"),
      ("/agent/v1/state/x", "[\(many)]"),
    ]
    for (path, body) in bombs {
      let method = path.contains("state") ? "PUT" : "POST"
      let reply = try await bench.call(method, path, key: access.key, body: body)
      #expect(reply.status == 400, "\(path)")
      #expect(reply.fields["x-naos-code"] == "NX-GWY-006", "\(path)")
    }
    #expect(upstream.requests.isEmpty)
    #expect(try await bench.store.effects(of: GatewayBench.run).isEmpty)
    await bench.stop()
  }

  @Test func `a short request does not wait until a long one before it is read`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await GatewayBench.start(threads: 1, upstream: upstream)
    let access = try await bench.open()
    let long = Self.messages(ModelRequest.mostValues - 1000)
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    // Its last byte is there before the short one is sent, so that it is the first to be read.
    try await client.send(GatewayBench.request(key: access.key.secret, body: long))
    var early = 0
    while !client.received.contains("200 OK") {
      #expect(try await bench.call(key: access.key, body: GatewayBench.chat("\(early)")).status == 200)
      early += 1
    }
    #expect(upstream.requests.firstIndex { $0.body.utf8.count > 1_000_000 } ?? 0 > 0)
    await client.close()
    await bench.stop()
  }

  @Test func `parts of a thousand names are refused by a few of them`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let budget = BudgetSpec(scope: .global, maxTokens: TokenCount(1_000_000_000))
    let bench = try await GatewayBench.start(budgets: [budget], upstream: upstream)
    let access = try await bench.open()
    let parts = (0..<10_000).map { "{\"type\":\"part\($0)\"}" }.joined(separator: ",")
    let body = "{\"model\":\"acme/gpt-test\",\"messages\":[{\"role\":\"user\",\"content\":[\(parts)]}]}"
    let reply = try await bench.call(key: access.key, body: body)
    #expect(reply.status == 400)
    #expect(reply.json?["error"]?["code"] == "naos_unbounded_cost")
    #expect(reply.body.contains("part31") && !reply.body.contains("part32"))
    await bench.stop()
  }

  @Test func `what is in the message after the last of many counts like in the first`() throws {
    let picture = "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}}"
    let text = Array(repeating: "{\"role\":\"user\",\"content\":\"x\"}", count: 500).joined(separator: ",")
    for messages in ["\(text),{\"content\":[\(picture)]}", "{\"content\":[\(picture)]},\(text)"] {
      let body = Array("{\"model\":\"m\",\"messages\":[\(messages)]}".utf8)
      let facts = try ModelRequest.read(.chat, body.span).facts
      #expect(facts.images == 1)
      #expect(facts.textBytes == body.count - "data:image/png;base64,AAAA".utf8.count)
      #expect(facts.unbounded.isEmpty)
    }
  }

  @Test func `the same member twice is found among many`() {
    let members = (0..<900).map { "\"k\($0)\":0" }.joined(separator: ",")
    let body = Array("{\"model\":\"m\",\(members),\"k7\":1}".utf8)
    #expect(throws: GatewayError.self) { try ModelRequest.read(.chat, body.span) }
  }
}
