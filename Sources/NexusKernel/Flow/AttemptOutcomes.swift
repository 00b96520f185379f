// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// A number between -1 and 1 that is the same wherever it is worked out, by FNV-1a.
enum Jitter {
  static func fraction(of text: String) -> Double {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    // The last multiplication barely stirs the high bits for short texts: fold once more.
    hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
    return Double(hash >> 11) / Double(1 << 52) - 1
  }
}

extension AttemptOutcome {
  /// What went wrong by the attempt's own doing.
  var error: RunError? {
    switch self {
    case .crashed(let error), .askedRetry(let error): error
    case .timedOut: RunError(code: "NX-RUN-030", message: "the attempt took longer than it may")
    case .succeeded, .interrupted, .budgetStopped, .cancelled: nil
    }
  }

  /// How an attempt is written down that was stopped before its process began.
  package static let neverBegan = "stopped before it began"

  /// How an attempt is written down whose end the node did not live to see.
  package static let nodeEnded = "the node ended"

  /// The node ended or trapped, or the run was halted, before anybody saw how the attempt ended.
  package var isUnseen: Bool {
    switch self {
    case .interrupted(Self.nodeEnded), .interrupted(RunState.trapNote), .interrupted(Self.halted): true
    default: false
    }
  }

  var isInterrupted: Bool { if case .interrupted = self { true } else { false } }

  /// Its process began, or was to begin.
  var hasBegun: Bool {
    switch self {
    case .interrupted(Self.neverBegan): false
    // A step whose undo nobody could pay for does not begin, and none that the rules forbid.
    case .budgetStopped(let refusal): refusal.reason != .reserve && !refusal.isOfRuledStep
    default: true
    }
  }

  /// Whether the attempt may have had its effect.
  ///
  /// Not if its process never began, or if it said itself that it applied nothing.
  package var mayHaveApplied: Bool {
    switch self {
    case .interrupted, .budgetStopped: hasBegun
    case .succeeded, .timedOut, .cancelled: true
    case .crashed(let error), .askedRetry(let error): error.wasApplied ?? !error.isOfStart
    }
  }
}

extension RunError {
  /// The agent's process never began: it could not be started, or its supervisor refused it.
  var isOfStart: Bool { Self.codesOfStart.contains(code) }

  private static let codesOfStart: Set<String> = [
    "NX-AGT-002", "NX-AGT-003", "NX-AGT-014", "NX-SBX-001", "NX-SUP-001", "NX-RUN-036", "NX-BUD-021",
  ]
}
