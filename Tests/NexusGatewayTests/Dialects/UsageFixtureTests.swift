// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Answers in the formats that the providers document, with the usage that they tell: `fixtures/usage`.
struct UsageFixtureTests {
  /// One recorded answer.
  struct Fixture: Sendable, CustomTestStringConvertible {
    let name: String
    let content: JSONValue
    var testDescription: String { name }

    var provider: String { String(name.prefix { $0 != "-" }) }
    var path: String { content["path"]?.stringValue ?? "" }
    var model: String { content["model"]?.stringValue ?? "" }
    var pieces: [String]? { content["events"]?.arrayValue?.compactMap(\.stringValue) }

    /// What the provider says that the call used.
    var usage: CallUsage {
      func count(_ key: String) -> Int64 { content["usage"]?[key]?.intValue ?? 0 }
      var usage = CallUsage()
      usage.uncachedInput = TokenCount(count("uncachedInput"))
      usage.cacheRead = TokenCount(count("cacheRead"))
      usage.cacheWrite5m = TokenCount(count("cacheWrite5m"))
      usage.cacheWrite1h = TokenCount(count("cacheWrite1h"))
      usage.soundInput = TokenCount(count("soundInput"))
      usage.output = TokenCount(count("output"))
      usage.reasoning = TokenCount(count("reasoning"))
      usage.soundOutput = TokenCount(count("soundOutput"))
      usage.pictureOutput = TokenCount(count("pictureOutput"))
      if count("webSearches") > 0 { usage.hosted[.webSearch] = count("webSearches") }
      if count("fileSearches") > 0 { usage.hosted[.fileSearch] = count("fileSearches") }
      for (key, kind) in [("tier", ServiceOption.Kind.tier), ("speed", .speed), ("geo", .geo)] {
        if let value = content["usage"]?[key]?.stringValue { usage.options.append(ServiceOption(kind, value)) }
      }
      return usage
    }

    /// The request, with the model where the path does not name it.
    var request: String {
      var body = content["request"]?.objectValue ?? JSONObject()
      if provider != "gemini" { body["model"] = .string("\(provider)/\(model)") }
      return JSONValue.object(body).text()
    }

    var answer: ScriptedUpstream.Act {
      if let pieces { return .pieces(type: content["type"]?.stringValue ?? "text/event-stream", pieces) }
      return .answer(
        status: 200, fields: [("content-type", "application/json")], body: content["body"]?.text() ?? "")
    }

    var text: String { pieces?.joined() ?? content["body"]?.text() ?? "" }

    static let all: [Fixture] = {
      let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("fixtures/usage")
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
      return names.sorted().compactMap { name in
        guard let data = FileManager.default.contents(atPath: folder.appendingPathComponent(name).path),
          let content = try? JSONValue(parsing: Array(data))
        else { return nil }
        return Fixture(name: String(name.prefix { $0 != "." }), content: content)
      }
    }()
  }

  private func bench(_ fixture: Fixture) async throws -> GatewayBench {
    let upstream = ScriptedUpstream { _, _ in fixture.answer }
    try await upstream.start()
    let providers = [
      ProviderSpec(name: "openai", dialect: .openai, baseURL: upstream.baseURL + "/v1", apiKey: SecretText("k")),
      ProviderSpec(name: "anthropic", dialect: .anthropic, baseURL: upstream.baseURL, apiKey: SecretText("k")),
      ProviderSpec(name: "gemini", dialect: .gemini, baseURL: upstream.baseURL, apiKey: SecretText("k")),
    ]
    let budget = BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD.dollars(1000))
    return try await GatewayBench.start(budgets: [budget], providers: providers, upstream: upstream)
  }

  @Test func `there is a fixture for every bucket, and each names its documentation`() {
    let all = Fixture.all
    #expect(all.count >= 20)
    for fixture in all { #expect(fixture.content["documentation"]?.stringValue?.hasPrefix("https://") == true) }
    let buckets = Set(all.flatMap { $0.content["usage"]?.objectValue?.keys ?? [] })
    #expect(
      buckets == [
        "uncachedInput", "cacheRead", "cacheWrite5m", "cacheWrite1h", "soundInput", "output", "reasoning",
        "soundOutput", "pictureOutput", "webSearches", "fileSearches", "tier", "speed", "geo",
      ])
  }

  @Test(arguments: Fixture.all) func `the charge is what the provider's own numbers come to`(fixture: Fixture)
    async throws
  {
    let bench = try await bench(fixture)
    let access = try await bench.open()
    let reply = try await bench.call("POST", fixture.path, key: access.key, body: fixture.request)
    #expect(reply.status == 200, "\(reply.body)")
    let strips = fixture.name == "openai-chat-stream"
    #expect(reply.body == fixture.text || strips)
    let charge = try #require(try await bench.store.charges(ChargeQuery()).first)
    let usage = fixture.usage
    #expect(charge.basis == .usage)
    #expect(charge.inputTokens == usage.input)
    #expect(charge.outputTokens == usage.output)
    #expect(charge.cachedTokens == usage.cacheRead)
    let price = try #require(PriceBook().price(provider: fixture.provider, model: fixture.model))
    #expect(charge.spend.cost == price.cost(of: usage))
    #expect(charge.spend.tokens == usage.total)
    await bench.stop()
  }

  @Test(arguments: Fixture.all) func `an answer is read bucket by bucket, and replayed byte for byte`(fixture: Fixture)
    async throws
  {
    if fixture.pieces == nil {
      let api = ModelAPI.all.filter { $0.dialect.rawValue == fixture.provider }
      let found = api.compactMap { api -> CallUsage? in
        guard !api.name.hasSuffix("count") else { return nil }
        var usage = api.usage(Array(fixture.text.utf8).span)
        usage?.model = nil
        usage?.options.removeAll { ["default", "standard"].contains($0.value) }
        return usage
      }
      #expect(found.contains { $0 == fixture.usage })
    }
    let bench = try await bench(fixture)
    let first = try await bench.open()
    let made = try await bench.call("POST", fixture.path, key: first.key, body: fixture.request)
    let second = try await bench.open(2)
    let replayed = try await bench.call("POST", fixture.path, key: second.key, body: fixture.request)
    #expect(replayed.body == made.body)
    #expect(replayed.fields["x-naos-replayed"] == "true")
    #expect(bench.upstream.requests.count == 1)
    await bench.stop()
  }
}
