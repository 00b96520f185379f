// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
package import NexusCore
package import NexusKernel

/// Reads from a request which tools the agent has called before, and what came of it.
package enum ToolHistory {
  /// A call as it stands in the body, before its parts are made into digests.
  private struct Call {
    var id: String?
    var name: String
    var arguments: JSONValue
    var result: JSONValue?
  }

  /// The calls of a conversation, found by what their answers name: a body may hold very many of both.
  private struct Calls {
    private(set) var all: [Call] = []
    /// The first call of each turn: answers stand between them, however many messages a turn is written in.
    private(set) var turns: [Int] = []
    private var isAnswering = true
    private var last: [String: Int] = [:]
    /// The calls without an answer, by `#` and their id, and by `=` and their name.
    private var open: [String: [Int]] = [:]
    /// How many of those at the front have an answer by their other key.
    private var firsts: [String: Int] = [:]

    mutating func add(_ call: Call) {
      if isAnswering { turns.append(all.count) }
      isAnswering = false
      if let id = call.id { last[id] = all.count }
      if let id = call.id { open["#" + id, default: []].append(all.count) }
      open["=" + call.name, default: []].append(all.count)
      all.append(call)
    }

    mutating func answerLast(_ id: String, _ result: JSONValue) {
      isAnswering = true
      if let index = last[id] { all[index].result = result }
    }

    mutating func answerFirst(_ key: String, _ result: JSONValue) {
      isAnswering = true
      guard let indexes = open[key] else { return }
      var next = firsts[key] ?? 0
      while next < indexes.count, all[indexes[next]].result != nil { next += 1 }
      if next < indexes.count { all[indexes[next]].result = result }
      firsts[key] = next
    }
  }

  /// The last `count` turns since somebody else had a word, in the order of the conversation.
  ///
  /// Whoever is told something new has a reason to do the same once more.
  package static func last(_ count: Int, of body: JSONValue, _ dialect: Dialect) -> [ToolTurn] {
    // The members tell the APIs of a dialect apart.
    let messages = (body["messages"] ?? body["input"] ?? body["contents"])?.arrayValue ?? []
    let start = messages.lastIndex { isNews($0, dialect) }.map { $0 + 1 } ?? 0
    var calls = Calls()
    for message in messages[start...] {
      switch dialect {
      case .openai: readOpenAI(message, &calls)
      case .anthropic: readAnthropic(message, &calls)
      case .gemini: readGemini(message, &calls)
      }
    }
    var end = calls.all.count
    var turns: [ToolTurn] = []
    for first in calls.turns.suffix(count).reversed() {
      turns.append(ToolTurn(calls.all[first..<end].map(use)))
      end = first
    }
    return turns.reversed()
  }

  private static func use(_ call: Call) -> ToolUse {
    ToolUse(name: call.name, arguments: digest(arguments(call.arguments)), result: call.result.map { digest($0) })
  }

  /// A message that is neither of the model nor of its tools.
  ///
  /// What stands beside the results of tools is not: some agents remind their model of something there each time.
  private static func isNews(_ message: JSONValue, _ dialect: Dialect) -> Bool {
    switch dialect {
    case .openai: return message["role"]?.stringValue == "user"
    case .anthropic:
      guard message["role"]?.stringValue == "user" else { return false }
      return !(message["content"]?.arrayValue ?? []).contains { $0["type"]?.stringValue == "tool_result" }
    case .gemini:
      guard (message["role"]?.stringValue ?? "user") == "user" else { return false }
      let members = ["functionResponse", "function_response", "functionCall", "function_call"]
      return !(message["parts"]?.arrayValue ?? []).contains { part in members.contains { part[$0] != nil } }
    }
  }

  private static func readOpenAI(_ message: JSONValue, _ calls: inout Calls) {
    switch message["type"]?.stringValue {
    case "function_call":
      add(message["call_id"], message["name"], message["arguments"], &calls)
    case "function_call_output": answer(message["call_id"], message["output"], &calls)
    default:
      for call in message["tool_calls"]?.arrayValue ?? [] {
        add(call["id"], call["function"]?["name"], call["function"]?["arguments"], &calls)
      }
      if message["role"]?.stringValue == "tool" { answer(message["tool_call_id"], message["content"], &calls) }
    }
  }

  private static func readAnthropic(_ message: JSONValue, _ calls: inout Calls) {
    for block in message["content"]?.arrayValue ?? [] {
      switch block["type"]?.stringValue {
      case "tool_use": add(block["id"], block["name"], block["input"], &calls)
      case "tool_result": answer(block["tool_use_id"], block["content"] ?? .null, &calls)
      default: break
      }
    }
  }

  private static func readGemini(_ content: JSONValue, _ calls: inout Calls) {
    for part in content["parts"]?.arrayValue ?? [] {
      if let call = part["functionCall"] ?? part["function_call"] {
        add(call["id"], call["name"], call["args"] ?? .null, &calls)
      }
      guard let response = part["functionResponse"] ?? part["function_response"] else { continue }
      // Without an id the first call of that name that has no answer yet is meant.
      let key = response["id"]?.stringValue.map { "#" + $0 } ?? response["name"]?.stringValue.map { "=" + $0 }
      if let key { calls.answerFirst(key, response["response"] ?? .null) }
    }
  }

  private static func add(_ id: JSONValue?, _ name: JSONValue?, _ arguments: JSONValue?, _ calls: inout Calls) {
    guard let name = name?.stringValue else { return }
    calls.add(Call(id: id?.stringValue, name: name, arguments: arguments ?? .null, result: nil))
  }

  private static func answer(_ id: JSONValue?, _ result: JSONValue?, _ calls: inout Calls) {
    if let id = id?.stringValue { calls.answerLast(id, result ?? .null) }
  }

  /// Arguments that are JSON in a text count as what they say, not as they are spelled.
  private static func arguments(_ value: JSONValue) -> JSONValue {
    guard let text = value.stringValue else { return value }
    return (try? JSONValue(parsing: text)) ?? value
  }

  private static func digest(_ value: JSONValue) -> String {
    var hash = SHA256()
    hash.update(data: value.encoded(.canonical))
    return String(describing: hash.finalize())
  }
}
