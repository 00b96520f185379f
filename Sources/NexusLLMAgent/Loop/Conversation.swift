// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The conversation of one run, without any I/O: what to ask next, and what an answer means.
struct Conversation: Sendable {
  /// An identical call is made at most so often; more of it is a loop.
  static let maxIdenticalCalls = 2
  /// A tool's answer beyond so many bytes is cut: it would only fill the model's window.
  static let maxToolContent = 64 << 10

  /// One tool call of the model, and what is to happen with it.
  struct Call: Sendable, Hashable {
    enum Decision: Sendable, Hashable {
      case perform(tool: String, arguments: JSONValue)
      /// Fed back to the model as the tool's error.
      case refuse(String)
    }
    let id: String
    /// The name as the model wrote it.
    let requested: String
    let decision: Decision
  }

  enum Next: Sendable, Hashable {
    case finished(String)
    case calls([Call])
  }

  private(set) var turn = 0
  /// The last thing that the model said in words.
  private(set) var lastText: String?

  private let model: String
  private let maxTurns: Int
  private let toolNames: ToolNames
  private let tools: [JSONValue]
  private var messages: [JSONValue]
  private var made: [String: Int] = [:]
  private var mustAnswer = false
  /// What was wrong with the answers of the attempts before, the next one first.
  private var corrections: ArraySlice<JSONValue>

  init(settings: LLMAgentSettings, input: String, tools definitions: [ToolDefinition]) {
    model = settings.model
    maxTurns = settings.maxTurns
    corrections = settings.corrections[...]
    toolNames = ToolNames(definitions.map(\.name))
    tools = definitions.map { definition in
      [
        "type": "function",
        "function": [
          "name": .string(ToolNames.functionName(definition.name)), "description": .string(definition.description),
          "parameters": definition.parameters,
        ],
      ]
    }
    messages = []
    if !settings.prompt.isEmpty { messages.append(["role": "system", "content": .string(settings.prompt)]) }
    // Some APIs refuse an empty message.
    let words = input.contains { !$0.isWhitespace } ? input : "Begin."
    messages.append(["role": "user", "content": .string(words)])
  }

  /// The body of the next model call; the last turn and a loop leave the model no choice but to answer.
  mutating func nextRequest() -> JSONValue {
    turn += 1
    var body: JSONObject = ["model": .string(model), "messages": .array(messages)]
    if !tools.isEmpty {
      body["tools"] = .array(tools)
      if mustAnswer || turn >= maxTurns { body["tool_choice"] = "none" }
    }
    return .object(body)
  }

  mutating func take(_ answer: ModelAnswer) throws(LLMAgentFailure) -> Next {
    if let text = answer.text { lastText = text }
    guard !answer.calls.isEmpty else {
      guard let text = answer.text else {
        throw LLMAgentFailure(.failed, "the model answered with neither text nor a tool call (\(answer.finishReason))")
      }
      return .finished(text)
    }
    guard turn < maxTurns, !mustAnswer else {
      if let lastText { return .finished(lastText) }
      throw LLMAgentFailure(
        .failed, "no answer after \(turn) turns: the model still calls tools (maxTurns \(maxTurns))")
    }
    var message: JSONObject = ["role": "assistant", "content": answer.text.map { .string($0) } ?? .null]
    var calls: [Call] = []
    var written: [JSONValue] = []
    for (index, raw) in answer.calls.enumerated() {
      let call = decide(raw, index: index)
      calls.append(call)
      var object = raw.objectValue ?? JSONObject()
      object["id"] = .string(call.id)
      written.append(.object(object))
    }
    message["tool_calls"] = .array(written)
    messages.append(.object(message))
    let isLoop = calls.allSatisfy { if case .refuse(Self.loopReason) = $0.decision { true } else { false } }
    mustAnswer = isLoop
    return .calls(calls)
  }

  /// Tells the model what was wrong with an answer of an attempt before.
  ///
  /// - Returns: false if nobody has found anything wrong with this one yet.
  mutating func correct(_ answer: String) -> Bool {
    guard let correction = corrections.popFirst() else { return false }
    messages.append(["role": "assistant", "content": .string(answer)])
    let validator = correction["validator"]?.stringValue ?? "a check"
    let errors = (correction["errors"] ?? []).text()
    messages.append([
      "role": "user",
      "content": .string(
        "Your answer was rejected by the check `\(validator)`. What is wrong with it, as data: \(errors)\n"
          + "Give the whole answer again, without these errors."),
    ])
    return true
  }

  mutating func add(_ outcome: ToolOutcome, for call: Call) {
    var text = outcome.content.stringValue ?? outcome.content.text()
    if !outcome.succeeded, outcome.content["error"] == nil {
      text = JSONValue.object(["error": outcome.content]).text()
    }
    if text.utf8.count > Self.maxToolContent {
      let kept = String(decoding: text.utf8.prefix(Self.maxToolContent), as: UTF8.self)
      text = kept + "\n[cut: the tool gave \(text.utf8.count) bytes]"
    }
    messages.append(["role": "tool", "tool_call_id": .string(call.id), "content": .string(text)])
  }

  static let loopReason = "this exact call has been made before and its result is above: use it, or answer"

  private mutating func decide(_ raw: JSONValue, index: Int) -> Call {
    let given = raw["id"]?.stringValue ?? ""
    let id = given.isEmpty ? "call_\(turn)_\(index)" : given
    let name = raw["function"]?["name"]?.stringValue ?? ""
    func refuse(_ reason: String) -> Call { Call(id: id, requested: name, decision: .refuse(reason)) }
    guard let tool = toolNames.tool(named: name) else {
      let known = toolNames.functionNames.joined(separator: ", ")
      return refuse(
        known.isEmpty
          ? "there is no tool named '\(name)', and no other" : "there is no tool named '\(name)': use \(known)")
    }
    let text = raw["function"]?["arguments"]?.stringValue ?? ""
    let arguments: JSONValue
    do {
      arguments = text.allSatisfy(\.isWhitespace) ? [:] : try JSONValue(parsing: text)
    } catch {
      return refuse("the arguments are not valid JSON: \(error)")
    }
    guard case .object = arguments else { return refuse("the arguments must be a JSON object") }
    let signature = tool + " " + arguments.text(.canonical)
    made[signature, default: 0] += 1
    guard made[signature, default: 0] <= Self.maxIdenticalCalls else { return refuse(Self.loopReason) }
    return Call(id: id, requested: name, decision: .perform(tool: tool, arguments: arguments))
  }
}

/// Translates between names of tools and names of functions, which may hold no dots.
struct ToolNames: Sendable {
  /// In the order of the tools.
  let functionNames: [String]
  private var tools: [String: String] = [:]

  init(_ names: [String]) {
    functionNames = names.map(Self.functionName)
    for name in names {
      tools[name] = name
      tools[Self.functionName(name)] = name
    }
  }

  static func functionName(_ tool: String) -> String {
    let scalars = tool.unicodeScalars.map { scalar -> Character in
      let isAllowed = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
      return isAllowed || scalar == "_" || scalar == "-" ? Character(scalar) : "_"
    }
    return String(scalars.prefix(64))
  }

  func tool(named function: String) -> String? { tools[function] }
}
