// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusLocalModels
import Testing

@Suite struct DialectTests {
  private func events(_ reply: LocalModelReply) -> [LocalStreamEvent] {
    if case .events(let events) = reply.content { return events }
    return []
  }

  private func json(_ reply: LocalModelReply) throws -> JSONValue { try JSONValue(parsing: reply.bytes) }

  private func openAI(_ more: JSONObject = [:]) -> JSONValue {
    var body: JSONObject = [
      "model": "local/extractive",
      "messages": [["role": "user", "content": "What is up?\n\nThe sky is up. It is blue."]],
    ]
    for member in more { body[member.key] = member.value }
    return .object(body)
  }

  private func anthropic(_ more: JSONObject = [:]) -> JSONValue {
    var body = openAI(more).objectValue ?? [:]
    body["max_tokens"] = body["max_tokens"] ?? 1000
    return .object(body)
  }

  private let openAITool: JSONValue = [
    "type": "function",
    "function": [
      "name": "files_search", "parameters": ["type": "object", "properties": ["query": ["type": "string"]]],
    ],
  ]

  private func asking(_ question: String) -> JSONValue { [["role": "user", "content": .string(question)]] }

  @Test func `a chat completion is complete`() throws {
    let reply = LocalDialect.openAIChat.respond(to: openAI())
    let body = try json(reply)
    #expect(reply.status == 200)
    #expect(body["object"] == "chat.completion")
    #expect(body["choices"]?.arrayValue?[0]["finish_reason"] == "stop")
    #expect(body["choices"]?.arrayValue?[0]["message"]?["content"]?.stringValue?.contains("The sky is up.") == true)
    let usage = try #require(reply.usage)
    #expect(body["usage"]?["total_tokens"]?.intValue == Int64(usage.inputTokens + usage.outputTokens))
    #expect(usage.inputTokens > 0 && usage.outputTokens > 0)
    #expect(LocalDialect.openAIChat.respond(to: openAI()) == reply)
  }

  @Test func `a streamed completion says the same, piece by piece`() throws {
    let whole = try json(LocalDialect.openAIChat.respond(to: openAI()))
    let reply = LocalDialect.openAIChat.respond(
      to: openAI(["stream": true, "stream_options": ["include_usage": true]]))
    let events = events(reply)
    #expect(events.last?.data == "[DONE]")
    let chunks = try events.dropLast().map { try JSONValue(parsing: $0.data) }
    let text = chunks.compactMap { $0["choices"]?.arrayValue?.first?["delta"]?["content"]?.stringValue }.joined()
    #expect(JSONValue.string(text) == whole["choices"]?.arrayValue?[0]["message"]?["content"])
    #expect(chunks.last?["choices"] == [])
    #expect(chunks.last?["usage"]?["prompt_tokens"]?.intValue == whole["usage"]?["prompt_tokens"]?.intValue)
    #expect(chunks.dropLast().allSatisfy { $0["usage"] == .null })
    #expect(Set(chunks.map { $0["id"] }).count == 1)
  }

  @Test func `without include_usage a stream has no usage`() throws {
    let events = events(LocalDialect.openAIChat.respond(to: openAI(["stream": true])))
    #expect(try events.dropLast().allSatisfy { try JSONValue(parsing: $0.data)["usage"] == nil })
  }

  @Test func `tool calls are made in both forms`() throws {
    let request: JSONObject = ["messages": asking("What is a saga?"), "tools": [openAITool]]
    let message = try json(LocalDialect.openAIChat.respond(to: openAI(request)))["choices"]?.arrayValue?[0]
    #expect(message?["finish_reason"] == "tool_calls")
    let call = message?["message"]?["tool_calls"]?.arrayValue?[0]
    #expect(call?["function"]?["name"] == "files_search")
    #expect(call?["function"]?["arguments"] == "{\"query\":\"saga\"}")
    var streamed = request
    streamed["stream"] = true
    let chunks = try events(LocalDialect.openAIChat.respond(to: openAI(streamed))).dropLast()
      .map { try JSONValue(parsing: $0.data) }
    let deltas = chunks.compactMap { $0["choices"]?.arrayValue?[0]["delta"]?["tool_calls"]?.arrayValue?[0] }
    #expect(deltas.first?["function"]?["name"] == "files_search")
    #expect(deltas.compactMap { $0["function"]?["arguments"]?.stringValue }.joined() == "{\"query\":\"saga\"}")
    #expect(chunks.last?["choices"]?.arrayValue?[0]["finish_reason"] == "tool_calls")
  }

  @Test(arguments: [("none", false), ("required", true), ("auto", true)] as [(JSONValue, Bool)])
  func `tool_choice is obeyed`(_ choice: JSONValue, _ calls: Bool) throws {
    let body = openAI(["messages": asking("What is a saga?"), "tools": [openAITool], "tool_choice": choice])
    let message = try json(LocalDialect.openAIChat.respond(to: body))["choices"]?.arrayValue?[0]["message"]
    #expect((message?["tool_calls"] != nil) == calls)
  }

  @Test func `a named tool is called with arguments that fit its schema`() throws {
    let tool: JSONValue = [
      "type": "function",
      "function": [
        "name": "book",
        "parameters": [
          "type": "object", "required": ["what", "count", "kind"],
          "properties": [
            "what": ["type": "string"], "count": ["type": "integer"], "kind": ["enum": ["a", "b"]],
            "other": ["type": "string"],
          ],
        ],
      ],
    ]
    let body = openAI([
      "messages": asking("Two chairs"), "tools": [tool],
      "tool_choice": ["type": "function", "function": ["name": "book"]],
    ])
    let call = try json(LocalDialect.openAIChat.respond(to: body))["choices"]?.arrayValue?[0]["message"]?["tool_calls"]?
      .arrayValue?[0]
    let arguments = try JSONValue(parsing: call?["function"]?["arguments"]?.stringValue ?? "")
    #expect(arguments == ["what": "Two chairs", "count": 0, "kind": "a"])
  }

  @Test func `an Anthropic message is complete, whole and streamed`() throws {
    let whole = try json(LocalDialect.anthropicMessages.respond(to: anthropic(["system": "Be brief."])))
    #expect(whole["type"] == "message")
    #expect(whole["stop_reason"] == "end_turn")
    #expect((whole["usage"]?["input_tokens"]?.intValue ?? 0) > 0)
    let events = events(
      LocalDialect.anthropicMessages.respond(to: anthropic(["system": "Be brief.", "stream": true])))
    let names = events.compactMap(\.name)
    #expect(names.first == "message_start" && names.last == "message_stop")
    #expect(
      names.filter { $0 != "content_block_delta" } == [
        "message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop",
      ])
    let text = try events.compactMap { try JSONValue(parsing: $0.data)["delta"]?["text"]?.stringValue }.joined()
    #expect(JSONValue.string(text) == whole["content"]?.arrayValue?[0]["text"])
  }

  @Test func `Anthropic tools go round`() throws {
    let tool: JSONValue = ["name": "files_search", "input_schema": ["type": "object"]]
    let first = try json(
      LocalDialect.anthropicMessages.respond(
        to: anthropic(["messages": asking("What is a saga?"), "tools": [tool]])))
    #expect(first["stop_reason"] == "tool_use")
    let block = try #require(first["content"]?.arrayValue?[0])
    #expect(block["input"] == ["query": "saga"])
    let result: JSONValue = [
      "type": "tool_result", "tool_use_id": block["id"] ?? .null,
      "content": [
        ["type": "text", "text": "{\"hits\":[{\"path\":\"a.md\",\"line\":4,\"text\":\"A saga is long.\"}]}"]
      ],
    ]
    let second = try json(
      LocalDialect.anthropicMessages.respond(
        to: anthropic([
          "messages": [
            ["role": "user", "content": "What is a saga?"], ["role": "assistant", "content": [block]],
            ["role": "user", "content": [result]],
          ], "tools": [tool],
        ])))
    #expect(second["content"]?.arrayValue?[0]["text"] == "A saga is long. [a.md:4]")
  }

  @Test(
    arguments: [
      .null, [:], ["messages": []], ["messages": "x"], ["messages": [["role": "king", "content": "x"]]],
      ["messages": [7]],
      ["messages": [["role": "user", "content": "x"]], "n": 2, "max_tokens": 0],
    ] as [JSONValue])
  func `a body that is no request is refused in the dialect's form`(_ body: JSONValue) throws {
    for dialect in [LocalDialect.openAIChat, .anthropicMessages] {
      let reply = dialect.respond(to: body)
      #expect(reply.status == 400)
      #expect(try json(reply)["error"]?["type"] == "invalid_request_error")
    }
  }

  @Test func `odd content does not trap`() throws {
    let messages: JSONValue = [
      ["role": "user", "content": [["type": "image_url", "image_url": ["url": "x"]], 7, nil, ["text": 8]]],
      ["role": "assistant", "content": nil, "tool_calls": [[:], 7, ["function": ["name": "a", "arguments": "{"]]]],
      ["role": "tool", "content": nil], ["role": "user"],
    ]
    for dialect in LocalDialect.allCases {
      #expect([200, 400].contains(dialect.respond(to: anthropic(["messages": messages, "tools": [7, [:]]])).status))
    }
  }
}

@Suite struct ScriptedModelTests {
  private let body: JSONValue = [
    "model": "local/scripted", "max_tokens": 100, "messages": [["role": "user", "content": "hello there"]],
    "input": "hello there", "contents": [["role": "user", "parts": [["text": "hello there"]]]],
  ]

  private func reply(_ act: ScriptedReply.Act) -> LocalModelReply? {
    if case .respond(let reply) = act { return reply }
    return nil
  }

  private func answer(_ act: ScriptedReply.Act) throws -> String? {
    let bytes = try #require(reply(act)).bytes
    return try JSONValue(parsing: bytes)["choices"]?.arrayValue?[0]["message"]?["content"]?.stringValue
  }

  @Test func `the first rule that fits answers, as often as it may`() throws {
    var model = try ScriptedModel(script: [
      ["match": ["contains": "nothing"], "answer": "a"], ["match": ["call": 3], "answer": "third"],
      ["answer": "once", "times": 1], ["answer": "rest", "delayMs": 50],
    ])
    let answers = try (1...4).map { try answer(model.next(body, dialect: .openAIChat, call: $0).act) }
    #expect(answers == ["once", "rest", "third", "rest"])
    #expect(model.next(body, dialect: .openAIChat, call: 5).delay == .milliseconds(50))
  }

  @Test func `without a rule the request is refused, not repeated`() throws {
    var model = try ScriptedModel(script: ["rules": []])
    let refused = try #require(reply(model.next(body, dialect: .openAIChat, call: 1).act))
    #expect(refused.status == 400)
  }

  @Test(arguments: [("429", 429), ("500", 500), ("529", 529)])
  func `status faults come in the dialect's form`(_ fault: String, _ status: Int) throws {
    var model = try ScriptedModel(script: [["fault": .string(fault)]])
    for dialect in LocalDialect.allCases {
      let failed = try #require(reply(model.next(body, dialect: dialect, call: 1).act))
      #expect(failed.status == status)
      #expect(try JSONValue(parsing: failed.bytes)["error"]?["message"] != nil)
    }
    var number = try ScriptedModel(script: [["fault": .int(Int64(status))]])
    #expect(reply(number.next(body, dialect: .openAIChat, call: 1).act)?.status == status)
  }

  @Test func `other faults are data for the gateway`() throws {
    var model = try ScriptedModel(script: [
      ["fault": "timeout", "times": 1], ["fault": "cut-stream", "times": 1, "answer": "long answer"],
      ["fault": "malformed-json", "times": 1], ["fault": "no-usage", "times": 1],
      ["fault": "wrong-usage", "times": 1, "usage": ["inputTokens": 7, "outputTokens": 9]],
    ])
    #expect(model.next(body, dialect: .openAIChat, call: 1).act == .hang)
    guard case .cut(let whole, let count) = model.next(body, dialect: .openAIChat, call: 2).act else {
      Issue.record("the stream is not cut")
      return
    }
    #expect(count > 0 && count < whole.bytes.count)
    let malformed = try #require(reply(model.next(body, dialect: .openAIChat, call: 3).act))
    #expect(throws: JSONError.self) { try JSONValue(parsing: malformed.bytes) }
    let silent = try #require(reply(model.next(body, dialect: .openAIChat, call: 4).act))
    #expect(silent.usage == nil)
    #expect(try JSONValue(parsing: silent.bytes)["usage"] == nil)
    let wrong = try #require(reply(model.next(body, dialect: .openAIChat, call: 5).act))
    #expect(wrong.usage == LocalUsage(inputTokens: 7, outputTokens: 9))
  }

  /// What a budget set aside was for no more.
  @Test func `an answer is cut where the request wants no more, unless the script says what it comes to`() throws {
    let long = String(repeating: "word ", count: 100)
    var model = try ScriptedModel(script: [
      ["answer": .string(long), "times": 1], ["answer": .string(long), "usage": ["outputTokens": 125], "times": 1],
      ["toolCalls": [["name": "a", "arguments": ["text": .string(long)]]]],
    ])
    let few: JSONValue = [
      "model": "local/scripted", "max_tokens": 3, "messages": [["role": "user", "content": "hello there"]],
    ]
    let cut = try #require(reply(model.next(few, dialect: .openAIChat, call: 1).act))
    let choice = try JSONValue(parsing: cut.bytes)["choices"]?.arrayValue?[0]
    #expect(choice?["message"]?["content"] == "word word wo")
    #expect(choice?["finish_reason"] == "length")
    #expect(cut.usage?.outputTokens == 3)
    let written = try #require(reply(model.next(few, dialect: .openAIChat, call: 2).act))
    #expect(written.usage?.outputTokens == 125)
    let call = try #require(reply(model.next(few, dialect: .openAIChat, call: 3).act))
    #expect(call.usage?.outputTokens == 3)
  }

  @Test func `tool calls may be malformed on purpose`() throws {
    var model = try ScriptedModel(script: [["toolCalls": [["name": "a", "arguments": "{\"x\":"]]]])
    let bytes = try #require(reply(model.next(body, dialect: .openAIChat, call: 1).act)).bytes
    let call = try JSONValue(parsing: bytes)["choices"]?.arrayValue?[0]["message"]?["tool_calls"]?.arrayValue?[0]
    #expect(call?["function"]?["arguments"] == "{\"x\":")
  }

  @Test(
    arguments: [
      7, [7], [[:]], [["answer": "a", "ansver": "b"]], [["fault": "flood"]], [["match": ["text": "x"], "answer": "a"]],
      [["toolCalls": [[:]]]],
    ] as [JSONValue])
  func `a script with a mistake is refused as a whole`(_ script: JSONValue) {
    #expect(throws: ScriptError.self) { try ScriptedModel(script: script) }
  }
}
