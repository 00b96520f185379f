// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A doubt about a run that halts it: whether what is known of it can be trusted.
package enum StopCondition: String, Sendable, CaseIterable {
  /// The audit log is not as it was left.
  case auditBroken
  /// A checkpoint is not what was sealed.
  case checkpointMismatch
  /// Entries of the journal are missing.
  case journalGap
  /// A compensation has failed for good.
  case compensationFailed
  /// Nobody knows whether something was done.
  case outcomeUnknown
  /// The rules are not those under which the run began.
  case definitionChanged
  /// Another node has the right to write for the run.
  case leaseLost
  /// Whether what a step has read still holds cannot be told.
  case readSetUnknown
  /// The clock stands before what is written down already.
  case clockRegressed
  /// A rule could not be asked.
  case evaluatorError

  /// In a few words, behind "halted:".
  package var words: String {
    switch self {
    case .auditBroken: "the audit log is not as it was left"
    case .checkpointMismatch: "a checkpoint is not what was sealed"
    case .journalGap: "entries of its journal are missing"
    case .compensationFailed: "a compensation has failed"
    case .outcomeUnknown: "nobody knows whether something was done"
    case .definitionChanged: "the rules are not those under which it began"
    case .leaseLost: "another node has the right to write for it"
    case .readSetUnknown: "whether what a step has read still holds cannot be told"
    case .clockRegressed: "the clock stands before what is written down already"
    case .evaluatorError: "a rule could not be asked"
    }
  }
}
