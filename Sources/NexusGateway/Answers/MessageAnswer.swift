// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Anthropic's messages: blocks that grow one after the other.
struct MessageAnswer: AnswerShape {
  // MARK: Together

  func assembled(_ events: [AnswerEvent]) throws(AnswerProblem) -> JSONValue {
    var message: JSONObject?
    var blocks: [JSONObject] = []
    var inputs: [Int: String] = [:]
    var isComplete = false
    for event in events {
      let data = event.data
      let index = Int(clamping: data["index"]?.intValue ?? 0)
      switch data["type"]?.stringValue {
      case "message_start": message = data["message"]?.objectValue
      case "content_block_start":
        guard index == blocks.count, let block = data["content_block"]?.objectValue else { throw Self.unknown }
        blocks.append(block)
      case "content_block_delta":
        guard blocks.indices.contains(index) else { throw Self.unknown }
        try Self.add(data["delta"] ?? .null, to: &blocks[index], &inputs[index, default: ""])
      case "message_delta":
        for member in data["delta"]?.objectValue ?? [:] { message?[member.key] = member.value }
        if let usage = data["usage"]?.objectValue {
          var counts = message?["usage"]?.objectValue ?? [:]
          for member in usage { counts[member.key] = member.value }
          message?["usage"] = .object(counts)
        }
      case "message_stop": isComplete = true
      default: break
      }
    }
    guard isComplete, var message else { throw .notEditable("the recorded stream broke off") }
    for (index, text) in inputs where !text.isEmpty {
      guard let input = try? JSONValue(parsing: text) else {
        throw .notEditable("the input of a tool in the recorded stream is not JSON")
      }
      blocks[index]["input"] = input
    }
    message["content"] = .array(blocks.map { .object($0) })
    return .object(message)
  }

  private static let unknown = AnswerProblem.notEditable("the recorded stream is not one of messages")

  private static func add(
    _ delta: JSONValue, to block: inout JSONObject, _ input: inout String
  ) throws(AnswerProblem) {
    func grow(_ key: String) { block.change(key) { $0.append(delta[key]?.stringValue ?? "") } }
    switch delta["type"]?.stringValue {
    case "text_delta": grow("text")
    case "thinking_delta": grow("thinking")
    case "signature_delta": grow("signature")
    case "input_json_delta": input += delta["partial_json"]?.stringValue ?? ""
    case "citations_delta":
      block.change("citations") { $0.changeArray { $0.append(delta["citation"] ?? .null) } }
    default: throw .notEditable("the recorded stream has a delta of an unknown kind")
    }
  }

  // MARK: Apart

  func events(of answer: JSONValue, withUsage: Bool) -> [AnswerEvent] {
    var events: [AnswerEvent] = []
    func add(_ type: String, _ members: JSONObject) {
      var object: JSONObject = ["type": .string(type)]
      for member in members { object[member.key] = member.value }
      events.append(AnswerEvent(name: type, data: .object(object)))
    }
    var opened = answer.objectValue ?? [:]
    opened["content"] = []
    opened["stop_reason"] = .null
    opened["stop_sequence"] = .null
    if case .object(var usage)? = answer["usage"] {
      usage["output_tokens"] = 0
      opened["usage"] = .object(usage)
    }
    add("message_start", ["message": .object(opened)])
    for (index, block) in (answer["content"]?.arrayValue ?? []).enumerated() {
      let (start, deltas) = Self.parts(of: block)
      add("content_block_start", ["index": .int(Int64(index)), "content_block": start])
      for delta in deltas { add("content_block_delta", ["index": .int(Int64(index)), "delta": delta]) }
      add("content_block_stop", ["index": .int(Int64(index))])
    }
    var closing: JSONObject = [
      "delta": ["stop_reason": answer["stop_reason"] ?? .null, "stop_sequence": answer["stop_sequence"] ?? .null]
    ]
    closing["usage"] = answer["usage"]
    add("message_delta", closing)
    add("message_stop", [:])
    return events
  }

  private static func parts(of block: JSONValue) -> (start: JSONValue, deltas: [JSONValue]) {
    guard case .object(var start) = block else { return (block, []) }
    var deltas: [JSONValue] = []
    func take(_ key: String, _ type: String) {
      guard let text = start[key]?.stringValue else { return }
      start[key] = ""
      if !text.isEmpty { deltas.append(["type": .string(type), key: .string(text)]) }
    }
    switch block["type"]?.stringValue {
    case "text":
      let citations = start["citations"]?.arrayValue ?? []
      if !citations.isEmpty { start["citations"] = [] }
      deltas += citations.map { ["type": "citations_delta", "citation": $0] }
      take("text", "text_delta")
    case "thinking":
      take("thinking", "thinking_delta")
      take("signature", "signature_delta")
    case "tool_use", "server_tool_use":
      let input = start["input"] ?? [:]
      start["input"] = [:]
      deltas.append(["type": "input_json_delta", "partial_json": .string(input.text())])
    default: break
    }
    return (.object(start), deltas)
  }

  // MARK: Checked

  func check(_ answer: JSONValue) throws(AnswerProblem) {
    let reader = AnswerReader(answer)
    _ = try reader.word("type", ["message"])
    _ = try reader.word("role", ["assistant"])
    _ = try reader.text("id")
    _ = try reader.text("stop_reason")
    for block in try reader.objects("content") {
      switch try block.text("type") {
      case "text": _ = try block.text("text")
      case "thinking":
        _ = try block.text("thinking")
        _ = try block.text("signature")
      case "tool_use":
        _ = try block.text("id")
        _ = try block.text("name")
        _ = try block.object("input")
      default: break
      }
    }
    _ = try reader.object("usage")
    try reader.usage("usage", ["input_tokens", "output_tokens"])
  }
}
