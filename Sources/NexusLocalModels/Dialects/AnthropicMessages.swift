// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Anthropic's messages.
enum AnthropicMessages {
  static func request(_ body: JSONValue, needsLimit: Bool = true) throws(LocalRequestError) -> LocalChatRequest {
    guard let list = body["messages"]?.arrayValue, !list.isEmpty else {
      throw LocalRequestError(message: "messages: at least one message is required")
    }
    let limit = body["max_tokens"]?.intValue
    if needsLimit, limit ?? 0 <= 0 { throw LocalRequestError(message: "max_tokens: Field required") }
    var messages: [LocalMessage] = []
    let system = text(body["system"])
    if !system.isEmpty { messages.append(LocalMessage(role: .system, text: system)) }
    for (index, item) in list.enumerated() { messages += try self.messages(item, index) }
    return LocalChatRequest(
      model: body["model"]?.stringValue ?? LocalModel.name, messages: messages, tools: tools(body),
      toolChoice: toolChoice(body["tool_choice"]), maxTokens: limit.map { Int(clamping: max(1, $0)) })
  }

  /// One message of Anthropic's may hold tool results and text: they become messages of their own.
  private static func messages(_ item: JSONValue, _ index: Int) throws(LocalRequestError) -> [LocalMessage] {
    switch item["role"]?.stringValue {
    case "assistant":
      var message = LocalMessage(role: .assistant, text: text(item["content"]))
      for block in item["content"]?.arrayValue ?? [] where block["type"] == "tool_use" {
        message.toolCalls.append(
          LocalToolCall(
            id: block["id"]?.stringValue ?? "", name: block["name"]?.stringValue ?? "",
            arguments: block["input"] ?? [:]))
      }
      return [message]
    case "user":
      var results: [LocalMessage] = []
      for block in item["content"]?.arrayValue ?? [] where block["type"] == "tool_result" {
        results.append(
          LocalMessage(
            role: .tool, text: text(block["content"]), toolCallID: block["tool_use_id"]?.stringValue))
      }
      let written = text(item["content"])
      return written.isEmpty && !results.isEmpty ? results : results + [LocalMessage(role: .user, text: written)]
    default: throw LocalRequestError(message: "messages.\(index).role: must be 'user' or 'assistant'")
    }
  }

  private static func text(_ content: JSONValue?) -> String {
    switch content {
    case .string(let text): text
    case .array(let blocks):
      blocks.filter { $0["type"] == "text" }.compactMap { $0["text"]?.stringValue }.joined(separator: "\n")
    default: ""
    }
  }

  private static func tools(_ body: JSONValue) -> [ToolDefinition] {
    (body["tools"]?.arrayValue ?? []).compactMap { tool in
      guard let name = tool["name"]?.stringValue, let schema = tool["input_schema"] else { return nil }
      return ToolDefinition(name: name, description: tool["description"]?.stringValue ?? "", parameters: schema)
    }
  }

  private static func toolChoice(_ value: JSONValue?) -> LocalToolChoice {
    switch value?["type"]?.stringValue {
    case "none": .none
    case "any": .required
    case "tool": value?["name"]?.stringValue.map { .named($0) } ?? .required
    default: .auto
    }
  }

  static func message(_ reply: LocalChatReply, model: String, id: String) -> LocalModelReply {
    let blocks: [JSONValue] =
      switch reply.content {
      case .text(let text): [["type": "text", "text": .string(text)]]
      case .toolCalls(let calls): calls.map { block($0, input: $0.arguments) }
      }
    return .json(
      envelope(id: id, model: model, content: blocks, stop: stopReason(reply), usage: reply.usage), usage: reply.usage)
  }

  static func stream(_ reply: LocalChatReply, model: String, id: String) -> LocalModelReply {
    var events: [LocalStreamEvent] = []
    func add(_ type: String, _ members: JSONObject) {
      var object: JSONObject = ["type": .string(type)]
      for member in members { object[member.key] = member.value }
      events.append(LocalStreamEvent(name: type, data: JSONValue.object(object).text()))
    }
    func addBlock(_ index: Int, _ opening: JSONValue, _ deltas: [JSONValue]) {
      let position = JSONValue.int(Int64(index))
      add("content_block_start", ["index": position, "content_block": opening])
      for delta in deltas { add("content_block_delta", ["index": position, "delta": delta]) }
      add("content_block_stop", ["index": position])
    }
    let start = LocalUsage(inputTokens: reply.usage.inputTokens, outputTokens: 1)
    add("message_start", ["message": envelope(id: id, model: model, content: [], stop: nil, usage: start)])
    switch reply.content {
    case .text(let text):
      addBlock(
        0, ["type": "text", "text": ""],
        StreamPieces.of(text).map { ["type": "text_delta", "text": .string($0)] })
    case .toolCalls(let calls):
      for (index, call) in calls.enumerated() {
        addBlock(
          index, block(call, input: [:]),
          [["type": "input_json_delta", "partial_json": .string(call.writtenArguments)]])
      }
    }
    add(
      "message_delta",
      [
        "delta": ["stop_reason": stopReason(reply), "stop_sequence": nil],
        "usage": ["output_tokens": .int(Int64(reply.usage.outputTokens))],
      ])
    add("message_stop", [:])
    return .stream(events, usage: reply.usage)
  }

  private static func envelope(
    id: String, model: String, content: [JSONValue], stop: JSONValue, usage: LocalUsage
  ) -> JSONValue {
    [
      "id": .string("msg_\(id)"), "type": "message", "role": "assistant", "model": .string(model),
      "content": .array(content), "stop_reason": stop, "stop_sequence": nil,
      "usage": [
        "input_tokens": .int(Int64(usage.inputTokens)), "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0, "output_tokens": .int(Int64(usage.outputTokens)),
      ],
    ]
  }

  private static func block(_ call: LocalToolCall, input: JSONValue) -> JSONValue {
    ["type": "tool_use", "id": .string(call.id), "name": .string(call.name), "input": input]
  }

  private static func stopReason(_ reply: LocalChatReply) -> JSONValue {
    if case .toolCalls = reply.content { return "tool_use" }
    return reply.isCut ? "max_tokens" : "end_turn"
  }
}
