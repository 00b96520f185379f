// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import Synchronization

/// Follows a run to its end: progress on the standard error, the output alone on the standard output.
struct RunFlow: Sendable {
  let console: Console
  let operations: any NodeOperations
  var clock: any NexusClock = SystemClock()

  private enum Ending: Sendable {
    case report(RunReport)
    case interrupted
    case progress
  }

  /// Starts the run, or takes the one that exists, and waits.
  func follow(
    agent: AgentName?, timeout: Duration? = nil,
    start: @escaping @Sendable () async throws(OperationError) -> RunReport
  ) async throws -> RunReport {
    // Listening starts before the run does, so that nothing of it is missed.
    let events = try await operations.events(EventFilter(agent: agent, includesLogs: console.isVerbose))
    let started = try await start()
    let run = started.id
    let progress = ProgressWriter(console)
    let report = try await withThrowingTaskGroup(of: Ending.self) { group in
      group.addTask(name: "run:wait") { .report(try await operations.waitRun(run)) }
      group.addTask(name: "run:interrupt") {
        try await Interrupts.first(clock: clock)
        return .interrupted
      }
      group.addTask(name: "run:progress") {
        // Of agents that other runs share, only what belongs to this run is told.
        for await event in events where event.run == run || (agent != nil && event.run == nil) {
          progress.write(event)
        }
        return .progress
      }
      defer { group.cancelAll() }
      while let ending = try await group.next() {
        switch ending {
        case .report(let report): return report
        case .interrupted:
          console.say(console.wordStyle.warning("▲") + " stopping \(run.text); Ctrl-C again leaves at once")
          _ = try await operations.cancelRun(run)
        case .progress: continue
        }
      }
      throw OperationError(.interrupted, code: "NX-API-017", title: "Interrupted")
    }
    progress.flush()
    return report
  }
}

/// Writes progress as it comes, from whichever task it comes.
private final class ProgressWriter: Sendable {
  private let console: Console
  private let progress: Mutex<RunProgress>

  init(_ console: Console) {
    self.console = console
    progress = Mutex(RunProgress(style: console.wordStyle, showsLogs: console.isVerbose))
  }

  func write(_ event: NodeEvent) {
    for line in progress.withLock({ $0.lines(for: event) }) { console.say(line) }
  }

  func flush() {
    for line in progress.withLock({ $0.flush() }) { console.say(line) }
  }
}
