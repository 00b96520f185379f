// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusRuntime

/// The service that does the steps: takes a task, answers it, takes the next, by the agent API's own calls.
struct WorkerService: Sendable {
  /// How many of its workers ask for work at a time.
  static let workers = 64
  /// As long as what the peers' steps return.
  static let usualBytes = 200

  let calls: any AgentCallHandler
  let caller: Caller
  let key: VirtualKey
  private let body: [UInt8]
  private static let wait = ["wait": "60"]

  /// - Parameters:
  ///   - node: that it works for.
  ///   - bytes: the length of the text in each of its answers.
  /// - Throws: if the boundary does not open.
  init(_ node: BenchNode, bytes: Int = Self.usualBytes) async throws {
    body = (["output": ["i": 3, "text": .string(String(repeating: "x", count: bytes))]] as JSONValue).encoded()
    calls = node.runtime.agentCalls
    (caller, key) = try await node.serviceKey()
  }

  /// Serves until the task is cancelled.
  ///
  /// - Parameter takes: called with the step of each task; false keeps the task without an answer.
  /// - Throws: `BenchError` if an answer is refused.
  func serve(_ takes: @escaping @Sendable (String) -> Bool = { _ in true }) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<Self.workers { group.addTask { try await work(takes) } }
      try await group.waitForAll()
    }
  }

  private func work(_ takes: @Sendable (String) -> Bool) async throws {
    while !Task.isCancelled {
      let reply = await call("GET", ["next"], query: Self.wait, body: [])
      guard let task = reply.body?["task"]?.stringValue, let step = reply.body?["step"]?.stringValue, takes(step) else {
        continue
      }
      let status = await call("POST", ["tasks", task, "result"], body: body).status
      guard status == 200 else { throw BenchError("the answer to \(task) was refused with \(status)") }
    }
  }

  private func call(_ method: String, _ path: [String], query: [String: String] = [:], body: [UInt8]) async
    -> AgentReply
  {
    await calls.handle(AgentCall(method: method, path: path, query: query, body: body, caller: caller, key: key))
  }
}
