// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusHTTP
import NexusLLMAgent
import NexusTools
import Synchronization

/// The agent plane as the loop sees it: a model and tools behind HTTP.
struct FakeNode: Sendable {
  /// What the model answers to the request with that number, from 0; only model calls are counted.
  var model: @Sendable (_ body: JSONValue, _ number: Int) -> RawReply
  var tools: [ToolDefinition] = []
  var perform: @Sendable (_ tool: String, _ arguments: JSONValue) async -> ToolOutcome = { _, _ in
    ToolOutcome(succeeded: true, content: ["text": "result"])
  }
  var prompt = "Be brief."
  var modelName = "test/model"
  var maxTurns = 20
  var input = "question"

  struct Outcome: Sendable {
    let status: Int32
    let output: String?
    let log: [String]
    /// The bodies of the model calls.
    let modelCalls: [JSONValue]
    let modelBodies: [[UInt8]]
    let toolCalls: [String]
  }

  func run() async throws -> Outcome {
    let scratch = try Scratch()
    let output = scratch.path + "/output"
    let log = Log()
    let models = Counter()
    let respond: @Sendable (RawRequest) async -> RawReply = { request in
      switch request.target {
      case "/v1/chat/completions": return model(request.json, models.next())
      case "/agent/v1/tools":
        let list = tools.map { tool -> JSONValue in
          ["name": .string(tool.name), "description": .string(tool.description), "parameters": tool.parameters]
        }
        return .json(["tools": .array(list)])
      default:
        let name = String(request.target.dropFirst("/agent/v1/tools/".count))
        let outcome = await perform(name, request.json["arguments"] ?? .null)
        return .json(["succeeded": .bool(outcome.succeeded), "content": outcome.content])
      }
    }
    return try await RawServer.serving(respond) { server in
      let spec: JSONValue = [
        "prompt": .string(prompt), "model": .string(modelName), "maxTurns": .int(Int64(maxTurns)),
      ]
      let status = await LLMAgentMain.run(
        environment: [
          "NAOS_URL": server.url, "NAOS_TOKEN": "token", "OPENAI_BASE_URL": server.url + "/v1",
          "OPENAI_API_KEY": "key", "NAOS_OUTPUT": output, "NAOS_LLM_SPEC": spec.text(),
        ],
        stdin: Array(input.utf8), clock: ImpatientClock(), log: { line in log.lines.withLock { $0.append(line) } })
      let modelRequests = server.requests.filter { $0.target == "/v1/chat/completions" }
      let written = try? Files.read(output, limit: 1 << 20)
      return Outcome(
        status: status, output: written.map { String(decoding: $0, as: UTF8.self) }, log: log.lines.withLock { $0 },
        modelCalls: modelRequests.map(\.json), modelBodies: modelRequests.map(\.body),
        toolCalls: server.requests.filter { $0.target.hasPrefix("/agent/v1/tools/") }.map { $0.target + " " + $0.text })
    }
  }

  private final class Log: Sendable {
    let lines = Mutex<[String]>([])
  }

  private final class Counter: Sendable {
    private let count = Mutex(0)
    func next() -> Int {
      count.withLock {
        $0 += 1
        return $0 - 1
      }
    }
  }
}

/// A clock whose waits are over at once.
struct ImpatientClock: NexusClock {
  private let system = SystemClock()
  func now() -> Instant { system.now() }
  func wallNow() -> WallTime { system.wallNow() }
  func sleep(until deadline: Instant) async throws { try Task.checkCancellation() }
}

extension RawReply {
  /// A chat completion that says something.
  static func says(_ text: String) -> RawReply { completion(["role": "assistant", "content": .string(text)]) }

  /// A chat completion that calls tools: name and arguments as text.
  static func calls(_ calls: [(String, String)], text: String? = nil) -> RawReply {
    let list = calls.enumerated().map { index, call -> JSONValue in
      [
        "id": .string("c\(index)"), "type": "function",
        "function": ["name": .string(call.0), "arguments": .string(call.1)],
      ]
    }
    return completion(
      ["role": "assistant", "content": text.map { .string($0) } ?? .null, "tool_calls": .array(list)])
  }

  static func completion(_ message: JSONValue) -> RawReply {
    .json([
      "id": "x", "object": "chat.completion", "model": "m",
      "choices": [["index": 0, "message": message, "finish_reason": "stop"]],
      "usage": ["prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5],
    ])
  }
}
