// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import NexusKernel
internal import NexusRuntime
internal import Synchronization

/// How long a node needs to go on with very many runs that one before it left under way.
enum ResumeBench {
  /// Of a run that is left: two of its steps are done, the third is under way.
  private static let flow = BenchNode.chain("held", steps: 4)
  private static let held = "s2"

  /// Lets something be waited for until it has happened often enough.
  private final class Count: Sendable {
    private let state = Mutex<(left: Int, waiter: CheckedContinuation<Void, Never>?)>((0, nil))

    init(_ count: Int) { state.withLock { $0.left = count } }

    func pass() {
      let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
        state.left -= 1
        return state.left == 0 ? state.waiter.take() : nil
      }
      waiter?.resume()
    }

    func wait() async {
      await withCheckedContinuation { waiter in
        let isOver = state.withLock { state in
          if state.left > 0 { state.waiter = waiter }
          return state.left <= 0
        }
        if isOver { waiter.resume() }
      }
    }
  }

  /// Starts the runs, lets each come to its third step, and ends this process at once.
  static func hold(_ path: String, runs: Int) async throws {
    try await hold(path, flow, inputs: Array(repeating: ["n": 1], count: runs)) { $0 == held }
  }

  /// Lets one run come behind so many steps with so long answers, and ends this process at once.
  static func hold(_ path: String, steps: Int, bytes: Int) async throws {
    let seen = Mutex(0)
    let items = JSONValue.array((0...steps).map { .int(Int64($0)) })
    try await hold(path, HistoryBench.flow(), inputs: [items], bytes: bytes) { _ in
      seen.withLock { seen in
        seen += 1
        return seen > steps
      }
    }
  }

  /// Ends this process at once when of every run a step is at work that is to be held.
  private static func hold(
    _ path: String, _ flow: FlowDefinition, inputs: [JSONValue], bytes: Int = WorkerService.usualBytes,
    _ isHeld: @escaping @Sendable (String) -> Bool
  ) async throws {
    try await BenchNode.with(path, [flow]) { node in
      let count = Count(inputs.count)
      let service = try await WorkerService(node, bytes: bytes)
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          await orExit {
            try await service.serve { step in
              guard isHeld(step) else { return true }
              count.pass()
              return false
            }
          }
        }
        for input in inputs {
          group.addTask {
            await orExit {
              _ = try await node.run(flow.name, input: input)
              throw BenchError("a run ended that was to be held")
            }
          }
        }
        await count.wait()
        die()
      }
    }
  }

  /// As `kill -9` does it: nothing is flushed, closed or given back.
  private static func die() -> Never {
    _ = kill(getpid(), SIGKILL)
    while true { pause() }
  }

  /// Opens the store again and waits until the service has the step of every run once more that was under way, which is
  /// journaled by then.
  static func resume(_ path: String, runs: Int) async throws {
    let clock = SystemClock()
    let start = clock.now()
    try await BenchNode.with(path, [flow, try HistoryBench.flow()]) { node in
      let opened = clock.now() - start
      let count = Count(runs)
      let service = try await WorkerService(node)
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          await orExit {
            try await service.serve { _ in
              count.pass()
              return false
            }
          }
        }
        await orExit {
          let recovery = try await node.runtime.executor.recover()
          guard recovery.resumed == runs, recovery.unreadable.isEmpty else {
            throw BenchError("\(recovery.resumed) of \(runs) runs were resumed")
          }
        }
        let taken = clock.now() - start
        await count.wait()
        let figures: JSONValue = [
          "openMilliseconds": .double(opened.milliseconds), "takenMilliseconds": .double(taken.milliseconds),
          "workingMilliseconds": .double((clock.now() - start).milliseconds),
          "residentMegabytes": .double(Double(largestResidentKilobytes()) / 1000),
        ]
        print(figures.text())
        fflush(nil)
        // They stay under way, and nothing is left to do here.
        die()
      }
    }
  }
}
