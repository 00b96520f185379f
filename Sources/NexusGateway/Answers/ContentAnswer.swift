// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Gemini's contents: each piece of a stream is an answer of its own, and all together are one.
struct ContentAnswer: AnswerShape {
  func assembled(_ events: [AnswerEvent]) throws(AnswerProblem) -> JSONValue {
    var answer = JSONObject()
    var candidates: [(index: Int64, candidate: JSONObject)] = []
    for event in events {
      guard case .object(let piece) = event.data else { throw .notEditable("a piece of the stream is no object") }
      if case .object? = piece["error"] { throw .notEditable("the recorded stream ended in an error") }
      for member in piece {
        guard member.key == "candidates" else {
          answer[member.key] = member.value
          continue
        }
        for part in member.value.arrayValue ?? [] { Self.add(part, to: &candidates) }
        answer["candidates"] = []
      }
    }
    let isBlocked = answer["promptFeedback"]?["blockReason"]?.stringValue != nil
    guard isBlocked || candidates.contains(where: { $0.candidate["finishReason"]?.stringValue != nil }) else {
      throw .notEditable("the recorded stream broke off")
    }
    if !candidates.isEmpty {
      answer["candidates"] = .array(candidates.sorted { $0.index < $1.index }.map { .object($0.candidate) })
    }
    return .object(answer)
  }

  private static func add(_ part: JSONValue, to candidates: inout [(index: Int64, candidate: JSONObject)]) {
    guard case .object(let object) = part else { return }
    let index = object["index"]?.intValue ?? 0
    guard let place = candidates.firstIndex(where: { $0.index == index }) else {
      return candidates.append((index, object))
    }
    for member in object {
      guard member.key == "content", case .object? = candidates[place].candidate["content"] else {
        candidates[place].candidate[member.key] = member.value
        continue
      }
      candidates[place].candidate.change("content") { content in
        content.changeObject { content in
          for inner in member.value.objectValue ?? [:] {
            content.change(inner.key) { value in
              guard inner.key == "parts" else {
                value = inner.value
                return
              }
              value.changeArray { join(inner.value.arrayValue ?? [], to: &$0) }
            }
          }
        }
      }
    }
  }

  /// Texts that follow each other are one text.
  private static func join(_ new: [JSONValue], to parts: inout [JSONValue]) {
    for part in new {
      guard let text = part["text"]?.stringValue, goesOn(parts.last, with: part) else {
        parts.append(part)
        continue
      }
      parts[parts.count - 1].changeObject { last in last.change("text") { $0.append(text) } }
    }
  }

  private static func goesOn(_ last: JSONValue?, with part: JSONValue) -> Bool {
    guard case .object(let object) = part, case .object(let last)? = last, last["text"]?.stringValue != nil else {
      return false
    }
    return object.keys.allSatisfy { $0 == "text" || $0 == "thought" } && last.keys == object.keys
      && last["thought"] == object["thought"]
  }

  func events(of answer: JSONValue, withUsage: Bool) -> [AnswerEvent] { [AnswerEvent(name: nil, data: answer)] }

  func check(_ answer: JSONValue) throws(AnswerProblem) {
    let reader = AnswerReader(answer)
    let candidates = try reader.optionalObjects("candidates")
    if candidates.isEmpty {
      _ = try reader.object("promptFeedback").text("blockReason")
    }
    for candidate in candidates {
      _ = try candidate.text("finishReason")
      guard candidate.value["content"] != nil else { continue }
      let content = try candidate.object("content")
      for part in try content.optionalObjects("parts") {
        if part.value["functionCall"] != nil { _ = try part.object("functionCall").text("name") }
        try part.optionalText("text")
      }
    }
    try reader.usage("usageMetadata", ["promptTokenCount", "candidatesTokenCount", "totalTokenCount"])
  }
}
