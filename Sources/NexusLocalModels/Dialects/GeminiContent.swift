// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Google's Gemini contents.
enum GeminiContent {
  static func request(_ body: JSONValue, model: String?) throws(LocalRequestError) -> LocalChatRequest {
    guard let contents = body["contents"] else { throw LocalRequestError(message: "contents is not specified") }
    if let kept = body["cachedContent"], !kept.isNull {
      throw LocalRequestError(message: "cachedContent names what a local model does not keep")
    }
    var messages: [LocalMessage] = []
    let system = text(body["systemInstruction"] ?? body["system_instruction"])
    if !system.isEmpty { messages.append(LocalMessage(role: .system, text: system)) }
    for content in contents.arrayValue ?? [contents] { messages += self.messages(content) }
    guard messages.contains(where: { $0.role != .system }) else {
      throw LocalRequestError(message: "contents is not specified")
    }
    let settings = body["generationConfig"] ?? body["generation_config"]
    guard settings?["candidateCount"]?.intValue ?? 1 == 1 else {
      throw LocalRequestError(message: "candidateCount must be 1 for a local model")
    }
    return LocalChatRequest(
      model: model ?? body["model"]?.stringValue ?? LocalModel.name, messages: messages, tools: tools(body),
      toolChoice: toolChoice(body["toolConfig"]?["functionCallingConfig"]),
      wantsJSON: settings?["responseMimeType"] == "application/json",
      maxTokens: settings?["maxOutputTokens"]?.intValue.map { Int(clamping: max(1, $0)) })
  }

  /// One content may hold results of functions and text: they become messages of their own.
  private static func messages(_ content: JSONValue) -> [LocalMessage] {
    let parts = content["parts"]?.arrayValue ?? []
    let written = text(content)
    if content["role"] == "model" {
      var message = LocalMessage(role: .assistant, text: written)
      for part in parts {
        guard let call = part["functionCall"], let name = call["name"]?.stringValue else { continue }
        message.toolCalls.append(
          LocalToolCall(id: call["id"]?.stringValue ?? name, name: name, arguments: call["args"] ?? [:]))
      }
      return [message]
    }
    let results = parts.compactMap { part -> LocalMessage? in
      guard let answer = part["functionResponse"] else { return nil }
      let value = answer["response"] ?? .null
      let text = (value["result"] ?? value["output"])?.stringValue ?? value.text()
      return LocalMessage(
        role: .tool, text: text, toolCallID: (answer["id"] ?? answer["name"])?.stringValue)
    }
    return written.isEmpty && !results.isEmpty ? results : results + [LocalMessage(role: .user, text: written)]
  }

  private static func text(_ content: JSONValue?) -> String {
    if let text = content?.stringValue { return text }
    return (content?["parts"]?.arrayValue ?? []).compactMap { $0["text"]?.stringValue }.joined(separator: "\n")
  }

  private static func tools(_ body: JSONValue) -> [ToolDefinition] {
    (body["tools"]?.arrayValue ?? []).flatMap { $0["functionDeclarations"]?.arrayValue ?? [] }.compactMap { tool in
      guard let name = tool["name"]?.stringValue else { return nil }
      let schema = tool["parametersJsonSchema"] ?? tool["parameters"] ?? [:]
      return ToolDefinition(name: name, description: tool["description"]?.stringValue ?? "", parameters: lower(schema))
    }
  }

  /// Google writes the types of a schema in capitals.
  private static func lower(_ schema: JSONValue) -> JSONValue {
    switch schema {
    case .object(let object):
      var result = JSONObject()
      for member in object {
        if member.key == "type", let type = member.value.stringValue {
          result[member.key] = .string(type.lowercased())
        } else {
          result[member.key] = lower(member.value)
        }
      }
      return .object(result)
    case .array(let list): return .array(list.map(lower))
    default: return schema
    }
  }

  private static func toolChoice(_ value: JSONValue?) -> LocalToolChoice {
    switch value?["mode"]?.stringValue {
    case "NONE": .none
    case "ANY": value?["allowedFunctionNames"]?.arrayValue?.first?.stringValue.map { .named($0) } ?? .required
    default: .auto
    }
  }

  // MARK: Answers

  static func answer(_ reply: LocalChatReply, model: String, id: String, _ framing: LocalDialect.Framing)
    -> LocalModelReply
  {
    let end: JSONValue = reply.isCut ? "MAX_TOKENS" : "STOP"
    let pieces = framing == .whole ? [parts(reply)] : Self.pieces(reply)
    let chunks = pieces.enumerated().map { index, parts -> JSONValue in
      let isLast = index == pieces.count - 1
      var candidate: JSONObject = ["content": ["role": "model", "parts": .array(parts)], "index": 0]
      if isLast { candidate["finishReason"] = end }
      return [
        "candidates": [.object(candidate)], "usageMetadata": usage(reply.usage, isLast: isLast),
        "modelVersion": .string(model), "responseId": .string(id),
      ]
    }
    switch framing {
    case .whole: return .json(chunks[0], usage: reply.usage)
    case .events: return .stream(chunks.map { LocalStreamEvent(data: $0.text()) }, usage: reply.usage)
    case .array:
      return LocalModelReply(
        status: 200, headers: [.init("content-type", "application/json")],
        content: .elements(chunks.map { $0.text() }), usage: reply.usage)
    }
  }

  private static func parts(_ reply: LocalChatReply) -> [JSONValue] {
    switch reply.content {
    case .text(let text): [["text": .string(text)]]
    case .toolCalls(let calls):
      calls.map { ["functionCall": ["id": .string($0.id), "name": .string($0.name), "args": $0.arguments]] }
    }
  }

  private static func pieces(_ reply: LocalChatReply) -> [[JSONValue]] {
    guard case .text(let text) = reply.content else { return [parts(reply)] }
    let pieces = StreamPieces.of(text)
    return pieces.isEmpty ? [parts(reply)] : pieces.map { [["text": .string($0)]] }
  }

  private static func usage(_ usage: LocalUsage, isLast: Bool) -> JSONValue {
    let output = isLast ? usage.outputTokens : 0
    var counts: JSONObject = [
      "promptTokenCount": .int(Int64(usage.inputTokens)),
      "totalTokenCount": .int(Int64(usage.inputTokens + output)),
    ]
    if isLast { counts["candidatesTokenCount"] = .int(Int64(output)) }
    return .object(counts)
  }

  /// The name that Google gives an error with that status.
  static func status(_ status: Int) -> String {
    switch status {
    case 404: "NOT_FOUND"
    case 429: "RESOURCE_EXHAUSTED"
    case 500: "INTERNAL"
    case 503, 529: "UNAVAILABLE"
    default: "INVALID_ARGUMENT"
    }
  }
}
