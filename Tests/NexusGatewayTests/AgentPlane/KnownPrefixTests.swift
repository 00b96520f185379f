// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// A conversation that the provider has counted needs less room the next time.
@Suite(.timeLimit(.minutes(1)))
struct KnownPrefixTests {
  /// A first message of two thousand bytes, and short ones behind it.
  private static func body(_ messages: Int, first: String = "a", more: String = ",\"max_tokens\":100") -> String {
    let long = String(repeating: first, count: 2000)
    let texts = [long] + (1..<max(1, messages)).map { "message \($0)" }
    let list = texts.prefix(messages).map { "{\"role\":\"user\",\"content\":\"\($0)\"}" }.joined(separator: ",")
    return "{\"model\":\"acme/gpt-test\"\(more),\"messages\":[\(list)]}"
  }

  private func bench(_ tokens: Int64, input: Int = 300) async throws -> GatewayBench {
    let upstream = ScriptedUpstream { number, _ in
      .answer(
        status: 200, fields: [("content-type", "application/json")],
        body: GatewayBench.completion("a", input: input + number * 10))
    }
    return try await GatewayBench.start(
      budgets: [BudgetSpec(scope: .agent(AgentName("tester")), maxTokens: TokenCount(tokens))], upstream: upstream)
  }

  @Test func `the counted beginning holds what it was counted to, and only the rest its bytes`() async throws {
    let bench = try await bench(2700)
    let access = try await bench.open()
    for messages in 1...4 {
      let reply = try await bench.call(key: access.key, body: Self.body(messages))
      #expect(reply.status == 200, "call \(messages)")
      // The cap was not lowered to make it fit.
      #expect(reply.fields["x-naos-clamped"] == nil)
    }
    let spent = try await bench.store.charges(ChargeQuery()).reduce(TokenCount.zero) { $0 + $1.spend.tokens }
    #expect(spent == TokenCount(305 + 315 + 325 + 335))
    await bench.stop()
  }

  @Test(arguments: [
    KnownPrefixTests.body(2, first: "b"), KnownPrefixTests.body(2, more: ",\"max_tokens\":100,\"user\":\"x\""),
  ])
  func `another beginning is bounded by its bytes`(body: String) async throws {
    let bench = try await bench(2340)
    let access = try await bench.open()
    #expect(try await bench.call(key: access.key, body: Self.body(1)).status == 200)
    let reply = try await bench.call(key: access.key, body: body)
    #expect(reply.status == 429)
    #expect(reply.fields["x-naos-code"] == "NX-BUD-003")
    await bench.stop()
  }

  @Test func `a run knows what it was told itself, and no other run does`() async throws {
    let bench = try await bench(2340)
    let access = try await bench.open()
    #expect(try await bench.call(key: access.key, body: Self.body(1)).status == 200)
    let stranger = try await bench.open(1, run: nil)
    #expect(try await bench.call(key: stranger.key, body: Self.body(2)).status == 429)
    #expect(try await bench.call(key: access.key, body: Self.body(2)).status == 200)
    await bench.stop()
  }
}
