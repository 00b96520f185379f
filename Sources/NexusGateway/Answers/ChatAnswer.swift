// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// OpenAI's chat completions.
struct ChatAnswer: AnswerShape {
  /// Members that come whole with one delta, while other texts grow.
  private static let wholeTexts: Set<String> = ["role", "id", "type", "name"]

  // MARK: Together

  func assembled(_ events: [AnswerEvent]) throws(AnswerProblem) -> JSONValue {
    var answer = JSONObject()
    var choices: [(index: Int64, choice: JSONObject)] = []
    var usage: JSONValue?
    for event in events where event.data != AnswerForm.done {
      guard case .object(let chunk) = event.data else { throw .notEditable("a chunk of the stream is no object") }
      for member in chunk {
        switch member.key {
        case "choices": try Self.add(member.value, to: &choices)
        case "usage": if !member.value.isNull { usage = member.value }
        case "object": answer["object"] = "chat.completion"
        default: if answer[member.key] == nil || !member.value.isNull { answer[member.key] = member.value }
        }
      }
    }
    let isComplete =
      events.last?.data == AnswerForm.done || choices.allSatisfy { !($0.choice["finish_reason"] ?? .null).isNull }
    guard !choices.isEmpty, isComplete else {
      throw .notEditable("the recorded stream broke off")
    }
    answer["choices"] = .array(choices.sorted { $0.index < $1.index }.map { Self.whole($0.choice) })
    answer["usage"] = usage
    return .object(answer)
  }

  private static func add(
    _ list: JSONValue, to choices: inout [(index: Int64, choice: JSONObject)]
  ) throws(AnswerProblem) {
    for part in list.arrayValue ?? [] {
      let index = part["index"]?.intValue ?? 0
      let place =
        choices.firstIndex { $0.index == index }
        ?? {
          choices.append((index, ["index": .int(index), "message": [:]]))
          return choices.count - 1
        }()
      for member in part.objectValue ?? [:] {
        switch member.key {
        case "index": break
        case "delta": choices[place].choice.change("message") { Self.grow(&$0, by: member.value) }
        case "logprobs": choices[place].choice.change("logprobs") { Self.grow(&$0, by: member.value) }
        default:
          if choices[place].choice[member.key] == nil || !member.value.isNull {
            choices[place].choice[member.key] = member.value
          }
        }
      }
    }
  }

  /// What a delta adds to a value.
  private static func grow(_ value: inout JSONValue, by delta: JSONValue, key: String = "") {
    // Nothing may hold on to the value while it grows, or it is copied.
    switch delta {
    case .null: break
    case .string(let more) where value.isString && !wholeTexts.contains(key): value.append(more)
    case .object(let members) where value.isObject:
      value.changeObject { object in
        for member in members {
          if member.key == "tool_calls", let deltas = member.value.arrayValue {
            object.change(member.key) { $0.changeArray { add(deltas, to: &$0) } }
          } else {
            object.change(member.key) { grow(&$0, by: member.value, key: member.key) }
          }
        }
      }
    case .array(let more) where value.isArray: value.changeArray { $0 += more }
    default: value = delta
    }
  }

  /// The calls of tools grow by their index, which they have in a stream only; not every provider counts from 0.
  private static func add(_ deltas: [JSONValue], to calls: inout [JSONValue]) {
    for delta in deltas {
      guard case .object(var object) = delta else { continue }
      let index = object["index"]?.intValue ?? 0
      if let place = calls.firstIndex(where: { $0["index"]?.intValue == index }) {
        grow(&calls[place], by: delta)
      } else {
        object["index"] = .int(index)
        calls.append(.object(object))
      }
    }
  }

  /// A choice as it stands in an answer that is no stream.
  private static func whole(_ choice: JSONObject) -> JSONValue {
    var choice = choice
    choice.change("message") { message in
      guard message["tool_calls"]?.arrayValue != nil else { return }
      message.changeObject { object in
        object.change("tool_calls") { calls in
          calls.changeArray { calls in
            calls.sort { ($0["index"]?.intValue ?? 0) < ($1["index"]?.intValue ?? 0) }
            for place in calls.indices { calls[place].changeObject { $0["index"] = nil } }
          }
        }
      }
    }
    return .object(choice)
  }

  // MARK: Apart

  func events(of answer: JSONValue, withUsage: Bool) -> [AnswerEvent] {
    var frame = answer.objectValue ?? [:]
    let choices = frame["choices"]?.arrayValue ?? []
    let usage = frame["usage"] ?? .null
    frame["choices"] = nil
    frame["usage"] = nil
    frame["object"] = "chat.completion.chunk"
    func chunk(_ choices: [JSONValue], usage: JSONValue = .null) -> AnswerEvent {
      var object = frame
      object["choices"] = .array(choices)
      if withUsage { object["usage"] = usage }
      return AnswerEvent(name: nil, data: .object(object))
    }
    var events: [AnswerEvent] = []
    for choice in choices { events += Self.deltas(of: choice).map { chunk([$0]) } }
    if withUsage, !usage.isNull { events.append(chunk([], usage: usage)) }
    return events + [AnswerEvent(name: nil, data: AnswerForm.done)]
  }

  private static func deltas(of choice: JSONValue) -> [JSONValue] {
    let index = choice["index"] ?? 0
    func part(_ delta: JSONObject) -> JSONValue {
      ["index": index, "delta": .object(delta), "finish_reason": nil]
    }
    let message = choice["message"]?.objectValue ?? [:]
    var opening = JSONObject()
    var rest: [JSONValue] = []
    for member in message {
      switch (member.key, member.value) {
      case ("tool_calls", .array(let calls)):
        for (index, call) in calls.enumerated() { rest += toolCall(call, index).map { part(["tool_calls": [$0]]) } }
      case (let key, .string) where wholeTexts.contains(key): opening[key] = member.value
      case (let key, .string(let text)):
        opening[key] = ""
        if !text.isEmpty { rest.append(part([key: member.value])) }
      case (let key, .null): opening[key] = .null
      case (let key, let value): rest.append(part([key: value]))
      }
    }
    var closing = choice.objectValue ?? [:]
    closing["message"] = nil
    closing["delta"] = [:]
    return [part(opening)] + rest + [.object(closing)]
  }

  private static func toolCall(_ call: JSONValue, _ index: Int) -> [JSONValue] {
    var opening = call.objectValue ?? [:]
    opening["index"] = .int(Int64(index))
    guard case .object(var function)? = call["function"], let arguments = function["arguments"] else {
      return [.object(opening)]
    }
    function["arguments"] = ""
    opening["function"] = .object(function)
    return [.object(opening), ["index": .int(Int64(index)), "function": ["arguments": arguments]]]
  }

  // MARK: Checked

  func check(_ answer: JSONValue) throws(AnswerProblem) {
    let reader = AnswerReader(answer)
    _ = try reader.word("object", ["chat.completion"])
    let choices = try reader.objects("choices")
    guard !choices.isEmpty else { throw .malformed("$.choices is empty") }
    for choice in choices {
      try choice.integer("index")
      _ = try choice.word("finish_reason", ["stop", "length", "tool_calls", "content_filter", "function_call"])
      let message = try choice.object("message")
      _ = try message.word("role", ["assistant"])
      try message.optionalText("content")
      try message.optionalText("refusal")
      for call in try message.optionalObjects("tool_calls") {
        _ = try call.text("id")
        guard try call.text("type") == "function" else { continue }
        let function = try call.object("function")
        _ = try function.text("name")
        _ = try function.text("arguments")
      }
    }
    try reader.usage("usage", ["prompt_tokens", "completion_tokens", "total_tokens"])
  }
}

extension JSONValue {
  fileprivate var isString: Bool { if case .string = self { true } else { false } }
  fileprivate var isArray: Bool { if case .array = self { true } else { false } }
  fileprivate var isObject: Bool { if case .object = self { true } else { false } }
}
