// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Answers as a person edits them: put together from streams, taken apart again, and refused where they are none.
struct AnswerFormTests {
  static func row(_ name: String, request: String) -> EffectRow {
    let record = EffectRecord(
      id: EffectID("eff_1"), kind: .model, digest: RequestDigest("d"), occurrence: 0, ordinal: 1,
      attempt: AttemptNumber(1), state: .succeeded)
    return EffectRow(
      record: record, run: RunID("run_1"), step: .main, agent: AgentName("a"), name: "m", detail: name,
      startedAt: WallTime(microseconds: 0), request: Array(request.utf8))
  }

  static func recorded(
    _ name: String, request: String, status: Int = 200, isStream: Bool, body: String
  ) throws -> RecordedAnswer {
    let outcome = EffectOutcome(
      status: status, headers: [EnvironmentVariable("content-type", "x"), EnvironmentVariable("x-request-id", "r")],
      body: Array(body.utf8), isStream: isStream, endedAt: WallTime(microseconds: 1), inputTokens: .zero,
      outputTokens: .zero, cost: NanoUSD(7))
    return try RecordedAnswer(row(name, request: request), request: Array(request.utf8), outcome: outcome)
  }

  private static func recorded(_ fixture: UsageFixtureTests.Fixture) throws -> RecordedAnswer {
    let isArray = fixture.path.hasSuffix(":streamGenerateContent")
    let path = fixture.path.split(separator: "?")[0]
    return try recorded(
      "POST \(path)\(isArray ? "?alt=json" : "")", request: fixture.request, isStream: fixture.pieces != nil,
      body: fixture.text)
  }

  @Test(arguments: UsageFixtureTests.Fixture.all)
  func `an answer of any dialect is one value, and comes out of its own frame as it went in`(
    fixture: UsageFixtureTests.Fixture
  ) throws {
    let answer = try Self.recorded(fixture)
    let whole = try answer.whole()
    #expect(answer.isStream == (fixture.pieces != nil))
    // Documented examples leave members out that an official client needs.
    guard let edited = try? answer.edited(to: whole) else { return }
    #expect(edited.outcome.isStream == answer.isStream)
    #expect(edited.outcome.cost == .zero)
    #expect(edited.state == .succeeded)
    let again = try Self.recorded(
      answer.name, request: fixture.request, isStream: edited.outcome.isStream,
      body: String(decoding: edited.outcome.body, as: UTF8.self))
    #expect(try again.whole() == whole)
  }

  @Test func `enough of the documented examples can be edited`() throws {
    let edited = try UsageFixtureTests.Fixture.all.filter { fixture in
      let answer = try Self.recorded(fixture)
      return (try? answer.edited(to: try answer.whole())) != nil
    }
    #expect(edited.count >= 15, "\(edited.map(\.name))")
  }

  private static let names: [String: String] = [
    "chat": "POST /v1/chat/completions", "responses": "POST /v1/responses", "messages": "POST /v1/messages",
    "gemini": "POST /v1beta/models/m:generateContent",
  ]

  private static let streams: [String: String] = [
    "chat": "POST /v1/chat/completions", "responses": "POST /v1/responses", "messages": "POST /v1/messages",
    "gemini": "POST /v1beta/models/m:streamGenerateContent",
    "gemini-array": "POST /v1beta/models/m:streamGenerateContent?alt=json",
  ]

  /// An answer with everything in it that grows in a stream.
  private static func rich(_ name: String) throws -> JSONValue {
    let text: String
    switch name {
    case "chat":
      text = """
        {"id":"c","object":"chat.completion","created":1,"model":"m","choices":[
        {"index":0,"message":{"role":"assistant","content":"né 😀\\n","refusal":null,"reasoning_content":"think",
        "annotations":[{"a":1}],"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\\"a\\":1}"}},
        {"id":"t2","type":"function","function":{"name":"g","arguments":"not json"}}]},"logprobs":null,
        "finish_reason":"tool_calls"},
        {"index":1,"message":{"role":"assistant","content":""},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"system_fingerprint":"fp"}
        """
    case "responses":
      text = """
        {"id":"r","object":"response","status":"completed","error":null,"output":[
        {"type":"reasoning","id":"rs","summary":[]},
        {"type":"message","id":"m","status":"completed","role":"assistant","content":[
        {"type":"output_text","text":"hi","annotations":[]},{"type":"refusal","refusal":"no"}]},
        {"type":"function_call","id":"f","call_id":"c","name":"n","arguments":"{}","status":"completed"}],
        "usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}
        """
    case "messages":
      text = """
        {"id":"m","type":"message","role":"assistant","model":"m","content":[
        {"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"hi","citations":[{"c":1}]},
        {"type":"tool_use","id":"t","name":"n","input":{"a":[1,2.5,"x"]}},{"type":"redacted_thinking","data":"d"}],
        "stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":2}}
        """
    default:
      text = """
        {"candidates":[{"content":{"parts":[{"text":"a","thought":true},{"text":"b"},
        {"functionCall":{"name":"f","args":{"x":1}}}],"role":"model"},"finishReason":"STOP","index":0}],
        "usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3},"modelVersion":"m"}
        """
    }
    return try JSONValue(parsing: text)
  }

  private static func request(_ name: String, isStream: Bool) -> String {
    name.hasPrefix("gemini") ? "{}" : "{\"model\":\"m\"\(isStream ? ",\"stream\":true" : "")}"
  }

  @Test(arguments: ["chat", "responses", "messages", "gemini", "gemini-array"])
  func `everything in an edited answer reaches a stream and comes back from it`(name: String) throws {
    let whole = try Self.rich(name)
    let path = try #require(Self.streams[name])
    // Where the recorded call failed there was no stream to begin with.
    let failed = try Self.recorded(
      path, request: Self.request(name, isStream: true), status: 500, isStream: false, body: "{}")
    let edited = try failed.edited(to: whole)
    #expect(edited.state == .succeeded)
    #expect(edited.outcome.status == 200)
    #expect(edited.outcome.isStream)
    let type = edited.outcome.headers.first { $0.name == "content-type" }?.value
    #expect(type?.hasPrefix(name == "gemini-array" ? "application/json" : "text/event-stream") == true)
    let again = try Self.recorded(
      path, request: Self.request(name, isStream: true), isStream: true,
      body: String(decoding: edited.outcome.body, as: UTF8.self))
    var expected = whole
    // Nobody asked this stream for its usage.
    if name == "chat", case .object(var object) = whole {
      object["usage"] = nil
      expected = .object(object)
    }
    #expect(try again.whole().text(.canonical) == expected.text(.canonical))
  }

  @Test(arguments: ["chat", "responses", "messages", "gemini"])
  func `an answer that is no stream is kept as it is written`(name: String) throws {
    let whole = try Self.rich(name)
    let path = try #require(Self.names[name])
    let answer = try Self.recorded(path, request: Self.request(name, isStream: false), isStream: false, body: "{}")
    #expect(try answer.edited(to: whole).outcome.body == whole.encoded())
  }

  /// Every way to break one member of a good answer.
  private static func broken(_ value: JSONValue) -> [JSONValue] {
    [.null, 7, "text", [], [:], [7], ["x": 1], .string(""), .bool(true)]
  }

  @Test(arguments: ["chat", "responses", "messages", "gemini"])
  func `what is no answer of the dialect is refused, and nothing traps`(name: String) throws {
    for isStream in [false, true] {
      let path = try #require(isStream ? Self.streams[name] : Self.names[name])
      let answer = try Self.recorded(path, request: Self.request(name, isStream: isStream), isStream: false, body: "{}")
      for garbage in Self.broken(.null) { #expect(throws: AnswerProblem.self) { try answer.edited(to: garbage) } }
      let good = try #require(try Self.rich(name).objectValue)
      var refused = 0
      for key in good.keys {
        for garbage in Self.broken(good[key] ?? .null) {
          var object = good
          object[key] = garbage
          do { _ = try answer.edited(to: .object(object)) } catch { refused += 1 }
        }
      }
      #expect(refused >= 10)
    }
  }

  @Test(arguments: [
    ("POST /v1/chat/completions", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n"),
    ("POST /v1/chat/completions", "data: {\"choices\":[]}\n\ndata: {\"error\":{\"message\":\"x\"}}\n\n"),
    ("POST /v1/chat/completions", "data: {\"choi"), ("POST /v1/responses", "data: {\"type\":\"response.created\"}\n\n"),
    ("POST /v1/messages", "data: {\"type\":\"message_start\",\"message\":{}}\n\n"),
    ("POST /v1/messages", "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"x\"}}\n\n"),
    ("POST /v1beta/models/m:streamGenerateContent", "data: {\"candidates\":[{\"index\":0}]}\n\n"),
    ("POST /v1beta/models/m:streamGenerateContent?alt=json", "[{\"candidates\":[]}"),
  ])
  func `a stream that broke off has no form to edit`(name: String, body: String) throws {
    let answer = try Self.recorded(name, request: "{\"stream\":true}", isStream: true, body: body)
    do {
      _ = try answer.whole()
      Issue.record("it was read")
    } catch { #expect(error.kind == .notEditable) }
  }

  @Test func `calls of tools are put together by their index, wherever that begins`() throws {
    func delta(_ calls: String, end: String = "null") -> String {
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[\(calls)]},\"finish_reason\":\(end)}]}\n\n"
    }
    func call(_ index: Int, _ member: String) -> String { "{\"index\":\(index),\(member)}" }
    let body =
      delta(call(2, #""id":"b","type":"function","function":{"name":"g","arguments":""}"#))
      + delta(call(1, #""id":"a","type":"function","function":{"name":"f","arguments":""}"#))
      + delta(call(1, #""function":{"arguments":"{\"x\""}"#)) + delta(call(2, #""function":{"arguments":"[]"}"#))
      + delta(call(1, #""function":{"arguments":":1}"}"#), end: "\"tool_calls\"") + "data: [DONE]\n\n"
    let answer = try Self.recorded(
      "POST /v1/chat/completions", request: "{\"stream\":true}", isStream: true, body: body)
    let calls = try answer.whole()["choices"]?.arrayValue?.first?["message"]?["tool_calls"]
    let expected: JSONValue = [
      ["id": "a", "type": "function", "function": ["name": "f", "arguments": "{\"x\":1}"]],
      ["id": "b", "type": "function", "function": ["name": "g", "arguments": "[]"]],
    ]
    #expect(calls == expected)
  }

  /// To copy what there is with each piece would take minutes.
  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      (
        "POST /v1/chat/completions", "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%\"}}]}\n\n",
        "data: [DONE]\n\n"
      ),
      (
        "POST /v1/messages",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%\"}}\n\n",
        "data: {\"type\":\"message_stop\"}\n\n"
      ),
      (
        "POST /v1beta/models/m:streamGenerateContent",
        "data: {\"candidates\":[{\"index\":0,\"content\":{\"parts\":[{\"text\":\"%\"}]}}]}\n\n",
        "data: {\"candidates\":[{\"index\":0,\"finishReason\":\"STOP\"}]}\n\n"
      ),
    ])
  func `a long stream is put together in one pass`(name: String, piece: String, end: String) throws {
    let start =
      name == "POST /v1/messages"
      ? "data: {\"type\":\"message_start\",\"message\":{}}\n\n"
        + "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
      : ""
    let text = String(repeating: "x", count: 400)
    let body = start + String(repeating: piece.replacing("%", with: text), count: 25_000) + end
    let answer = try Self.recorded(name, request: "{\"stream\":true}", isStream: true, body: body)
    #expect(try answer.whole().encoded().count > 25_000 * 400)
  }

  @Test func `an error is given for an error`() throws {
    let name = "POST /v1/chat/completions"
    let failed = try Self.recorded(name, request: "{\"stream\":true}", status: 429, isStream: false, body: "{}")
    let error: JSONValue = ["error": ["message": "later", "type": "rate_limit_error"]]
    let edited = try failed.edited(to: error)
    #expect(edited.state == .failed)
    #expect(edited.outcome.status == 429)
    #expect(!edited.outcome.isStream)
    let good = try Self.recorded(name, request: "{}", isStream: false, body: "{}")
    #expect(try good.edited(to: error).outcome.status == 500)
    #expect(throws: AnswerProblem.self) { try good.edited(to: ["error": [:]]) }
  }

  @Test func `an answer that is too long is refused`() throws {
    let answer = try Self.recorded("POST /v1/messages", request: "{}", isStream: false, body: "{}")
    guard case .object(var object) = try Self.rich("messages") else { return }
    object["content"] = [["type": "text", "text": .string(String(repeating: "x", count: RecordedAnswer.maxBytes))]]
    #expect(throws: AnswerProblem.self) { try answer.edited(to: .object(object)) }
  }
}
