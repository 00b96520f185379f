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
    private var last: [String: Int] = [:]
    /// The calls without an answer, by `#` and their id, and by `=` and their name.
    private var open: [String: [Int]] = [:]
    /// How many of those at the front have an answer by their other key.
    private var firsts: [String: Int] = [:]

    mutating func add(_ call: Call) {
      if let id = call.id { last[id] = all.count }
      if let id = call.id { open["#" + id, default: []].append(all.count) }
      open["=" + call.name, default: []].append(all.count)
      all.append(call)
    }

    mutating func answerLast(_ id: String, _ result: JSONValue) {
      if let index = last[id] { all[index].result = result }
    }

    mutating func answerFirst(_ key: String, _ result: JSONValue) {
      guard let indexes = open[key] else { return }
      var next = firsts[key] ?? 0
      while next < indexes.count, all[indexes[next]].result != nil { next += 1 }
      if next < indexes.count { all[indexes[next]].result = result }
      firsts[key] = next
    }
  }

  /// The last `count` uses, in the order of the conversation.
  package static func last(_ count: Int, of body: JSONValue, _ dialect: Dialect) -> [ToolUse] {
    var calls = Calls()
    // The members tell the APIs of a dialect apart.
    for message in (body["messages"] ?? body["input"] ?? body["contents"])?.arrayValue ?? [] {
      switch dialect {
      case .openai: readOpenAI(message, &calls)
      case .anthropic: readAnthropic(message, &calls)
      case .gemini: readGemini(message, &calls)
      }
    }
    return calls.all.suffix(count).map { call in
      ToolUse(
        name: call.name, arguments: digest(arguments(call.arguments)), result: call.result.map { digest($0) })
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
