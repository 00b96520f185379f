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

  /// What the first Ctrl-C or SIGTERM means.
  enum Interruption: Sendable {
    /// The run is cancelled, and waited for.
    case cancels
    /// Only the wait ends.
    case leaves
  }

  private enum Ending: Sendable {
    case report(RunReport)
    case interrupted
    case progress
  }

  /// Starts the run, or takes the one that exists, and waits.
  func follow(
    agent: AgentName?, on interruption: Interruption,
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
        case .interrupted where interruption == .leaves: throw left(run)
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

  /// Waits for a run without a word.
  func wait(for run: RunID) async throws -> RunReport {
    try await withThrowingTaskGroup(of: Ending.self) { group in
      group.addTask(name: "run:wait") { .report(try await operations.waitRun(run)) }
      group.addTask(name: "run:interrupt") {
        try await Interrupts.first(clock: clock)
        return .interrupted
      }
      defer { group.cancelAll() }
      guard case .report(let report)? = try await group.next() else { throw left(run) }
      return report
    }
  }

  /// The user does not wait any longer.
  private func left(_ run: RunID) -> CommandFailure {
    let goesOn = operations is RemoteNode ? "it goes on" : "it goes on with the next `naos up`"
    console.say(console.wordStyle.warning("▲") + " no longer waiting for \(run.text); \(goesOn)")
    console.next("naos runs wait \(run.text)", "naos runs cancel \(run.text)")
    var failure = CommandFailure(exit: .interrupted)
    failure.leavesRun = true
    return failure
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
