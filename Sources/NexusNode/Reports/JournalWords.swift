// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel

/// How journal entries read to people and programs.
enum JournalWords {
  static func item(_ entry: JournalEntry) -> JournalItem {
    let (kind, summary, members) = words(entry.entry)
    return JournalItem(sequence: entry.sequence, at: entry.at, kind: kind, summary: summary, entry: members)
  }

  private static func words(_ entry: RunEntry) -> (kind: String, summary: String, members: JSONValue) {
    switch entry {
    case .created(let creation):
      return (
        "created", "\(creation.kind.rawValue) \(creation.name)",
        [
          "name": .string(creation.name), "definition": .string(creation.definition.text), "input": creation.input,
          "idempotencyKey": creation.idempotencyKey.map { .string($0) } ?? .null,
        ]
      )
    case .attemptStarted(let step, let attempt, let dropped):
      return (
        "attempt-started", prefix(step) + "attempt \(attempt)" + (dropped > 0 ? ", rewound by \(dropped)" : ""),
        ["step": .string(step.text), "attempt": .int(Int64(attempt.value)), "rewound": .int(Int64(dropped))]
      )
    case .attemptEnded(let step, let attempt, let end): return ended(step, attempt, end)
    case .stepRecorded(let path, let value):
      return ("step-recorded", path.text, ["path": .string(path.text), "value": value])
    case .killRequested(let who): return ("kill-requested", "by \(who)", ["by": .string(who)])
    case .cancelRequested(let who): return ("cancel-requested", "by \(who)", ["by": .string(who)])
    case .paused(let reason, let note):
      return (
        "paused", "\(reason.rawValue): \(note)", ["reason": .string(reason.rawValue), "note": .string(note)]
      )
    case .resumed(let who): return ("resumed", "by \(who)", ["by": .string(who)])
    case .retried(let who): return ("retried", "by \(who)", ["by": .string(who)])
    case .completed(let output): return ("completed", "", ["output": output])
    case .failed(let error):
      return (
        "failed", "\(error.code) \(error.message)", ["code": .string(error.code), "message": .string(error.message)]
      )
    case .cancelled: return ("cancelled", "", [:])
    case .stopped(let error):
      return (
        "stopped", "\(error.code) \(error.message)", ["code": .string(error.code), "message": .string(error.message)]
      )
    case .judged(let path, let judgement): return GateWords.words(path, judgement)
    case .gateDecided(let path, let who, let decision, let note):
      return (
        "gate-decided", prefix(path) + "\(decision.rawValue) by \(who)" + (note.isEmpty ? "" : ": \(note)"),
        [
          "step": .string(path.text), "by": .string(who), "decision": .string(decision.rawValue),
          "note": .string(note),
        ]
      )
    case .integrity(let entry): return IntegrityWords.words(entry)
    default: return FlowJournalWords.words(entry)
    }
  }

  /// The one step of an agent's run needs no name.
  private static func prefix(_ step: StepPath) -> String { step == .main ? "" : "\(step) · " }

  private static func ended(
    _ step: StepPath, _ attempt: AttemptNumber, _ end: AttemptEnd
  ) -> (kind: String, summary: String, members: JSONValue) {
    let (word, reason) = outcome(end.outcome)
    var members: JSONObject = [
      "step": .string(step.text), "attempt": .int(Int64(attempt.value)), "outcome": .string(word),
      "effects": .int(Int64(end.passed)), "replayed": .int(Int64(end.replayed)), "tokens": .int(end.tokens.value),
      "costNanoUSD": .int(end.cost.value),
    ]
    members["reason"] = reason.map { .string($0) }
    let effects = "\(end.passed) effects, \(end.replayed) of them replayed"
    return (
      "attempt-ended", prefix(step) + "attempt \(attempt) \(word)\(reason.map { ": \($0)" } ?? "") · \(effects)",
      .object(members)
    )
  }

  private static func outcome(_ outcome: AttemptOutcome) -> (String, String?) {
    switch outcome {
    case .succeeded: ("succeeded", nil)
    case .crashed(let error): ("crashed", error.message)
    case .askedRetry(let error): ("asked-retry", error.message)
    case .interrupted(let note): ("interrupted", note)
    case .budgetStopped(let refusal) where refusal.reason == .policy: ("policy-stopped", refusal.message)
    case .budgetStopped(let refusal): ("\(refusal.pauseReason.rawValue)-stopped", refusal.message)
    case .cancelled: ("cancelled", nil)
    case .timedOut: ("timed-out", nil)
    }
  }
}
