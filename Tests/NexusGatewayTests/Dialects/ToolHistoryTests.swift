// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import Testing

/// What is read of the tools in a conversation, in every API.
@Suite(.timeLimit(.minutes(1)))
struct ToolHistoryTests {
  enum API: CaseIterable {
    case chat, responses, messages, contents

    var dialect: Dialect {
      switch self {
      case .chat, .responses: .openai
      case .messages: .anthropic
      case .contents: .gemini
      }
    }

    var member: String {
      switch self {
      case .chat, .messages: "messages"
      case .responses: "input"
      case .contents: "contents"
      }
    }

    /// One message of a model with these calls, and the answers to them.
    func turn(_ number: Int, _ tools: [String], result: String = "nothing") -> [JSONValue] {
      let calls = tools.enumerated().map { (id: JSONValue.string("c\(number).\($0)"), name: JSONValue.string($1)) }
      switch self {
      case .chat:
        let asked = calls.map { call -> JSONValue in
          ["id": call.id, "type": "function", "function": ["name": call.name, "arguments": "{\"q\":1}"]]
        }
        return [["role": "assistant", "content": nil, "tool_calls": .array(asked)]]
          + calls.map { ["role": "tool", "tool_call_id": $0.id, "content": .string(result)] }
      case .responses:
        return calls.map { ["type": "function_call", "call_id": $0.id, "name": $0.name, "arguments": "{}"] }
          + calls.map { ["type": "function_call_output", "call_id": $0.id, "output": .string(result)] }
      case .messages:
        let asked = calls.map { call -> JSONValue in
          ["type": "tool_use", "id": call.id, "name": call.name, "input": ["q": 1]]
        }
        let told = calls.map { call -> JSONValue in
          ["type": "tool_result", "tool_use_id": call.id, "content": .string(result)]
        }
        return [["role": "assistant", "content": .array(asked)], ["role": "user", "content": .array(told)]]
      case .contents:
        let asked = calls.map { call -> JSONValue in ["functionCall": ["name": call.name, "args": ["q": 1]]] }
        let told = calls.map { call -> JSONValue in
          ["functionResponse": ["name": call.name, "response": ["found": .string(result)]]]
        }
        return [["role": "model", "parts": .array(asked)], ["role": "user", "parts": .array(told)]]
      }
    }

    func user(_ text: String) -> JSONValue {
      switch self {
      case .chat, .messages: ["role": "user", "content": .string(text)]
      case .responses: ["role": "user", "content": [["type": "input_text", "text": .string(text)]]]
      case .contents: ["role": "user", "parts": [["text": .string(text)]]]
      }
    }

    func assistant(_ text: String) -> JSONValue {
      switch self {
      case .chat, .messages: ["role": "assistant", "content": .string(text)]
      case .responses:
        ["type": "message", "role": "assistant", "content": [["type": "output_text", "text": .string(text)]]]
      case .contents: ["role": "model", "parts": [["text": .string(text)]]]
      }
    }

    func turns(_ messages: [JSONValue], last: Int = 16) -> [ToolTurn] {
      ToolHistory.last(last, of: .object([member: .array(messages)]), dialect)
    }
  }

  private func names(_ turns: [ToolTurn]) -> [[String]] { turns.map { $0.uses.map(\.name) } }

  @Test(arguments: API.allCases)
  func `calls side by side are one turn, and the next message is another`(api: API) {
    let turns = api.turns(api.turn(0, ["b", "a", "a"]) + api.turn(1, ["c"]) + api.turn(2, ["c"]))
    #expect(names(turns) == [["a", "a", "b"], ["c"], ["c"]])
    #expect(turns[1] == turns[2])
    #expect(turns.allSatisfy { $0.uses.allSatisfy { $0.result != nil } })
    #expect(LoopDetector().judge(api.turns(api.turn(0, ["a", "a", "a", "a", "a", "a"]))) == .none)
  }

  @Test(arguments: API.allCases)
  func `a message of the user ends what was before it`(api: API) {
    // Somebody asks for the weather again and again, and it does not change.
    var messages: [JSONValue] = []
    for question in 0..<8 {
      messages.append(api.user("And now?"))
      messages += api.turn(question, ["weather"], result: "rain")
      #expect(names(api.turns(messages)) == [["weather"]], "\(question)")
      #expect(LoopDetector().judge(api.turns(messages)) == .none)
      messages.append(api.assistant("It rains."))
      #expect(api.turns(messages + [api.user("Thanks.")]).isEmpty)
    }
    // What the model itself says ends nothing.
    for round in 10..<14 { messages += api.turn(round, ["weather"], result: "rain") + [api.assistant("Once more.")] }
    #expect(LoopDetector().judge(api.turns(messages)).finding?.rounds == 5)
  }

  @Test func `what an agent says beside the results of its tools is no news`() {
    let reminder: JSONValue = ["type": "text", "text": "Remember your list."]
    var messages: [JSONValue] = []
    for round in 0..<5 {
      var turn = API.messages.turn(round, ["search"])
      turn[1] = ["role": "user", "content": .array((turn[1]["content"]?.arrayValue ?? []) + [reminder])]
      messages += turn
    }
    #expect(LoopDetector().judge(API.messages.turns(messages)).finding?.rounds == 5)
  }

  @Test(arguments: API.allCases)
  func `very many calls, all answered at the end, are read in no time`(api: API) {
    // Searching all of the others for each of them would take hours.
    let names = [String](repeating: "t", count: 100_000)
    let turns = api.turns(api.turn(0, names))
    #expect(turns.count == 1)
    #expect(turns.first?.uses.count == names.count)
    #expect(turns.first?.uses.allSatisfy { $0.result != nil } == true)
  }

  @Test(arguments: API.allCases)
  func `of many turns the last are read`(api: API) {
    let turns = api.turns((0..<40).flatMap { api.turn($0, ["t\($0)", "u"]) }, last: 3)
    #expect(names(turns) == [["t37", "u"], ["t38", "u"], ["t39", "u"]])
  }
}
