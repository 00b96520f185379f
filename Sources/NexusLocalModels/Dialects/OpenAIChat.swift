// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// OpenAI's chat completions.
enum OpenAIChat {
  static func request(_ body: JSONValue) throws(LocalRequestError) -> LocalChatRequest {
    guard let list = body["messages"]?.arrayValue, !list.isEmpty else {
      throw LocalRequestError(message: "'messages' must be an array with at least one message")
    }
    guard body["n"]?.intValue ?? 1 == 1 else { throw LocalRequestError(message: "'n' must be 1 for a local model") }
    var messages: [LocalMessage] = []
    for (index, item) in list.enumerated() { messages.append(try message(item, index)) }
    let format = body["response_format"]?["type"]?.stringValue
    let limit = (body["max_completion_tokens"] ?? body["max_tokens"])?.intValue
    return LocalChatRequest(
      model: body["model"]?.stringValue ?? LocalModel.name, messages: messages, tools: tools(body),
      toolChoice: toolChoice(body["tool_choice"]), wantsJSON: format == "json_object" || format == "json_schema",
      maxTokens: limit.map { Int(clamping: max(1, $0)) })
  }

  private static func message(_ item: JSONValue, _ index: Int) throws(LocalRequestError) -> LocalMessage {
    let role: LocalMessage.Role
    switch item["role"]?.stringValue {
    case "system", "developer": role = .system
    case "user": role = .user
    case "assistant": role = .assistant
    case "tool", "function": role = .tool
    default: throw LocalRequestError(message: "'messages[\(index)].role' is not a role of chat completions")
    }
    var message = LocalMessage(role: role, text: text(item["content"]))
    for call in item["tool_calls"]?.arrayValue ?? [] {
      let written = call["function"]?["arguments"]?.stringValue ?? "{}"
      message.toolCalls.append(
        LocalToolCall(
          id: call["id"]?.stringValue ?? "", name: call["function"]?["name"]?.stringValue ?? "",
          arguments: (try? JSONValue(parsing: written)) ?? .string(written)))
    }
    message.toolCallID = item["tool_call_id"]?.stringValue
    return message
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
      guard let function = tool["function"], let name = function["name"]?.stringValue else { return nil }
      return ToolDefinition(
        name: name, description: function["description"]?.stringValue ?? "", parameters: function["parameters"] ?? [:])
    }
  }

  private static func toolChoice(_ value: JSONValue?) -> LocalToolChoice {
    switch value {
    case "none": .none
    case "required": .required
    default: value?["function"]?["name"]?.stringValue.map { .named($0) } ?? .auto
    }
  }

  static func completion(_ reply: LocalChatReply, model: String, id: String) -> LocalModelReply {
    var message: JSONObject = ["role": "assistant", "content": nil, "refusal": nil]
    switch reply.content {
    case .text(let text): message["content"] = .string(text)
    case .toolCalls(let calls): message["tool_calls"] = .array(calls.map { call($0) })
    }
    let choice: JSONValue = [
      "index": 0, "message": .object(message), "logprobs": nil, "finish_reason": finishReason(reply),
    ]
    return .json(
      [
        "id": .string("chatcmpl-\(id)"), "object": "chat.completion", "created": 0, "model": .string(model),
        "choices": [choice], "usage": usage(reply.usage), "system_fingerprint": "naos-local",
      ], usage: reply.usage)
  }

  static func stream(_ reply: LocalChatReply, model: String, id: String, includeUsage: Bool) -> LocalModelReply {
    func chunk(_ choices: [JSONValue], usage: JSONValue?) -> LocalStreamEvent {
      var object: JSONObject = [
        "id": .string("chatcmpl-\(id)"), "object": "chat.completion.chunk", "created": 0, "model": .string(model),
        "system_fingerprint": "naos-local", "choices": .array(choices),
      ]
      // With include_usage every chunk has the member, null until the last: as the API documents it.
      if includeUsage { object["usage"] = usage ?? .null }
      return LocalStreamEvent(data: JSONValue.object(object).text())
    }
    func delta(_ delta: JSONValue, finish: JSONValue = nil) -> LocalStreamEvent {
      chunk([["index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish]], usage: nil)
    }
    var events: [LocalStreamEvent] = []
    switch reply.content {
    case .text(let text):
      events.append(delta(["role": "assistant", "content": ""]))
      events += StreamPieces.of(text).map { delta(["content": .string($0)]) }
    case .toolCalls(let calls):
      events.append(delta(["role": "assistant", "content": nil]))
      for (index, item) in calls.enumerated() {
        var opening = call(item, arguments: "").objectValue ?? JSONObject()
        opening["index"] = .int(Int64(index))
        events.append(delta(["tool_calls": [.object(opening)]]))
        let arguments: JSONValue = ["arguments": .string(item.writtenArguments)]
        events.append(delta(["tool_calls": [["index": .int(Int64(index)), "function": arguments]]]))
      }
    }
    events.append(delta([:], finish: finishReason(reply)))
    if includeUsage { events.append(chunk([], usage: usage(reply.usage))) }
    events.append(LocalStreamEvent(data: "[DONE]"))
    return .stream(events, usage: reply.usage)
  }

  private static func call(_ call: LocalToolCall, arguments: String? = nil) -> JSONValue {
    [
      "id": .string(call.id), "type": "function",
      "function": ["name": .string(call.name), "arguments": .string(arguments ?? call.writtenArguments)],
    ]
  }

  private static func finishReason(_ reply: LocalChatReply) -> JSONValue {
    if case .toolCalls = reply.content { return "tool_calls" }
    return reply.isCut ? "length" : "stop"
  }

  private static func usage(_ usage: LocalUsage) -> JSONValue {
    [
      "prompt_tokens": .int(Int64(usage.inputTokens)), "completion_tokens": .int(Int64(usage.outputTokens)),
      "total_tokens": .int(Int64(usage.inputTokens + usage.outputTokens)),
    ]
  }
}
