// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusLocalModels
import Testing

/// Responses, embeddings, Gemini's contents and counts of tokens.
@Suite struct MoreDialectTests {
  private let text = "What is up?\n\nThe sky is up. It is blue."

  private func json(_ reply: LocalModelReply) throws -> JSONValue { try JSONValue(parsing: reply.bytes) }

  private func events(_ reply: LocalModelReply) throws -> [JSONValue] {
    guard case .events(let events) = reply.content else { return [] }
    return try events.map { try JSONValue(parsing: $0.data) }
  }

  private func responses(_ more: JSONObject = [:]) -> LocalModelReply {
    var body: JSONObject = ["model": "extractive", "input": .string(text)]
    for member in more { body[member.key] = member.value }
    return LocalDialect.openAIResponses.respond(to: .object(body))
  }

  private func contents(_ framing: LocalDialect.Framing, _ more: JSONObject = [:]) -> LocalModelReply {
    var body: JSONObject = ["contents": [["role": "user", "parts": [["text": .string(text)]]]]]
    for member in more { body[member.key] = member.value }
    return LocalDialect.geminiContent.respond(
      to: .object(body), LocalDialect.Target(model: "extractive", framing: framing))
  }

  @Test func `a streamed response says the same as a whole one, in numbered events`() throws {
    let whole = try json(responses())
    #expect(whole["status"] == "completed")
    let said = whole["output"]?.arrayValue?.first?["content"]?.arrayValue?.first?["text"]
    #expect(said?.stringValue?.contains("The sky is up.") == true)
    let events = try events(responses(["stream": true]))
    let deltas = events.filter { $0["type"] == "response.output_text.delta" }
    #expect(.string(deltas.compactMap { $0["delta"]?.stringValue }.joined()) == said)
    #expect(events.compactMap { $0["sequence_number"]?.intValue } == (0..<Int64(events.count)).map { $0 })
    #expect(events.last?["type"] == "response.completed")
    #expect(events.last?["response"]?["usage"] == whole["usage"])
  }

  @Test func `an answer that is cut is incomplete and says why`() throws {
    let reply = try json(responses(["max_output_tokens": 2]))
    #expect(reply["status"] == "incomplete")
    #expect(reply["incomplete_details"]?["reason"] == "max_output_tokens")
    #expect(try events(responses(["max_output_tokens": 2, "stream": true])).last?["type"] == "response.incomplete")
    #expect(
      try json(contents(.whole, ["generationConfig": ["maxOutputTokens": 2]]))["candidates"]?.arrayValue?.first?[
        "finishReason"] == "MAX_TOKENS")
  }

  @Test func `tools are called and their results read`() throws {
    let tool: JSONValue = ["type": "function", "name": "files_search", "parameters": ["type": "object"]]
    let call = try json(responses(["tools": [tool]]))["output"]?.arrayValue?.first
    #expect(call?["type"] == "function_call")
    #expect(call?["name"] == "files_search")
    let followed: JSONValue = [
      ["role": "user", "content": "What is up?"], try #require(call),
      ["type": "function_call_output", "call_id": call?["call_id"] ?? nil, "output": "sky.md: The sky is up."],
    ]
    let next = try json(responses(["input": followed, "tools": [tool]]))["output"]?.arrayValue?.first
    #expect(next?["type"] == "message")
    let stream = try events(responses(["tools": [tool], "stream": true]))
    #expect(stream.contains { $0["type"] == "response.function_call_arguments.done" })

    let declared: JSONValue = [["functionDeclarations": [["name": "files_search", "parameters": ["type": "OBJECT"]]]]]
    let asked = try json(contents(.whole, ["tools": declared]))["candidates"]?.arrayValue?.first
    let part = asked?["content"]?["parts"]?.arrayValue?.first
    #expect(part?["functionCall"]?["name"] == "files_search")
    let turns: JSONValue = [
      ["role": "user", "parts": [["text": "What is up?"]]], ["role": "model", "parts": [part ?? nil]],
      [
        "role": "user",
        "parts": [["functionResponse": ["name": "files_search", "response": ["result": "sky.md: The sky is up."]]]],
      ],
    ]
    let answer = try json(contents(.whole, ["tools": declared, "contents": turns]))
    #expect(
      answer["candidates"]?.arrayValue?.first?["content"]?["parts"]?.arrayValue?.first?["text"]?.stringValue != nil)
  }

  @Test func `contents say the same whole, as events and as an array`() throws {
    func text(_ chunks: [JSONValue]) -> String {
      chunks.flatMap { $0["candidates"]?.arrayValue?.first?["content"]?["parts"]?.arrayValue ?? [] }
        .compactMap { $0["text"]?.stringValue }.joined()
    }
    let whole = try json(contents(.whole))
    let events = try events(contents(.events))
    let array = try #require(try json(contents(.array)).arrayValue)
    #expect(text([whole]).contains("The sky is up."))
    #expect(text(events) == text([whole]))
    #expect(array == events)
    #expect(events.last?["usageMetadata"] == whole["usageMetadata"])
    #expect(events.count { $0["candidates"]?.arrayValue?.first?["finishReason"] != nil } == 1)
  }

  @Test func `what a local model does not keep is refused`() throws {
    for key in ["previous_response_id", "conversation", "prompt"] { #expect(responses([key: "x"]).status == 400) }
    #expect(contents(.whole, ["cachedContent": "c"]).status == 400)
    #expect(try json(contents(.whole, ["contents": []]))["error"]?["status"] == "INVALID_ARGUMENT")
  }

  private func vectors(_ input: JSONValue, _ more: JSONObject = [:]) throws -> [JSONValue] {
    var body: JSONObject = ["model": "extractive", "input": input]
    for member in more { body[member.key] = member.value }
    let answer = try json(LocalDialect.openAIEmbeddings.respond(to: .object(body)))
    return answer["data"]?.arrayValue?.compactMap { $0["embedding"] } ?? []
  }

  @Test func `texts that share words point the same way, whatever the form of the vectors`() throws {
    func closeness(_ left: JSONValue, _ right: JSONValue) -> Double {
      zip(left.arrayValue ?? [], right.arrayValue ?? [])
        .reduce(0) { $0 + ($1.0.doubleValue ?? 0) * ($1.1.doubleValue ?? 0) }
    }
    let found = try vectors(["the sky is blue", "The sky, is it blue?", "boats and fish", ""])
    #expect(found.count == 4)
    #expect(abs(closeness(found[0], found[0]) - 1) < 1e-6)
    #expect(closeness(found[0], found[1]) > 0.8)
    #expect(closeness(found[0], found[2]) < 0.5)
    #expect(try vectors("a", ["dimensions": 7])[0].arrayValue?.count == 7)
    #expect(try vectors([1, 2, 3]).count == 1)
    #expect(try vectors([[1, 2], [3]]).count == 2)
    let packed = try vectors("a", ["dimensions": 2, "encoding_format": "base64"])[0].stringValue ?? ""
    #expect(packed.utf8.count == 12 && packed.hasSuffix("="))
    #expect(LocalDialect.openAIEmbeddings.respond(to: ["input": []]).status == 400)
  }

  @Test func `tokens are counted in each dialect's words`() throws {
    let messages: JSONValue = ["model": "m", "messages": [["role": "user", "content": .string(text)]]]
    let count = try json(LocalDialect.anthropicCount.respond(to: messages))["input_tokens"]
    #expect(count?.intValue ?? 0 > 0)
    let other = try json(LocalDialect.openAICount.respond(to: ["input": .string(text)]))
    #expect(other["input_tokens"] == count)
    let contents: JSONValue = ["contents": ["parts": [["text": .string(text)]]]]
    #expect(try json(LocalDialect.geminiCount.respond(to: contents))["totalTokens"] == count)
    let nested: JSONValue = ["generateContentRequest": contents]
    #expect(try json(LocalDialect.geminiCount.respond(to: nested))["totalTokens"] == count)
  }
}
