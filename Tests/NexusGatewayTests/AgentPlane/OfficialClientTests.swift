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

  /// What the provider answers, by the model that the request names: a call of a tool, a shape, an error, a cut stream.
  private static func act(_ request: ScriptedUpstream.Request) -> ScriptedUpstream.Act {
    let named = ["tooling", "shaped", "cutting"].first {
      request.body.contains("\"\($0)\"") || request.uri.contains("/\($0):")
    }
    let type = [("content-type", "application/json")]
    let answers = ProviderAnswers(uri: request.uri)
    switch named {
    case "tooling"?: return .answer(status: 200, fields: type, body: answers.call)
    case "shaped"?:
      return .answer(status: 200, fields: type, body: answers.text("{\\\"city\\\":\\\"Oslo\\\",\\\"degrees\\\":7}"))
    case "cutting"?: return .cut(type: StreamTests.type, answers.beginning)
    default: return .answer(status: 500, fields: type, body: answers.error)
    }
  }

  private func run(
    _ script: String, provider: String, failures: Int, address: (GatewayBench, VirtualKey) -> [String: String]
  )
    async throws
  {
    _ = try python()
    let upstream = ScriptedUpstream { _, request in Self.act(request) }
    let free = ["tooling", "failing", "cutting", "shaped"].map {
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
    environment["NAOS_CHECK_SHAPED_MODEL"] = "\(provider)/shaped"
    let result = try await check(script, environment)
    #expect(result.status == 0, "\(result.words)")
    #expect(result.words.contains("ok        check_spent"))
    // What was refused never went out, and what failed went out as often as the client asked.
    let asked = upstream.requests.map { $0.uri + $0.body }
    #expect(!asked.contains { $0.contains("dear") })
    #expect(asked.count { $0.contains("failing") } == failures)
    await bench.stop()
  }

  @Test func `the official OpenAI client works unmodified`() async throws {
    try await run("openai_check.py", provider: "acme", failures: 4) { bench, key in
      ["OPENAI_BASE_URL": "\(bench.gateway.baseURL)/v1", "OPENAI_API_KEY": key.secret]
    }
  }

  @Test func `the official Anthropic client works unmodified`() async throws {
    try await run("anthropic_check.py", provider: "claudia", failures: 2) { bench, key in
      ["ANTHROPIC_BASE_URL": bench.gateway.baseURL, "ANTHROPIC_API_KEY": key.secret]
    }
  }

  @Test func `the official Google client works unmodified`() async throws {
    try await run("gemini_check.py", provider: "gem", failures: 1) { bench, key in
      ["GOOGLE_GEMINI_BASE_URL": bench.gateway.baseURL, "GEMINI_API_KEY": key.secret]
    }
  }

  // MARK: A busy refusal

  /// What an SDK did whose call found no room in the budget: what it said, what was sent, and what was charged.
  private struct BusyCall {
    var words: [String]
    var asked: [String]
    /// The requests of each charge that has any.
    var charged: [Int64]
  }

  /// One call holds all of the budget, and fails free of charge once the SDK was refused `refusals` times, or after it.
  private func busy(_ sdk: String, endsAfter refusals: Int) async throws -> BusyCall {
    _ = try python()
    let provider = ["openai": "acme", "anthropic": "claudia", "gemini": "gem"][sdk] ?? ""
    let gate = Signal()
    let type = [("content-type", "application/json")]
    let upstream = ScriptedUpstream { number, request in
      number == 0
        ? .after(gate, .answer(status: 400, fields: type, body: "{}"))
        : .answer(status: 200, fields: type, body: ProviderAnswers(uri: request.uri).text("well"))
    }
    var limits = GatewayLimits()
    limits.budgetQueueTimeout = .milliseconds(20)
    let bench = try await GatewayBench.start(
      budgets: [BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD.dollars(2))],
      prices: ["\(provider)/busy", "acme/holding"].map {
        PriceSpec(
          model: $0, input: .zero, output: .zero, perRequest: NanoUSD.dollars($0 == "acme/holding" ? 2 : 1))
      }, limits: limits, upstream: upstream)
    let access = try await bench.open()
    async let held = bench.call(key: access.key, body: GatewayBench.chat("hold", model: "acme/holding"))
    await upstream.received(1)
    async let called = check(
      "busy_check.py",
      [
        "NAOS_CHECK_SDK": sdk, "NAOS_CHECK_BUSY_MODEL": "\(provider)/busy",
        "OPENAI_BASE_URL": "\(bench.gateway.baseURL)/v1", "OPENAI_API_KEY": access.key.secret,
        "ANTHROPIC_BASE_URL": bench.gateway.baseURL, "ANTHROPIC_API_KEY": access.key.secret,
        "GOOGLE_GEMINI_BASE_URL": bench.gateway.baseURL, "GEMINI_API_KEY": access.key.secret,
      ])
    if refusals > 0 {
      while bench.events.phases.count(where: { $0 == .refused }) < refusals {
        try Task.checkCancellation()
        await Task.yield()
      }
      gate.set()
    }
    let result = try await called
    #expect(result.status == 0, "\(result.words)")
    gate.set()
    _ = try await held
    // The last charge is written by then.
    await bench.stop()
    let charges = try await bench.store.charges(ChargeQuery())
    return BusyCall(
      words: result.words.split(separator: "\n").map(String.init), asked: upstream.requests.map(\.uri),
      charged: charges.map(\.spend.requests).filter { $0 > 0 })
  }

  private static let sdks = ["openai", "anthropic", "gemini"]

  @Test(.timeLimit(.minutes(1)), arguments: sdks)
  func `an SDK that is told to come again waits as it was told, and is charged once`(sdk: String) async throws {
    let call = try await busy(sdk, endsAfter: 1)
    #expect(call.words.first == "sent 2")
    #expect(call.words.last == "answered well")
    #expect(try Self.waited(call) >= (sdk == "gemini" ? 0.9 : 1.9), "\(call.words)")
    // The call that held the budget, and that of the SDK, once.
    #expect(call.asked.count == 2)
    #expect(call.charged == [1], "\(call)")
  }

  @Test(.timeLimit(.minutes(1)), arguments: sdks)
  func `an SDK that comes again too early spends nothing, and gives up`(sdk: String) async throws {
    let call = try await busy(sdk, endsAfter: 0)
    #expect(call.words.first == "sent 2")
    #expect(call.words.last == "refused 429 true 2 NX-BUD-002")
    #expect(try Self.waited(call) >= (sdk == "gemini" ? 0.9 : 1.9), "\(call.words)")
    #expect(call.asked.count == 1)
    #expect(call.charged == [])
  }

  private static func waited(_ call: BusyCall) throws -> Double {
    let words = try #require(call.words.first { $0.hasPrefix("waited ") })
    return try #require(Double(words.dropFirst(7)))
  }
}

/// Answers as the provider of an endpoint would write them.
struct ProviderAnswers {
  private enum Kind { case chat, responses, embeddings, messages, contents }
  private let kind: Kind

  init(uri: String) {
    switch uri {
    case "/v1/chat/completions": kind = .chat
    case "/v1/responses": kind = .responses
    case "/v1/embeddings": kind = .embeddings
    case "/v1/messages": kind = .messages
    default: kind = .contents
    }
  }

  /// A call of the tool `weather`.
  var call: String {
    switch kind {
    case .chat, .embeddings:
      "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"tooling\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"weather\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}"
    case .responses:
      response(
        "{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"t1\",\"name\":\"weather\",\"arguments\":\"{}\",\"status\":\"completed\"}"
      )
    case .messages:
      "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"tooling\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"weather\",\"input\":{\"city\":\"Oslo\"}}],\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":4}}"
    case .contents: content("{\"functionCall\":{\"name\":\"weather\",\"args\":{\"city\":\"Oslo\"}}}")
    }
  }

  /// A text, escaped as it stands in JSON.
  func text(_ text: String) -> String {
    switch kind {
    case .chat, .embeddings: GatewayBench.completion(text)
    case .responses:
      response(
        "{\"type\":\"message\",\"id\":\"msg_1\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"\(text)\",\"annotations\":[]}]}"
      )
    case .messages:
      "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"\(text)\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":4}}"
    case .contents: content("{\"text\":\"\(text)\"}")
    }
  }

  /// The first events of a stream.
  var beginning: [String] {
    switch kind {
    case .chat, .embeddings: [StreamTests.chunk("a")]
    case .responses:
      [
        "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":\(response("", status: "in_progress"))}\n\n"
      ]
    case .messages: Array(StreamTests.anthropic.prefix(3))
    case .contents: ["data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"a\"}]}}]}\r\n\r\n"]
    }
  }

  var error: String {
    switch kind {
    case .chat, .responses, .embeddings: "{\"error\":{\"message\":\"no\"}}"
    case .messages: "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"no\"}}"
    case .contents: "{\"error\":{\"code\":500,\"message\":\"no\",\"status\":\"INTERNAL\"}}"
    }
  }

  private func response(_ item: String, status: String = "completed") -> String {
    "{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"status\":\"\(status)\",\"model\":\"m\",\"output\":[\(item)],\"parallel_tool_calls\":true,\"tool_choice\":\"auto\",\"tools\":[],\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":4,\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":13}}"
  }

  private func content(_ part: String) -> String {
    "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[\(part)]},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":4,\"totalTokenCount\":13},\"modelVersion\":\"m\"}"
  }
}
