// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// What a journal entry says to someone who watches the run.
enum RunNote {
  /// In a run of several steps, what concerns one of them begins with its path.
  static func text(of entry: RunEntry, _ subject: RunSubject) -> String? {
    switch entry {
    case .created, .stepRecorded, .stepExpanded: nil
    case .stepBegun(let path): event(at: path, subject).map { "\(path): waits for the event \($0)" }
    case .attemptStarted(let step, let attempt, let dropped):
      at(step, started(attempt, dropped) + (attempt.value == 1 ? model(of: subject.agent) : ""), subject)
    case .attemptEnded(let step, let attempt, let end): ended(attempt, end).map { at(step, $0, subject) }
    case .killRequested(let who): "kill asked by \(who)"
    case .cancelRequested(let who): "cancel asked by \(who)"
    case .paused(let reason, let note): "paused (\(reason.rawValue)): \(note)"
    case .resumed(let who): "resumed by \(who)"
    case .retried(let who): "retried by \(who)"
    case .completed: "completed"
    case .failed(let error): "failed: \(error.code) \(error.message)"
    case .cancelled: "cancelled"
    case .stopped(let error): "stopped: \(error.code) \(error.message)"
    case .judged(let path, let judgement): judged(judgement).map { at(path, $0, subject) }
    case .gateDecided(let path, let who, let decision, let note):
      at(path, "\(decision.rawValue) by \(who)" + (note.isEmpty ? "" : ": \(note)"), subject)
    case .stepCompleted(let path, _): "\(path): completed"
    case .stepFailed(let path, let error): "\(path): failed: \(error.code) \(error.message)"
    case .stepSkipped(let path, let reason): "\(path): skipped (\(words(reason)))"
    case .stepMarkedDone(let path, let who, _): "\(path): marked done by \(who)"
    case .timerSet(let path, let until): "\(path): waits until \(until.iso8601)"
    case .childStarted(let path, let child): "\(path): waits for run \(child)"
    case .eventReceived(let name, _, _): "event \(name) received"
    case .compensationStarted(let error): "compensates: \(error.code) \(error.message)"
    case .compensated(let isPartial): isPartial ? "compensated in part" : "compensated"
    case .decided(let winners): "decided: \(winners.map(\.text).joined(separator: ", ")) agree"
    case .killed(let who, _): "killed by \(who)"
    case .forked(let run, let sequence): "forked from \(run) at entry \(sequence)"
    case .effectsKept(let effects): "begins with \(effects.words)"
    case .nodeTrapped: "the node trapped while it worked on the run"
    case .epochRaised(let who): "new idempotency keys asked by \(who)"
    case .integrity(let entry): text(of: entry)
    }
  }

  private static func text(of entry: IntegrityEntry) -> String? {
    switch entry {
    case .halted(let doubt): "halted: \(doubt.error.message)"
    case .haltAccepted(let who, let reason, _): "goes on, \(who) says: \(reason)"
    case .checkpointed, .contextRead: nil
    case .rollbackStarted(let number, let who, let reason): "goes back to checkpoint \(number), by \(who): \(reason)"
    case .rolledBack(let number, let standing):
      standing.isEmpty
        ? "stands at checkpoint \(number)"
        : "stands at checkpoint \(number); not undone: \(standing.map(\.text).joined(separator: ", "))"
    }
  }

  /// The event that a step waits for; nil if it is of another kind.
  private static func event(at path: StepPath, _ subject: RunSubject) -> String? {
    guard case .flow(let definition) = subject,
      case .event(let name)? = definition.steps.first(where: { $0.name == path.text })?.action
    else { return nil }
    return name
  }

  private static func at(_ step: StepPath, _ note: String, _ subject: RunSubject) -> String {
    subject.agent == nil ? "\(step): \(note)" : note
  }

  private static func started(_ attempt: AttemptNumber, _ dropped: Int) -> String {
    dropped > 0 ? "attempt \(attempt), the last \(dropped) model answers asked anew" : "attempt \(attempt)"
  }

  /// Which model answers, and that the built-in one is none.
  private static func model(of spec: AgentSpec?) -> String {
    guard case .llm(let llm) = spec?.kind else { return "" }
    return " · " + llm.model
      + (llm.model == "local/extractive" ? " (offline, quotes its sources; set a provider for an LLM)" : "")
  }

  private static func ended(_ attempt: AttemptNumber, _ end: AttemptEnd) -> String? {
    switch end.outcome {
    case .succeeded: nil
    case .crashed(let error), .askedRetry(let error): "attempt \(attempt): \(error.message)"
    case .interrupted(let note): "attempt \(attempt) interrupted: \(note)"
    case .budgetStopped(let refusal) where refusal.isOfBudget:
      "attempt \(attempt) stopped by the budget: \(refusal.message)"
    case .budgetStopped(let refusal): "attempt \(attempt) stopped: \(refusal.message)"
    case .cancelled: "attempt \(attempt) cancelled"
    case .timedOut: "attempt \(attempt) timed out"
    }
  }

  /// Nil for what passes without a word.
  private static func judged(_ judgement: GateJudgement) -> String? {
    let observed = judgement.findings.filter { $0.isObserved && $0.verdict > .warn }
    if judgement.verdict == .pass {
      guard let first = observed.first else { return nil }
      return "validator \(first.validator) would say \(first.verdict.rawValue)"
    }
    let words = "validator \(judgement.validator ?? "?"): \(judgement.verdict.rawValue)"
    let why = judgement.firstComplaint.map { ": \($0)" } ?? ""
    return words
      + (judgement.consequence == judgement.verdict ? why : " → \(judgement.consequence.rawValue)\(why)")
  }

  private static func words(_ reason: SkipReason) -> String {
    switch reason {
    case .condition: "its condition does not hold"
    case .failed(let error): "it failed: \(error.code) \(error.message)"
    case .person(let who, let reason): "by \(who): \(reason)"
    case .notNeeded: "not needed any more"
    }
  }
}
