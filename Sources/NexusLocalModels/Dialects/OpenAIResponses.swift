// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// OpenAI's responses.
enum OpenAIResponses {
  static func request(_ body: JSONValue) throws(LocalRequestError) -> LocalChatRequest {
    for key in ["previous_response_id", "conversation", "prompt"] where !(body[key] ?? .null).isNull {
      throw LocalRequestError(message: "'\(key)' names what a local model does not keep; send the whole input")
    }
    var messages: [LocalMessage] = []
    if let instructions = body["instructions"]?.stringValue {
      messages.append(LocalMessage(role: .system, text: instructions))
    }
    switch body["input"] {
    case .string(let text)?: messages.append(LocalMessage(role: .user, text: text))
    case .array(let items)?:
      for (index, item) in items.enumerated() {
        if let message = try message(item, index) { messages.append(message) }
      }
    default: throw LocalRequestError(message: "'input' must be a text or a list of items")
    }
    let format = body["text"]?["format"]?["type"]?.stringValue
    return LocalChatRequest(
      model: body["model"]?.stringValue ?? LocalModel.name, messages: messages, tools: tools(body),
      toolChoice: toolChoice(body["tool_choice"]), wantsJSON: format == "json_object" || format == "json_schema",
      maxTokens: body["max_output_tokens"]?.intValue.map { Int(clamping: max(1, $0)) })
  }

  /// Nil for an item that tells a local model nothing, such as the reasoning of another one.
  private static func message(_ item: JSONValue, _ index: Int) throws(LocalRequestError) -> LocalMessage? {
    switch item["type"]?.stringValue ?? "message" {
    case "message":
      let role: LocalMessage.Role
      switch item["role"]?.stringValue {
      case "system", "developer": role = .system
      case "user": role = .user
      case "assistant": role = .assistant
      default: throw LocalRequestError(message: "'input[\(index)].role' is not a role of responses")
      }
      return LocalMessage(role: role, text: text(item["content"]))
    case "function_call":
      var message = LocalMessage(role: .assistant, text: "")
      let written = item["arguments"]?.stringValue ?? "{}"
      message.toolCalls = [
        LocalToolCall(
          id: item["call_id"]?.stringValue ?? "", name: item["name"]?.stringValue ?? "",
          arguments: (try? JSONValue(parsing: written)) ?? .string(written))
      ]
      return message
    case "function_call_output":
      return LocalMessage(role: .tool, text: text(item["output"]), toolCallID: item["call_id"]?.stringValue)
    default: return nil
    }
  }

  private static func text(_ content: JSONValue?) -> String {
    switch content {
    case .string(let text): text
    case .array(let parts): parts.compactMap { $0["text"]?.stringValue }.joined(separator: "\n")
    default: ""
    }
  }

  private static func tools(_ body: JSONValue) -> [ToolDefinition] {
    (body["tools"]?.arrayValue ?? []).compactMap { tool in
      guard tool["type"] == "function", let name = tool["name"]?.stringValue else { return nil }
      return ToolDefinition(
        name: name, description: tool["description"]?.stringValue ?? "", parameters: tool["parameters"] ?? [:])
    }
  }

  private static func toolChoice(_ value: JSONValue?) -> LocalToolChoice {
    switch value {
    case "none": .none
    case "required": .required
    default: value?["name"]?.stringValue.map { .named($0) } ?? .auto
    }
  }

  // MARK: Answers

  static func response(_ reply: LocalChatReply, model: String, id: String) -> LocalModelReply {
    .json(
      envelope(id: id, model: model, status: status(reply), output: items(reply, id), usage: reply.usage, reply),
      usage: reply.usage)
  }

  private static func status(_ reply: LocalChatReply) -> String { reply.isCut ? "incomplete" : "completed" }

  private static func envelope(
    id: String, model: String, status: String, output: [JSONValue], usage: LocalUsage?, _ reply: LocalChatReply
  ) -> JSONValue {
    [
      "id": .string("resp_\(id)"), "object": "response", "created_at": 0, "status": .string(status), "error": nil,
      "incomplete_details": status == "incomplete" ? ["reason": "max_output_tokens"] : nil, "instructions": nil,
      "max_output_tokens": nil, "model": .string(model), "output": .array(output), "parallel_tool_calls": true,
      "previous_response_id": nil, "reasoning": ["effort": nil, "summary": nil], "store": false, "temperature": 1,
      "text": ["format": ["type": "text"]], "tool_choice": "auto", "tools": [], "top_p": 1, "truncation": "disabled",
      "usage": usage.map(written) ?? .null, "user": nil, "metadata": [:],
    ]
  }

  private static func written(_ usage: LocalUsage) -> JSONValue {
    [
      "input_tokens": .int(Int64(usage.inputTokens)), "input_tokens_details": ["cached_tokens": 0],
      "output_tokens": .int(Int64(usage.outputTokens)), "output_tokens_details": ["reasoning_tokens": 0],
      "total_tokens": .int(Int64(usage.inputTokens + usage.outputTokens)),
    ]
  }

  private static func items(_ reply: LocalChatReply, _ id: String) -> [JSONValue] {
    switch reply.content {
    case .text(let text): [message(id, [part(text)], status: status(reply))]
    case .toolCalls(let calls): calls.map { call($0, arguments: $0.writtenArguments, status: "completed") }
    }
  }

  private static func message(_ id: String, _ content: [JSONValue], status: String) -> JSONValue {
    [
      "type": "message", "id": .string("msg_\(id)"), "status": .string(status), "role": "assistant",
      "content": .array(content),
    ]
  }

  private static func part(_ text: String) -> JSONValue {
    ["type": "output_text", "text": .string(text), "annotations": [], "logprobs": []]
  }

  private static func call(_ call: LocalToolCall, arguments: String, status: String) -> JSONValue {
    [
      "type": "function_call", "id": .string("fc_\(call.id)"), "call_id": .string(call.id),
      "name": .string(call.name), "arguments": .string(arguments), "status": .string(status),
    ]
  }

  // MARK: Streams

  static func stream(_ reply: LocalChatReply, model: String, id: String) -> LocalModelReply {
    var stream = Stream()
    let opened = envelope(id: id, model: model, status: "in_progress", output: [], usage: nil, reply)
    stream.add("response.created", ["response": opened])
    stream.add("response.in_progress", ["response": opened])
    switch reply.content {
    case .text(let text): addMessage(text, reply, id, to: &stream)
    case .toolCalls(let calls):
      for (index, call) in calls.enumerated() { addCall(call, index, to: &stream) }
    }
    let closed = envelope(
      id: id, model: model, status: status(reply), output: items(reply, id), usage: reply.usage, reply)
    stream.add("response.\(status(reply))", ["response": closed])
    return .stream(stream.events, usage: reply.usage)
  }

  private static func addMessage(_ text: String, _ reply: LocalChatReply, _ id: String, to stream: inout Stream) {
    let place: JSONObject = ["item_id": .string("msg_\(id)"), "output_index": 0, "content_index": 0]
    stream.add("response.output_item.added", ["output_index": 0, "item": message(id, [], status: "in_progress")])
    stream.add("response.content_part.added", place, ["part": part("")])
    for piece in StreamPieces.of(text) {
      stream.add("response.output_text.delta", place, ["delta": .string(piece), "logprobs": []])
    }
    stream.add("response.output_text.done", place, ["text": .string(text), "logprobs": []])
    stream.add("response.content_part.done", place, ["part": part(text)])
    stream.add(
      "response.output_item.done", ["output_index": 0, "item": message(id, [part(text)], status: status(reply))])
  }

  private static func addCall(_ item: LocalToolCall, _ index: Int, to stream: inout Stream) {
    let position = JSONValue.int(Int64(index))
    let place: JSONObject = ["item_id": .string("fc_\(item.id)"), "output_index": position]
    let arguments = JSONValue.string(item.writtenArguments)
    stream.add(
      "response.output_item.added",
      ["output_index": position, "item": call(item, arguments: "", status: "in_progress")]
    )
    stream.add("response.function_call_arguments.delta", place, ["delta": arguments])
    stream.add("response.function_call_arguments.done", place, ["arguments": arguments, "name": .string(item.name)])
    let done = call(item, arguments: item.writtenArguments, status: "completed")
    stream.add("response.output_item.done", ["output_index": position, "item": done])
  }

  /// Events with their types and numbers.
  private struct Stream {
    private(set) var events: [LocalStreamEvent] = []

    mutating func add(_ type: String, _ members: JSONObject, _ more: JSONObject = [:]) {
      var object: JSONObject = ["type": .string(type), "sequence_number": .int(Int64(events.count))]
      for member in members { object[member.key] = member.value }
      for member in more { object[member.key] = member.value }
      events.append(LocalStreamEvent(name: type, data: JSONValue.object(object).text()))
    }
  }
}
