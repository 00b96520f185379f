// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore
internal import Synchronization

/// What an attempt wrote, once it is over.
package struct CapturedOutput: Sendable {
  /// The first bytes of its standard output, up to the limit of the capture.
  package var standardOutput: [UInt8]
  /// There was more than the limit.
  package var overflowed: Bool
  /// The last line of its standard error that says something; untrusted text.
  package var lastWords: String?
  package init(standardOutput: [UInt8], overflowed: Bool, lastWords: String? = nil) {
    self.standardOutput = standardOutput
    self.overflowed = overflowed
    self.lastWords = lastWords
  }
}

/// Takes an attempt's output into the agent's log and keeps its standard output for the result.
package protocol AttemptCapture: OutputReceiver {
  /// Ends the capture; called once, after the process has ended.
  func finish() async -> CapturedOutput

  /// What was kept of the standard output did not become the result: it belongs into the log. After `finish`.
  func disclose() async
}

/// Opens captures; the log files are behind it.
package protocol CaptureSource: Sendable {
  func capture(of caller: Caller) -> any AttemptCapture
  /// A line that the agent sent by itself, through `POST /agent/v1/log`.
  func line(of caller: Caller, text: String) async
}

/// Everything that the runtime needs from outside.
package struct RuntimeServices: Sendable {
  package let store: any Store
  package let boundary: any EffectBoundary
  package let launcher: any ProcessLauncher
  package let captures: any CaptureSource
  package let clock: any NexusClock
  package let ids: IdentifierSource
  package let events: EventHub
  /// `.naos`, absolute.
  package let stateDirectory: String
  /// What every agent inherits of the node's environment: `PATH`, `HOME`, `LANG`, `TZ`.
  package let inherited: [EnvironmentVariable]
  /// How naos itself is started as the program of an `llm` agent.
  package let ownCommand: [String]
  /// Calls its body, and remembers meanwhile on which run the node works: if the node traps, that run is to blame.
  package let atWork: @Sendable (_ run: RunID, _ body: () -> Void) -> Void
  /// Watches the processes that run.
  package let health: HealthDesk
  /// Counts what is done.
  package var meter = NodeMeter()

  /// Checks inputs and outputs; without one, an agent with a schema does nothing.
  package var gate: (any SchemaGate)?
  /// Judges by validators; without one, what has a validator is stopped.
  package var judge: (any OutputJudge)?
  /// Told what becomes of questions to people; must not block.
  package var approvalNews: @Sendable (ApprovalNews) -> Void = { _ in }
  /// Judges actions; without one, every action is permitted.
  package var actions: (any ActionJudge)?
  /// How far the limits of these scopes are used up.
  package var budgets: @Sendable ([BudgetScope]) -> BudgetStanding = { _ in BudgetStanding() }
  /// What no sandbox may change.
  package let configurationFiles = ConfigurationFiles()
  /// When the audit log was begun anew; nil where it is the first.
  package var auditBegunAt: WallTime?

  /// The time between two batches of rows that are removed.
  package var prunePause = Duration.milliseconds(5)
  /// The time before the first commit of the restart log, and between two.
  package var restartLogPause = Duration.milliseconds(10)

  package init(
    store: any Store, boundary: any EffectBoundary, launcher: any ProcessLauncher, captures: any CaptureSource,
    probes: any ProbeClient, clock: any NexusClock, ids: IdentifierSource, events: EventHub, stateDirectory: String,
    inherited: [EnvironmentVariable], ownCommand: [String],
    atWork: @escaping @Sendable (_ run: RunID, _ body: () -> Void) -> Void = { $1() }
  ) {
    self.store = store
    self.boundary = boundary
    self.launcher = launcher
    self.captures = captures
    self.clock = clock
    self.ids = ids
    self.events = events
    self.stateDirectory = stateDirectory
    self.inherited = inherited
    self.ownCommand = ownCommand
    self.atWork = atWork
    health = HealthDesk(ports: HealthPorts(launcher: launcher, probes: probes, clock: clock))
  }
}

/// The files that the configuration was read from, as of the last time that it was read.
package final class ConfigurationFiles: Sendable {
  private let held = Mutex<[String]>([])

  package init() {}

  /// Absolute.
  package var paths: [String] { held.withLock { $0 } }

  package func replace(with paths: [String]) { held.withLock { $0 = paths } }
}
