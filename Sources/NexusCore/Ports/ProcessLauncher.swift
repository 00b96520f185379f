// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What to start: one program, already resolved, with everything that it may see.
package struct LaunchRequest: Sendable {
  /// The program and its arguments; the first is looked up in `PATH` of `environment` unless it holds a slash.
  package var arguments: [String]
  /// The whole environment, in order; nothing is inherited.
  package var environment: [EnvironmentVariable]
  package var workingDirectory: String
  /// What the program reads on its standard input; it always sees an end.
  package var standardInput: [UInt8]
  /// Names what the process works for, in logs and in the launcher's book-keeping.
  package var label: String
  /// What it and everything that it starts may use at most.
  package var ceilings: ProcessCeilings
  /// The sandbox that it runs in; nil: none.
  package var enclosure: Enclosure?
  /// Who is told what the sandbox refused; nil: nobody, and nothing is kept of it.
  package var refusals: (any RefusalReceiver)?
  /// The module that is run in the place of a program of the machine; `arguments` are then the module's.
  package var module: WasmProgram?
  /// A socket that the program gets as its standard input, in the place of bytes; it stays the caller's.
  package var channel: Int32?

  package init(
    arguments: [String], environment: [EnvironmentVariable], workingDirectory: String, standardInput: [UInt8] = [],
    label: String, ceilings: ProcessCeilings = .none, enclosure: Enclosure? = nil
  ) {
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.standardInput = standardInput
    self.label = label
    self.ceilings = ceilings
    self.enclosure = enclosure
  }
}

package struct EnvironmentVariable: Sendable, Hashable {
  package let name: String
  package let value: String
  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

package enum OutputStream: String, Sendable, CaseIterable {
  case standardOutput = "stdout"
  case standardError = "stderr"
}

/// Takes what a process writes.
///
/// Called in order, from one thread at a time; must not block.
package protocol OutputReceiver: AnyObject, Sendable {
  func received(_ bytes: [UInt8], from stream: OutputStream)
  /// A line of the node's own about the process, not of the process.
  func said(_ text: String)
}

extension OutputReceiver {
  package func said(_ text: String) { received(Array((text + "\n").utf8), from: .standardError) }
}

/// How a process ended.
package enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
  case exited(code: Int32)
  case signalled(signal: Int32)

  package var description: String {
    switch self {
    case .exited(let code): "exit \(code)"
    case .signalled(let signal): "signal \(signal)"
    }
  }
}

/// The end of a process with what the kernel counted for it.
package struct ProcessExit: Sendable, Hashable {
  /// The node's own guard died and took the process with it: no doing of the process.
  package var isByLostGuard = false
  /// Why it was ended, where its status does not say it.
  package var failure: ProgramFailure?
  /// What it was not let do on its way, however it ended.
  package var denials: [CountedDenial] = []
  package let status: ExitStatus
  package let userTime: Duration
  package let systemTime: Duration
  package let peakMemoryBytes: Int64
  /// The ceiling that the process, or one that it started, was killed over or held back by.
  ///
  /// Nil after a clean exit: a process that dealt with its ceiling did not end because of it.
  package let ceiling: ProcessCeilings.Resource?

  package init(
    status: ExitStatus, userTime: Duration = .zero, systemTime: Duration = .zero, peakMemoryBytes: Int64 = 0,
    ceiling: ProcessCeilings.Resource? = nil
  ) {
    self.status = status
    self.ceiling = ceiling
    self.userTime = userTime
    self.systemTime = systemTime
    self.peakMemoryBytes = peakMemoryBytes
  }
}

/// What to send to a whole process group.
package enum ProcessSignal: Int32, Sendable {
  case interrupt = 2
  case kill = 9
  case terminate = 15
}

/// Why a process could not be started.
package struct LaunchError: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Stage: String, Sendable {
    case lookup, workingDirectory, standardStreams, fork, exec, launcher
    /// A ceiling that was asked for cannot be enforced on this machine.
    case ceiling
    /// A part of the sandbox that was asked for cannot be had on this machine.
    case enclosure
    /// The module cannot be run; `code` says why.
    case module
  }
  package let stage: Stage
  /// The number that the kernel gave (`errno`), or 0.
  package let errorNumber: Int32
  package let message: String
  /// The node's own guard died before it started the program: no doing of the program.
  package var isByLostGuard = false
  /// `NX-SBX-…`, of a module.
  package var code: String?
  /// Whether another attempt may come to anything else; of a module.
  package var isRetryable = false
  /// What is wrong with a module, or what a sandbox lacks, if that is why.
  package var denied: ProgramDenial?

  package init(stage: Stage, errorNumber: Int32, message: String) {
    self.stage = stage
    self.errorNumber = errorNumber
    self.message = message
  }

  package var description: String { message }
}

/// A running process, led by its own session and process group.
package protocol LaunchedProcess: Sendable {
  var pid: Int32 { get }

  /// By what means it is held together and its ceilings are in force.
  var containment: Containment { get }

  /// Signals the whole group; does nothing once the process has ended. It cannot hit a stranger that got the same pid.
  ///
  /// - Returns: false if the process had ended before, so that its end is no answer to the signal.
  @discardableResult func signal(_ signal: ProcessSignal) -> Bool

  /// Returns when the process has ended, its group and session are empty and its output is drained.
  ///
  /// Cancelling the waiting task does not end the wait: an exit is confirmed, never assumed.
  func waitForExit() async -> ProcessExit
}

extension LaunchedProcess {
  package var containment: Containment { Containment() }
}

/// Starts processes that never outlive the node.
package protocol ProcessLauncher: Sendable {
  func launch(_ request: LaunchRequest, output: any OutputReceiver) async throws(LaunchError) -> any LaunchedProcess
}
