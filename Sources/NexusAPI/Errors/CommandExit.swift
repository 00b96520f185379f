// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// How the `naos` command says with one number how it went.
package enum CommandExit: Int32, Sendable, CaseIterable {
  case ok = 0
  case failed = 1
  case usage = 2
  case configuration = 3
  case authentication = 4
  case notFound = 5
  case conflict = 6
  case budget = 7
  case timeout = 8
  case unreachable = 9
  case refused = 10
  case halted = 11
  case interrupted = 130

  /// What it means, in a few words.
  package var meaning: String {
    switch self {
    case .ok: "ok"
    case .failed: "failed"
    case .usage: "wrong usage"
    case .configuration: "invalid configuration"
    case .authentication: "not authenticated"
    case .notFound: "not found"
    case .conflict: "conflict"
    case .budget: "over the budget"
    case .timeout: "timed out"
    case .unreachable: "node unreachable"
    case .refused: "refused by policy, gate or trust"
    case .halted: "halted for integrity"
    case .interrupted: "interrupted"
    }
  }

  /// How a command that waited for a run ends.
  ///
  /// - Parameters:
  ///   - status: The run's status as contracts name it.
  ///   - errorCode: The code of the run's error, if it has one.
  ///   - pauseReason: Why it stands still, if it is paused.
  package init(runStatus status: String, errorCode: String?, pauseReason: String?) {
    switch status {
    case "completed": self = .ok
    case "cancelled": self = .interrupted
    case "stopped": self = .refused
    case "halted": self = .halted
    case "paused": self = pauseReason == "budget" ? .budget : .failed
    case "failed": self = Self.ofFailure(code: errorCode)
    default: self = .failed
    }
  }

  /// A failed run's exit by the area of its error code; `NX-RUN-003` is the code of a run that took too long.
  private static func ofFailure(code: String?) -> CommandExit {
    guard let code else { return .failed }
    if code.hasPrefix("NX-BUD-") { return .budget }
    if code == OperationError.timeoutCode { return .timeout }
    if code.hasPrefix("NX-GAT-") || code.hasPrefix("NX-TRU-") || code.hasPrefix("NX-APR-") || code.hasPrefix("NX-SBX-")
    {
      return .refused
    }
    return .failed
  }
}
