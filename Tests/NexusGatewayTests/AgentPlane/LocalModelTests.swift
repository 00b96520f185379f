// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

struct LocalModelTests {
  private func bench(_ rules: JSONValue, _ limits: GatewayLimits = GatewayLimits()) async throws -> GatewayBench {
    try await GatewayBench.start(limits: limits, script: rules, upstream: ScriptedUpstream { _, _ in .close })
  }

  @Test func `the extractive model answers in both dialects, streamed or not, and is metered in tokens`() async throws {
    let bench = try await bench([])
    let access = try await bench.open()
    let plain = try await bench.call(
      key: access.key, body: GatewayBench.chat("What is a saga?", model: "local/extractive"))
    #expect(plain.status == 200)
    #expect(plain.json?["usage"]?["prompt_tokens"]?.intValue ?? 0 > 0)
    let streamed = try await bench.call(
      key: access.key, body: GatewayBench.chat("What is a saga?", model: "local/extractive", more: ",\"stream\":true"))
    #expect(streamed.body.hasSuffix("data: [DONE]\n\n"))
    let body = "{\"model\":\"local/extractive\",\"max_tokens\":99,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"
    let other = try await bench.call("POST", "/v1/messages", key: access.key, body: body)
    #expect(other.json?["type"] == "message")
    let tally = bench.gateway.closeAttempt(access.key)
    #expect(tally.made == 3)
    #expect(tally.tokens > .zero)
    #expect(tally.cost == .zero)
    await bench.stop()
  }

  @Test func `the scripted model acts its faults out`() async throws {
    var limits = GatewayLimits()
    limits.firstByteTimeout = .milliseconds(60)
    let bench = try await bench(
      [
        ["match": ["call": 1], "fault": "429"], ["match": ["call": 2], "fault": "500"],
        ["match": ["call": 3], "fault": "timeout"], ["match": ["call": 4], "answer": "word", "fault": "cut-stream"],
        ["match": ["call": 5], "answer": "word", "fault": "malformed-json"],
        ["match": ["call": 6], "answer": "word", "fault": "no-usage"],
        ["answer": "well done", "delayMs": 5],
      ], limits)
    let access = try await bench.open()
    var statuses: [Int] = []
    var bodies: [String] = []
    for call in 1...7 {
      let more = call == 4 ? ",\"stream\":true" : ""
      let reply = try await bench.call(
        key: access.key, body: GatewayBench.chat("q\(call)", model: "local/scripted", more: more))
      statuses.append(reply.status)
      bodies.append(reply.body)
    }
    #expect(statuses == [429, 500, 504, 200, 200, 200, 200])
    #expect(bodies[3].contains("NX-GWY") || bodies[3].contains("broke off"))
    #expect(bodies[6].contains("well done"))
    let bases = try await bench.store.charges(ChargeQuery()).map(\.basis)
    #expect(bases == [.usage, .hold, .hold, .hold, .hold, .released, .released])
    await bench.stop()
  }

  @Test func `a scripted stream comes at its rate, an error says when to ask again, and an answer may break its cap`()
    async throws
  {
    let bench = try await bench([
      ["match": ["call": 1], "answer": "one two three four five six seven eight", "tokensPerSecond": 100],
      ["match": ["call": 2], "fault": "503", "retryAfterMs": 1500],
      ["match": ["call": 3], "answer": "word", "fault": "over-cap"],
    ])
    let access = try await bench.open()
    func ask(_ more: String = "") async throws -> Reply {
      try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "local/scripted", more: more))
    }
    let clock = ContinuousClock()
    let began = clock.now
    let stream = try await ask(",\"stream\":true")
    // At least ten tokens at a hundred a second; how much longer it takes is the machine's.
    #expect(clock.now - began >= .milliseconds(100))
    #expect(stream.body.hasSuffix("data: [DONE]\n\n"))
    let refused = try await ask()
    #expect(refused.status == 503)
    #expect(refused.fields["retry-after-ms"] == "1500" && refused.fields["retry-after"] == "2")
    let greedy = try await ask(",\"max_tokens\":50")
    #expect(greedy.json?["usage"]?["completion_tokens"] == 1050)
    #expect(try await bench.store.charges(ChargeQuery()).first?.outputTokens == TokenCount(1050))
    await bench.stop()
  }

  @Test func `an unknown local model and a model of another dialect are told apart`() async throws {
    let bench = try await bench([])
    let access = try await bench.open()
    let unknown = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "local/nothing"))
    #expect(unknown.status == 404)
    let other = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "claudia/claude-test"))
    #expect(other.status == 400)
    #expect(other.fields["x-naos-code"] == "NX-GWY-005")
    await bench.stop()
  }
}
