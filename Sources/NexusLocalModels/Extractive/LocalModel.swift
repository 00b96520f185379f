// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// `local/extractive`: finds, ranks and quotes the sentences that answer a question.
///
/// It is not a language model and says so. It uses no network, no clock and no randomness: the same request has the
/// same reply, always.
package enum LocalModel {
  package static let name = "local/extractive"

  /// Beyond so many tool calls for one question it answers with what it has.
  static let maxToolCalls = 8
  /// The most files that are read for one question.
  static let maxReads = 3

  package static func respond(to request: LocalChatRequest) -> LocalChatReply {
    let reading = Reading(request)
    let input = LocalTokens.count(request)
    let calls = nextCalls(reading, request)
    if !calls.isEmpty {
      let content = LocalChatReply.Content.toolCalls(calls)
      return LocalChatReply(
        content: content, usage: LocalUsage(inputTokens: input, outputTokens: LocalTokens.count(content)))
    }
    var text = request.wantsJSON ? Answer.json(reading) : Answer.text(reading)
    var isCut = false
    if let limit = request.maxTokens, LocalTokens.count(text) > limit {
      text = text.prefix(bytes: limit * 4)
      isCut = true
    }
    let content = LocalChatReply.Content.text(text)
    return LocalChatReply(
      content: content, usage: LocalUsage(inputTokens: input, outputTokens: LocalTokens.count(content)), isCut: isCut)
  }

  /// The tool calls that come next; none if it is time to answer.
  private static func nextCalls(_ reading: Reading, _ request: LocalChatRequest) -> [LocalToolCall] {
    guard request.toolChoice != .none, !request.tools.isEmpty, reading.callsMade < maxToolCalls else { return [] }
    func calls(_ tool: ToolDefinition, _ arguments: [JSONValue]) -> [LocalToolCall] {
      arguments.enumerated().map { index, arguments in
        let seed = ContentID.of(reading.question, tool.name, arguments.text(), "\(reading.callsMade + index)")
        return LocalToolCall(id: "call_\(seed)", name: tool.name, arguments: arguments)
      }
    }
    if reading.callsMade == 0, let tool = forcedTool(request) {
      return calls(tool, [arguments(for: tool, reading)])
    }
    if let url = reading.url, let get = request.tool("http.get"), !reading.asked(get.name) {
      return calls(get, [["url": .string(url)]])
    }
    guard reading.documents.isEmpty else { return [] }
    let keyWords = Answer.isGeneral(reading.question) ? [] : Terms.keyWords(of: reading.question)
    if let search = request.tool("files.search"), !keyWords.isEmpty, !reading.asked(search.name) {
      return calls(search, [["query": .string(keyWords.joined(separator: " "))]])
    }
    guard let read = request.tool("files.read"), !reading.asked(read.name) else { return [] }
    if let list = request.tool("files.list"), keyWords.isEmpty || request.tool("files.search") == nil,
      !reading.asked(list.name)
    {
      return calls(list, [[:]])
    }
    return calls(read, reading.pathsWorthReading(limit: maxReads).map { ["path": .string($0)] })
  }

  private static func forcedTool(_ request: LocalChatRequest) -> ToolDefinition? {
    switch request.toolChoice {
    case .auto, .none: nil
    case .required: request.tools.first
    case .named(let name): request.tools.first { $0.name == name }
    }
  }

  /// Arguments that satisfy the tool's schema as far as a question can: texts get the question, the rest gets zeros.
  private static func arguments(for tool: ToolDefinition, _ reading: Reading) -> JSONValue {
    var object = JSONObject()
    let properties = tool.parameters["properties"]?.objectValue ?? JSONObject()
    let required = tool.parameters["required"]?.arrayValue?.compactMap(\.stringValue) ?? properties.keys
    for name in required {
      let schema = properties[name] ?? .null
      if let first = schema["enum"]?.arrayValue?.first {
        object[name] = first
        continue
      }
      switch schema["type"]?.stringValue {
      case "integer", "number": object[name] = 0
      case "boolean": object[name] = false
      case "array": object[name] = []
      case "object": object[name] = [:]
      default: object[name] = .string(name == "url" ? reading.url ?? reading.question : reading.question)
      }
    }
    return .object(object)
  }
}

extension LocalChatRequest {
  /// The tool of that naos name, in whatever spelling the request's dialect needed.
  func tool(_ name: String) -> ToolDefinition? {
    tools.first { $0.name == name || $0.name == name.replacing(".", with: "_") }
  }
}

extension String {
  /// The longest beginning of whole characters that fits into `bytes` of UTF-8.
  func prefix(bytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = startIndex
    var used = 0
    while end < endIndex {
      let size = self[end].utf8.count
      if used + size > limit { break }
      used += size
      end = index(after: end)
    }
    return String(self[..<end])
  }
}
