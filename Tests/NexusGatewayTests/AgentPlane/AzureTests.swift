// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NIOHTTP1
import NexusCore
import NexusGateway
import NexusKernel
import Testing

/// Providers that want more than a path and the key of their dialect.
@Suite(.timeLimit(.minutes(1)))
struct AzureTests {
  private func bench(
    _ upstream: ScriptedUpstream, query: [EnvironmentVariable], keyHeader: String?, dialect: Dialect = .openai
  ) async throws -> GatewayBench {
    try await upstream.start()
    let provider = ProviderSpec(
      name: "azure", dialect: dialect, baseURL: upstream.baseURL + "/openai/deployments/ours",
      apiKey: SecretText("sk-real-azure"), query: query, keyHeader: keyHeader)
    return try await GatewayBench.start(
      prices: [PriceSpec(model: "azure/gpt-test", input: .zero, output: .zero)], providers: [provider],
      models: [], upstream: upstream)
  }

  @Test func `the version goes into the query and the key into its own header`() async throws {
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
    let bench = try await bench(
      upstream, query: [EnvironmentVariable("api-version", "2024-10-21"), EnvironmentVariable("a b", "1&c=d/ü")],
      keyHeader: "api-key")
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "azure/gpt-test"))
    #expect(reply.status == 200)
    let request = try #require(upstream.requests.first)
    #expect(
      request.uri == "/openai/deployments/ours/chat/completions?api-version=2024-10-21&a%20b=1%26c%3Dd%2F%C3%BC")
    #expect(request.headers["api-key"] == ["sk-real-azure"])
    #expect(request.headers["authorization"].isEmpty)
    await bench.stop()
  }

  @Test func `the key is taken out of an answer whatever its header is called`() async throws {
    let upstream = ScriptedUpstream { _, _ in
      .answer(
        status: 401, fields: [("content-type", "application/json")],
        body: "{\"error\":{\"message\":\"no access for sk-real-azure\"}}")
    }
    let bench = try await bench(upstream, query: [], keyHeader: "x-ours")
    let access = try await bench.open()
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q", model: "azure/gpt-test"))
    #expect(upstream.requests.first?.headers["x-ours"] == ["sk-real-azure"])
    #expect(!reply.body.contains("sk-real-azure"), "\(reply.body)")
    await bench.stop()
  }

  @Test func `a path with a query of its own keeps it`() async throws {
    let upstream = ScriptedUpstream { _, _ in
      .pieces(type: "text/event-stream", ["data: {\"candidates\":[]}\n\n"])
    }
    let bench = try await bench(
      upstream, query: [EnvironmentVariable("api-version", "preview")], keyHeader: nil, dialect: .gemini)
    let access = try await bench.open()
    _ = try await bench.call(
      "POST", "/v1beta/models/azure/gpt-test:streamGenerateContent?alt=sse", key: access.key,
      body: "{\"contents\":[]}")
    #expect(
      upstream.requests.first?.uri
        == "/openai/deployments/ours/v1beta/models/gpt-test:streamGenerateContent?alt=sse&api-version=preview")
    #expect(upstream.requests.first?.headers["x-goog-api-key"] == ["sk-real-azure"])
    await bench.stop()
  }
}
