// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// OpenAI's responses: the last event of a stream carries the whole one.
struct ResponseAnswer: AnswerShape {
  private static let ends: Set<String> = ["completed", "incomplete", "failed"]

  func assembled(_ events: [AnswerEvent]) throws(AnswerProblem) -> JSONValue {
    for event in events.reversed() {
      guard let type = event.data["type"]?.stringValue, type.hasPrefix("response."),
        Self.ends.contains(String(type.dropFirst(9))), let response = event.data["response"]
      else { continue }
      return response
    }
    throw .notEditable("the recorded stream broke off")
  }

  func events(of answer: JSONValue, withUsage: Bool) -> [AnswerEvent] {
    var stream = Stream()
    var opened = answer.objectValue ?? [:]
    opened["status"] = "in_progress"
    opened["output"] = []
    opened["usage"] = .null
    if opened["error"] != nil { opened["error"] = .null }
    if opened["incomplete_details"] != nil { opened["incomplete_details"] = .null }
    stream.add("response.created", ["response": .object(opened)])
    stream.add("response.in_progress", ["response": .object(opened)])
    for (index, item) in (answer["output"]?.arrayValue ?? []).enumerated() { Self.add(item, index, to: &stream) }
    stream.add("response.\(answer["status"]?.stringValue ?? "completed")", ["response": answer])
    return stream.events
  }

  private static func add(_ item: JSONValue, _ index: Int, to stream: inout Stream) {
    let id = item["id"] ?? .string("item_\(index)")
    let place: JSONObject = ["item_id": id, "output_index": .int(Int64(index))]
    func whole(_ type: String) { stream.add(type, ["output_index": .int(Int64(index)), "item": item]) }
    var opened = item.objectValue ?? [:]
    if opened["status"] != nil { opened["status"] = "in_progress" }
    switch item["type"] {
    case "message":
      opened["content"] = []
      stream.add("response.output_item.added", ["output_index": .int(Int64(index)), "item": .object(opened)])
      for (number, part) in (item["content"]?.arrayValue ?? []).enumerated() {
        var place = place
        place["content_index"] = .int(Int64(number))
        add(part, place, to: &stream)
      }
    case "function_call":
      opened["arguments"] = ""
      let arguments = item["arguments"] ?? ""
      stream.add("response.output_item.added", ["output_index": .int(Int64(index)), "item": .object(opened)])
      stream.add("response.function_call_arguments.delta", place, ["delta": arguments])
      stream.add(
        "response.function_call_arguments.done", place, ["arguments": arguments, "name": item["name"] ?? ""])
    default:
      stream.add("response.output_item.added", ["output_index": .int(Int64(index)), "item": .object(opened)])
    }
    whole("response.output_item.done")
  }

  private static func add(_ part: JSONValue, _ place: JSONObject, to stream: inout Stream) {
    let (key, word) = part["type"] == "refusal" ? ("refusal", "refusal") : ("text", "output_text")
    var opened = part.objectValue ?? [:]
    opened[key] = ""
    let text = part[key] ?? ""
    let more: JSONObject = word == "output_text" ? ["logprobs": []] : [:]
    stream.add("response.content_part.added", place, ["part": .object(opened)])
    stream.add("response.\(word).delta", place, ["delta": text], more)
    stream.add("response.\(word).done", place, [key: text], more)
    stream.add("response.content_part.done", place, ["part": part])
  }

  /// Events with their types and numbers.
  private struct Stream {
    private(set) var events: [AnswerEvent] = []

    mutating func add(_ type: String, _ members: JSONObject...) {
      var object: JSONObject = ["type": .string(type), "sequence_number": .int(Int64(events.count))]
      for member in members.joined() { object[member.key] = member.value }
      events.append(AnswerEvent(name: type, data: .object(object)))
    }
  }

  func check(_ answer: JSONValue) throws(AnswerProblem) {
    let reader = AnswerReader(answer)
    _ = try reader.word("object", ["response"])
    _ = try reader.text("id")
    _ = try reader.word("status", Self.ends)
    for item in try reader.objects("output") {
      switch try item.text("type") {
      case "message":
        _ = try item.word("role", ["assistant"])
        for part in try item.objects("content") {
          switch try part.text("type") {
          case "output_text": _ = try part.text("text")
          case "refusal": _ = try part.text("refusal")
          case let type: throw .malformed("\(part.place).type is `\(type)`: a message has output_text and refusal")
          }
        }
      case "function_call":
        for key in ["call_id", "name", "arguments"] { _ = try item.text(key) }
      default: break
      }
    }
    try reader.usage("usage", ["input_tokens", "output_tokens", "total_tokens"])
  }
}
