// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a local model sends back, ready for the wire.
package struct LocalModelReply: Sendable, Hashable {
  package enum Content: Sendable, Hashable {
    case body([UInt8])
    /// A `text/event-stream`.
    case events([LocalStreamEvent])
    /// One JSON array, sent element by element.
    case elements([String])
  }

  package struct Header: Sendable, Hashable {
    package let name: String
    package let value: String
    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package var status: Int
  package var headers: [Header]
  package var content: Content
  /// Nil where the reply names none: an error, or a scripted fault.
  package var usage: LocalUsage?

  package init(status: Int, headers: [Header], content: Content, usage: LocalUsage? = nil) {
    self.status = status
    self.headers = headers
    self.content = content
    self.usage = usage
  }

  /// The whole content as it travels.
  package var bytes: [UInt8] {
    switch content {
    case .body(let bytes): bytes
    case .events(let events): events.flatMap(\.bytes)
    case .elements(let elements): Array("[\(elements.joined(separator: ",\r\n"))]".utf8)
    }
  }

  /// The content in the pieces that a provider would send it in; all of them together are `bytes`.
  package var pieces: [[UInt8]] {
    switch content {
    case .body(let bytes): [bytes]
    case .events(let events): events.map(\.bytes)
    case .elements(let elements):
      elements.enumerated().map { index, element in
        Array(((index == 0 ? "[" : ",\r\n") + element + (index == elements.count - 1 ? "]" : "")).utf8)
      }
    }
  }

  /// Takes the token counts out of the JSON, wherever the dialect has them.
  mutating func removeUsage() {
    usage = nil
    func without(_ value: JSONValue) -> JSONValue {
      guard case .object(var object) = value else { return value }
      object["usage"] = nil
      object["usageMetadata"] = nil
      if let response = object["response"] { object["response"] = without(response) }
      if let message = object["message"] { object["message"] = without(message) }
      return .object(object)
    }
    switch content {
    case .body(let bytes):
      if let value = try? JSONValue(parsing: bytes) { content = .body(without(value).encoded()) }
    case .events(let events):
      content = .events(
        events.map { event in
          guard let value = try? JSONValue(parsing: event.data) else { return event }
          return LocalStreamEvent(name: event.name, data: without(value).text())
        })
    case .elements(let elements):
      content = .elements(elements.map { text in (try? JSONValue(parsing: text)).map { without($0).text() } ?? text })
    }
  }

  static func json(status: Int = 200, _ value: JSONValue, usage: LocalUsage? = nil, headers: [Header] = []) -> Self {
    LocalModelReply(
      status: status, headers: [Header("content-type", "application/json")] + headers,
      content: .body(value.encoded()), usage: usage)
  }

  static func stream(_ events: [LocalStreamEvent], usage: LocalUsage?) -> Self {
    LocalModelReply(
      status: 200,
      headers: [Header("content-type", "text/event-stream; charset=utf-8"), Header("cache-control", "no-cache")],
      content: .events(events), usage: usage)
  }
}

/// One event of a streamed reply.
package struct LocalStreamEvent: Sendable, Hashable {
  /// Anthropic names its events, OpenAI does not.
  package var name: String?
  package var data: String

  package init(name: String? = nil, data: String) {
    self.name = name
    self.data = data
  }

  package var bytes: [UInt8] {
    var text = name.map { "event: \($0)\n" } ?? ""
    text += "data: \(data)\n\n"
    return Array(text.utf8)
  }
}

/// The wire formats that the local models speak.
package enum LocalDialect: String, Sendable, CaseIterable {
  case openAIChat = "openai.chat"
  case openAIResponses = "openai.responses"
  case openAIEmbeddings = "openai.embeddings"
  case openAICount = "openai.count"
  case anthropicMessages = "anthropic.messages"
  case anthropicCount = "anthropic.count"
  case geminiContent = "gemini.generate"
  case geminiCount = "gemini.count"

  /// How an answer is sent, where the path and not the body says so.
  package enum Framing: Sendable { case whole, events, array }

  /// What the path of a request says.
  package struct Target: Sendable {
    package var model: String?
    package var framing: Framing
    package init(model: String? = nil, framing: Framing = .whole) {
      self.model = model
      self.framing = framing
    }
  }

  /// Whether an answer is made for the request, and not only its tokens counted or its texts embedded.
  package var isChat: Bool {
    switch self {
    case .openAIChat, .openAIResponses, .anthropicMessages, .geminiContent: true
    case .openAIEmbeddings, .openAICount, .anthropicCount, .geminiCount: false
    }
  }

  /// Answers a parsed request body with `local/extractive`.
  package func respond(to body: JSONValue, _ target: Target = Target()) -> LocalModelReply {
    do throws(LocalRequestError) {
      let request = try chatRequest(body, target)
      let reply = isChat ? LocalModel.respond(to: request) : LocalChatReply.counted(request)
      return encode(reply, to: request, body: body, target)
    } catch {
      return failure(status: 400, type: "invalid_request_error", message: error.message)
    }
  }

  /// Reads a request body of this dialect.
  package func chatRequest(_ body: JSONValue, _ target: Target = Target()) throws(LocalRequestError)
    -> LocalChatRequest
  {
    switch self {
    case .openAIChat: try OpenAIChat.request(body)
    case .openAIResponses, .openAICount: try OpenAIResponses.request(body)
    case .openAIEmbeddings: try OpenAIEmbeddings.request(body)
    case .anthropicMessages: try AnthropicMessages.request(body)
    case .anthropicCount: try AnthropicMessages.request(body, needsLimit: false)
    case .geminiContent: try GeminiContent.request(body, model: target.model)
    case .geminiCount: try GeminiContent.request(body["generateContentRequest"] ?? body, model: target.model)
    }
  }

  /// Writes a reply to that request: streamed if the body or the path asks for a stream.
  ///
  /// `withUsage: false` leaves the token counts out, as some servers do.
  package func encode(
    _ reply: LocalChatReply, to request: LocalChatRequest, body: JSONValue, _ target: Target = Target(),
    withUsage: Bool = true
  ) -> LocalModelReply {
    let isStreamed = body["stream"]?.boolValue == true
    let id = ContentID.of(body.text(.canonical), "\(reply)")
    let model = request.model
    var encoded: LocalModelReply
    switch (self, isStreamed) {
    case (.openAIChat, false): encoded = OpenAIChat.completion(reply, model: model, id: id)
    case (.openAIChat, true):
      let wantsUsage = withUsage && body["stream_options"]?["include_usage"]?.boolValue == true
      encoded = OpenAIChat.stream(reply, model: model, id: id, includeUsage: wantsUsage)
    case (.openAIResponses, false): encoded = OpenAIResponses.response(reply, model: model, id: id)
    case (.openAIResponses, true): encoded = OpenAIResponses.stream(reply, model: model, id: id)
    case (.openAIEmbeddings, _): encoded = OpenAIEmbeddings.answer(request, body, usage: reply.usage)
    case (.openAICount, _):
      encoded = .json(
        ["object": "response.input_tokens", "input_tokens": .int(Int64(reply.usage.inputTokens))], usage: reply.usage)
    case (.anthropicMessages, false): encoded = AnthropicMessages.message(reply, model: model, id: id)
    case (.anthropicMessages, true): encoded = AnthropicMessages.stream(reply, model: model, id: id)
    case (.anthropicCount, _):
      encoded = .json(["input_tokens": .int(Int64(reply.usage.inputTokens))], usage: reply.usage)
    case (.geminiContent, _): encoded = GeminiContent.answer(reply, model: model, id: id, target.framing)
    case (.geminiCount, _):
      encoded = .json(["totalTokens": .int(Int64(reply.usage.inputTokens))], usage: reply.usage)
    }
    if !withUsage { encoded.removeUsage() }
    return encoded
  }

  /// An error in the dialect's own form.
  package func failure(
    status: Int, type: String, message: String, headers: [LocalModelReply.Header] = []
  ) -> LocalModelReply {
    let body: JSONValue =
      switch self {
      case .openAIChat, .openAIResponses, .openAIEmbeddings, .openAICount:
        ["error": ["message": .string(message), "type": .string(type), "param": nil, "code": nil]]
      case .anthropicMessages, .anthropicCount:
        ["type": "error", "error": ["type": .string(type), "message": .string(message)]]
      case .geminiContent, .geminiCount:
        [
          "error": [
            "code": .int(Int64(status)), "message": .string(message),
            "status": .string(GeminiContent.status(status)),
          ]
        ]
      }
    return .json(status: status, body, headers: headers)
  }
}

/// Why a request body is not one of its dialect.
package struct LocalRequestError: Error, Sendable, Hashable {
  package let message: String
}

/// Pieces in which a text is streamed: about a word each, so that a client sees it grow.
enum StreamPieces {
  static func of(_ text: String) -> [String] {
    var pieces: [String] = []
    var current = ""
    for character in text {
      current.append(character)
      if character.isWhitespace, current.utf8.count >= 16 {
        pieces.append(current)
        current = ""
      }
    }
    if !current.isEmpty { pieces.append(current) }
    return pieces
  }
}
