// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusRuntime
internal import Synchronization

/// What a step costs in a run with few entries behind it, and in one with ten thousand.
///
/// The runs go through a list, one element after the other; each element is a step of three entries.
enum HistoryBench {
  private static let runs = 32
  /// How many steps of each run are measured, at the beginning and at the end.
  private static let window = 100
  /// How many steps more each run has, so that none comes to its end, where its whole output is written, meanwhile.
  private static let beyond = 300
  private static let entriesOfStep = 3
  private static let few = 10
  private static let many = 10_000

  /// What the process had used when the first and the last step of the window were handed over, all runs together.
  private final class Marks: Sendable {
    private let state = Mutex<(seen: Int, start: Int64, end: Int64)>((0, 0, 0))
    private let first: Int
    private let last: Int

    init(first: Int, last: Int) { (self.first, self.last) = (first, last) }

    func pass() {
      state.withLock { state in
        state.seen += 1
        if state.seen == first { state.start = processorMicroseconds() }
        if state.seen == last { state.end = processorMicroseconds() }
      }
    }

    var used: Int64 { state.withLock { $0.end - $0.start } }
  }

  /// A step for each element of the run's input, one after the other.
  static func flow() throws -> FlowDefinition {
    var step = FlowStep(name: "each", action: .agent(BenchNode.worker))
    step.forEach = ForEach(items: try ValueTemplate(parsing: "{{ run.input }}"), parallel: 1)
    return FlowDefinition(kind: .workflow, name: "long", steps: [step])
  }

  static func measure(_ path: String) async throws -> JSONObject {
    try await BenchNode.with(path, [try flow()]) { node in
      let early = few / entriesOfStep
      let late = many / entriesOfStep
      let short = try await cost(of: node, behind: early)
      let long = try await cost(of: node, behind: late)
      let again = try await cost(of: node, behind: early)
      return [
        "few": .double(min(short, again)), "many": .double(long), "times": .double(long / min(short, again)),
      ]
    }
  }

  /// The processor time of a step behind so many others of its run, in microseconds.
  private static func cost(of node: BenchNode, behind count: Int) async throws -> Double {
    let items = JSONValue.array((0..<(count + window + beyond)).map { .int(Int64($0)) })
    let marks = Marks(first: count * runs, last: (count + window) * runs)
    let service = try await WorkerService(node)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await service.serve { _ in
          marks.pass()
          return true
        }
        return false
      }
      group.addTask {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<runs { group.addTask { _ = try await node.run("long", input: items) } }
          try await group.waitForAll()
        }
        return true
      }
      while let isOver = try await group.next() { if isOver { group.cancelAll() } }
    }
    return Double(marks.used) / Double(window * runs)
  }
}
