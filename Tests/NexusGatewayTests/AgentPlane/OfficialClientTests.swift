// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Runs the scripts of `Tests/sdk`, with the real packages, against a gateway of its own.
struct OfficialClientTests {
  /// A Python with the packages `openai` and `anthropic`, from `NAOS_PYTHON`.
  private func python() throws -> String {
    guard let path = ProcessInfo.processInfo.environment["NAOS_PYTHON"], !path.isEmpty else {
      try Test.cancel("NAOS_PYTHON names no Python with the official clients")
    }
    return path
  }

  private func check(_ script: String, _ environment: [String: String]) async throws -> (status: Int32, words: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try python())
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    process.arguments = [folder.appendingPathComponent("sdk/\(script)").path]
    process.environment = environment
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    let ended = Signal()
    process.terminationHandler = { _ in ended.set() }
    try process.run()
    await ended.wait()
    let words = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
    return (process.terminationStatus, words)
  }

  /// An OpenAI-style or Anthropic-style tool call, an error, or a stream that is cut, by the model asked for.
  private static func act(_ request: ScriptedUpstream.Request) -> ScriptedUpstream.Act {
    let type = [("content-type", "application/json")]
    let isAnthropic = request.uri == "/v1/messages"
    if request.body.contains("\"tooling\"") {
      let call =
        isAnthropic
        ? "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"tooling\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"weather\",\"input\":{\"city\":\"Oslo\"}}],\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":4}}"
        : "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"tooling\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"weather\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}"
      return .answer(status: 200, fields: type, body: call)
    }
    if request.body.contains("\"cutting\"") {
      return .cut(
        type: StreamTests.type, isAnthropic ? Array(StreamTests.anthropic.prefix(3)) : [StreamTests.chunk("a")])
    }
    let body =
      isAnthropic
      ? "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"no\"}}"
      : "{\"error\":{\"message\":\"no\"}}"
    return .answer(status: 500, fields: type, body: body)
  }

  private func run(_ script: String, provider: String, address: (GatewayBench, VirtualKey) -> [String: String])
    async throws
  {
    _ = try python()
    let upstream = ScriptedUpstream { _, request in Self.act(request) }
    let free = ["tooling", "failing", "cutting"].map {
      PriceSpec(model: "\(provider)/\($0)", input: .zero, output: .zero)
    }
    let spent = PriceSpec(model: "\(provider)/dear", input: .zero, output: .zero, perRequest: NanoUSD.dollars(1))
    let bench = try await GatewayBench.start(
      budgets: [
        BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(1)),
        BudgetSpec(scope: .global, window: .lifetime, maxTokens: TokenCount(1_000_000)),
      ], prices: free + [spent], upstream: upstream)
    let access = try await bench.open()
    var environment = address(bench, access.key)
    environment["NAOS_CHECK_TOOL_MODEL"] = "\(provider)/tooling"
    environment["NAOS_CHECK_FAILING_MODEL"] = "\(provider)/failing"
    environment["NAOS_CHECK_CUT_MODEL"] = "\(provider)/cutting"
    environment["NAOS_CHECK_SPENT_MODEL"] = "\(provider)/dear"
    let result = try await check(script, environment)
    #expect(result.status == 0, "\(result.words)")
    #expect(result.words.contains("ok        check_spent"))
    await bench.stop()
  }

  @Test func `the official OpenAI client works unmodified`() async throws {
    try await run("openai_check.py", provider: "acme") { bench, key in
      ["OPENAI_BASE_URL": "\(bench.gateway.baseURL)/v1", "OPENAI_API_KEY": key.secret]
    }
  }

  @Test func `the official Anthropic client works unmodified`() async throws {
    try await run("anthropic_check.py", provider: "claudia") { bench, key in
      ["ANTHROPIC_BASE_URL": bench.gateway.baseURL, "ANTHROPIC_API_KEY": key.secret]
    }
  }
}
