// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOHTTP1
import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

struct PassThroughTests {
  @Test func `a call goes to the provider with its own model name and the real key, and comes back byte for byte`()
    async throws
  {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("hello") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let body = "{ \"messages\" : [ ],\"x-unknown\": 1.50, \"model\":\"fast\" }"
    let reply = try await bench.call(key: access.key, body: body, fields: ["Cookie: a=b", "OpenAI-Organization: x"])
    #expect(reply.status == 200)
    #expect(reply.body == GatewayBench.completion("hello"))
    let request = try #require(upstream.requests.first)
    #expect(request.uri == "/v1/chat/completions")
    #expect(request.body == "{ \"messages\" : [ ],\"x-unknown\": 1.50, \"model\":\"gpt-test\" }")
    #expect(request.headers["authorization"] == ["Bearer sk-real-openai"])
    #expect(request.headers["x-org"] == ["ours"])
    #expect(request.headers["accept-encoding"] == ["identity"])
    #expect(!request.headers.contains(name: "cookie"))
    #expect(!request.headers.contains(name: "openai-organization"))
    let tally = bench.gateway.closeAttempt(access.key)
    #expect(tally.made == 1)
    #expect(tally.tokens == TokenCount(15))
    await bench.stop()
  }

  @Test(arguments: [1, 32_000, 32_768, 40_000, 3_000_000])
  func `requests and answers of any length pass byte for byte`(length: Int) async throws {
    let text = String(repeating: "é", count: length / 2) + "."
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer(text) }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let body = "{\"messages\":[{\"content\":\"\(text)\"}],\"model\":\"acme/gpt-test\"}"
    let reply = try await bench.call(key: access.key, body: body)
    #expect(reply.status == 200)
    #expect(reply.body == GatewayBench.completion(text))
    let request = try #require(upstream.requests.first)
    #expect(request.body == body.replacing("acme/", with: ""))
    #expect(request.headers["content-length"] == [String(request.body.utf8.count)])
    #expect(!request.headers.contains(name: "transfer-encoding"))
    await bench.stop()
  }

  @Test(arguments: [204, 304]) func `an answer that can have no body leaves the connection fit for the next`(
    status: Int
  ) async throws {
    let upstream = ScriptedUpstream { number, _ in
      number == 0 ? .raw("HTTP/1.1 \(status) X\r\nx-request-id: r\r\n\r\n") : GatewayBench.answer("next")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    for number in 1...2 {
      let body = GatewayBench.chat("\(number)")
      try await client.send(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(access.key.secret)\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
      await client.wait { text, _ in text.contains(number == 1 ? "x-request-id: r\r\n\r\n" : "next") }
    }
    #expect(client.received.hasPrefix("HTTP/1.1 \(status) "))
    #expect(!client.received.prefix { $0 != "{" }.contains("content-length: 0"))
    #expect(client.received.hasSuffix(GatewayBench.completion("next")))
    await client.close()
    await bench.stop()
  }

  @Test func `without a valid key nothing is answered but 401 in the words of the dialect`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("hello") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let reply = try await bench.call(key: VirtualKey("nk_guess"), body: GatewayBench.chat("x"))
    #expect(reply.status == 401)
    #expect(reply.json?["error"]?["code"] == "invalid_api_key")
    let other = try await bench.call("POST", "/v1/messages", key: VirtualKey("nk_guess"), body: "{}")
    #expect(other.status == 401)
    #expect(other.json?["error"]?["type"] == "authentication_error")
    #expect(upstream.requests.isEmpty)
    await bench.stop()
  }

  @Test func `a recorded call is answered from the journal in the next attempt`() async throws {
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let first = try await bench.open(1)
    let one = try await bench.call(key: first.key, body: GatewayBench.chat("same"))
    let two = try await bench.call(key: first.key, body: GatewayBench.chat("same"))
    #expect(one.body != two.body)
    _ = bench.gateway.closeAttempt(first.key)
    #expect(try await bench.call(key: first.key, body: GatewayBench.chat("same")).status == 401)

    let second = try await bench.open(2)
    let spaced = "{\"messages\": [{\"content\":\"same\",\"role\":\"user\"}], \"model\":\"acme/gpt-test\"}"
    let again = try await bench.call(key: second.key, body: spaced)
    #expect(again.body == one.body)
    #expect(again.fields["x-naos-replayed"] == "true")
    #expect(try await bench.call(key: second.key, body: GatewayBench.chat("same")).body == two.body)
    #expect(try await bench.call(key: second.key, body: GatewayBench.chat("same")).body.contains("answer 2"))
    #expect(upstream.requests.count == 3)
    let tally = bench.gateway.closeAttempt(second.key)
    #expect(tally.replayed == 2)
    #expect(tally.made == 1)
    await bench.stop()
  }
}
