// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import NexusStoreSQLite

/// Measures durable runs: each command prints one JSON object.
///
/// ```
/// naos-bench-flows steps DATABASE RUNS SECONDS     workflows of ten steps, so many at a time
/// naos-bench-flows latency DATABASE ROUNDS         a workflow of three steps, one after the other
/// naos-bench-flows history DATABASE                the cost of a step behind 10 and behind 10,000 entries
/// naos-bench-flows hold DATABASE RUNS              leaves so many runs under way, as kill -9 does
/// naos-bench-flows hold DATABASE STEPS BYTES       leaves one run under way behind so many steps of so long answers
/// naos-bench-flows resume DATABASE RUNS            takes up again what was left
/// ```
@main
struct FlowsBench {
  private static let steps = 10

  static func main() async throws {
    let arguments = CommandLine.arguments
    let number = arguments.count > 3 ? Int(arguments[3]) ?? 0 : 0
    switch (arguments.dropFirst().first, arguments.count) {
    case ("steps", 5): report(try await rate(arguments[2], runs: number, seconds: Int64(arguments[4]) ?? 1))
    case ("latency", 4): report(try await latency(arguments[2], rounds: number))
    case ("history", 3): report(try await HistoryBench.measure(arguments[2]))
    case ("hold", 5): try await ResumeBench.hold(arguments[2], steps: number, bytes: Int(arguments[4]) ?? 0)
    case ("hold", 4): try await ResumeBench.hold(arguments[2], runs: number)
    case ("resume", 4): try await ResumeBench.resume(arguments[2], runs: number)
    default:
      print("usage: naos-bench-flows steps DATABASE RUNS SECONDS | latency DATABASE ROUNDS | history DATABASE")
      print("       | hold DATABASE RUNS | hold DATABASE STEPS BYTES | resume DATABASE RUNS")
      exit(2)
    }
  }

  private static func report(_ figures: JSONObject) { print(JSONValue.object(figures).text()) }

  // MARK: Many at a time

  private static func rate(_ path: String, runs: Int, seconds: Int64) async throws -> JSONObject {
    let before = fileBytes(path)
    var figures: JSONObject = [:]
    let (times, elapsed, processor) = try await BenchNode.with(path, [BenchNode.chain("chain", steps: steps)]) { node in
      try await serving(node) { try await completed(on: node, at: runs, for: .seconds(seconds)) }
    }
    let done = Int64(times.count * steps)
    figures["stepsPerSecond"] = .int(done * 1_000_000_000 / max(1, elapsed.wholeNanoseconds))
    figures["runMilliseconds"] = .double(times.quantile(0.5).milliseconds)
    figures["slowRunMilliseconds"] = .double(times.quantile(0.99).milliseconds)
    figures["processorMicrosecondsPerStep"] = .double(Double(processor * 10 / max(1, done)) / 10)
    // The store has copied its log into the file by now.
    figures["bytesPerStep"] = .int((fileBytes(path) - before) / max(1, done))
    figures["steps"] = .int(done)
    return figures
  }

  private static func completed(
    on node: BenchNode, at runs: Int, for duration: Duration
  ) async throws -> (times: [Duration], elapsed: Duration, processor: Int64) {
    _ = try await node.run("chain")
    let processor = processorMicroseconds()
    let start = node.clock.now()
    let times = try await withThrowingTaskGroup(of: [Duration].self) { group in
      for _ in 0..<runs {
        group.addTask {
          var times: [Duration] = []
          while node.clock.now() < start + duration {
            let begun = node.clock.now()
            _ = try await node.run("chain")
            times.append(node.clock.now() - begun)
          }
          return times
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    let elapsed = node.clock.now() - start
    let used = processorMicroseconds() - processor
    let counts = try await node.store.runCounts()
    guard counts == [.completed: times.count + 1] else { throw BenchError("not every run completed: \(counts)") }
    return (times, elapsed, used)
  }

  /// Runs the body while the service works.
  static func serving<Answer: Sendable>(
    _ node: BenchNode, _ body: @escaping @Sendable () async throws -> Answer
  ) async throws -> Answer {
    let service = try await WorkerService(node)
    return try await withThrowingTaskGroup(of: Answer?.self) { group in
      group.addTask {
        try await service.serve()
        return nil
      }
      group.addTask { try await body() }
      while let answer = try await group.next() {
        guard let answer else { continue }
        group.cancelAll()
        return answer
      }
      throw BenchError("the service ended before the measurement")
    }
  }

  // MARK: One at a time

  private static func latency(_ path: String, rounds: Int) async throws -> JSONObject {
    try await BenchNode.with(path, [BenchNode.chain("short", steps: 3)]) { node in
      try await serving(node) {
        let probe = try FlushProbe(beside: path)
        defer { probe.end() }
        var (runs, flushes): ([Duration], [Duration]) = ([], [])
        _ = try await node.run("short")
        for _ in 0..<rounds {
          flushes.append(probe.flush(node.clock))
          let start = node.clock.now()
          _ = try await node.run("short")
          runs.append(node.clock.now() - start)
        }
        return [
          "runMilliseconds": .double(runs.quantile(0.5).milliseconds),
          "slowRunMilliseconds": .double(runs.quantile(0.99).milliseconds),
          "flushMilliseconds": .double(flushes.quantile(0.5).milliseconds),
        ]
      }
    }
  }
}
