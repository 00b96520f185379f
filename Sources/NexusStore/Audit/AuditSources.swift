// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel

/// What commits of ours say to the audit log by themselves.
///
/// The entries are made from the change itself and join its commit: whoever makes such a change cannot forget them, and
/// the log cannot say anything else than the journal.
package enum AuditSources {
  /// The transaction with the entries that it leads to, and the time for all of them.
  package static func audited(_ transaction: StoreTransaction, clock: any NexusClock) -> StoreTransaction {
    let derived = transaction.mutations.flatMap(records(for:))
    guard !derived.isEmpty || transaction.mutations.contains(where: \.isAuditEntry) else { return transaction }
    var transaction = transaction
    let (wall, monotonic) = (clock.wallNow(), clock.now())
    if !derived.isEmpty { transaction.mutations.append(.audit(.append(derived))) }
    for index in transaction.mutations.indices {
      guard case .audit(.append(var records)) = transaction.mutations[index] else { continue }
      for place in records.indices {
        records[place].at = records[place].at ?? wall
        records[place].monotonic = records[place].monotonic ?? monotonic
      }
      transaction.mutations[index] = .audit(.append(records))
    }
    return transaction
  }

  static func records(for mutation: Mutation) -> [AuditRecord] {
    switch mutation {
    case .insertRun(let record):
      [
        AuditRecord(
          .runStarted, run: record.id, subject: record.name, policy: record.definition.text,
          details: runDetails(record))
      ]
    case .append(let run, _, let entries, let summary): records(of: run, entries, summary)
    case .setOutcome(let effect, .unknown, _): [unknown(effect)]
    case .setEffectState(let effects, .unknown): effects.map(unknown)
    case .insertBoot(let boot):
      [
        AuditRecord(
          .nodeStarted, subject: boot.id.text,
          details: ["pid": .int(Int64(boot.pid)), "version": .string(boot.version)])
      ]
    default: []
    }
  }

  private static func runDetails(_ record: RunRecord) -> JSONObject {
    var details: JSONObject = ["kind": .string(record.kind.rawValue)]
    if let parent = record.parent { details["parent"] = .string(parent.text) }
    return details
  }

  private static func unknown(_ effect: EffectID) -> AuditRecord {
    AuditRecord(.effectUnknown, subject: effect.text, outcome: EffectState.unknown.rawValue)
  }

  private static func records(of run: RunID, _ entries: [JournalEntry], _ summary: RunSummary) -> [AuditRecord] {
    var found = entries.flatMap { Self.records(of: run, $0.entry, summary) }
    guard summary.status.isFinal, !entries.isEmpty else { return found }
    found.append(
      AuditRecord(
        .runEnded, run: run, cost: summary.cost, outcome: summary.status.rawValue, code: summary.error?.code,
        details: ["attempts": .int(Int64(summary.attempts)), "tokens": .int(summary.tokens.value)]))
    return found
  }

  private static func records(of run: RunID, _ entry: RunEntry, _ summary: RunSummary) -> [AuditRecord] {
    switch entry {
    case .attemptEnded(let step, let attempt, let end):
      guard case .crashed(let error) = end.outcome, isGate(error.code) else { return [] }
      return [
        AuditRecord(
          .gateVerdict, run: run, step: step, verdict: "deny", code: error.code,
          details: ["attempt": .int(Int64(attempt.value))])
      ]
    case .stepFailed(let path, let error) where isGate(error.code):
      return [AuditRecord(.gateVerdict, run: run, step: path, verdict: "stop", code: error.code)]
    case .failed(let error) where isGate(error.code):
      return [AuditRecord(.gateVerdict, run: run, verdict: "stop", code: error.code)]
    case .paused(let reason, _) where reason != .person:
      let event = reason == .budget ? AuditEvent.budgetStopped : .runPaused
      return [
        AuditRecord(
          event, run: run, cost: summary.cost, outcome: "paused", details: ["reason": .string(reason.rawValue)])
      ]
    case .integrity(.halted(let doubt)):
      return [
        AuditRecord(
          .runHalted, run: run, step: doubt.step, cost: summary.cost, outcome: "halted", code: RunError.halted,
          details: ["condition": .string(doubt.condition.rawValue)])
      ]
    case .integrity(.rolledBack(let number, let standing)):
      return [
        AuditRecord(
          .runRolledBack, run: run, outcome: "rolled-back",
          details: [
            "checkpoint": .int(Int64(number)), "standing": .array(standing.map { .string($0.text) }),
          ])
      ]
    case .nodeTrapped: return [AuditRecord(.nodeCrashed, run: run, outcome: "trap")]
    default:
      return decision(entry).map {
        [AuditRecord(.runDecision, by: person($0.by), run: run, step: $0.step, subject: $0.verb)]
      } ?? []
    }
  }

  /// What a person decided about a run.
  private static func decision(_ entry: RunEntry) -> (verb: String, by: String, step: StepPath?)? {
    switch entry {
    case .cancelRequested(let by): ("cancel", by, nil)
    case .killRequested(let by), .killed(let by, _): ("kill", by, nil)
    case .paused(.person, _): ("pause", "a person", nil)
    case .resumed(let by): ("resume", by, nil)
    case .retried(let by): ("retry", by, nil)
    case .epochRaised(let by): ("new-keys", by, nil)
    case .stepMarkedDone(let path, let by, _): ("mark-done", by, path)
    case .stepSkipped(let path, .person(let by, _)): ("skip", by, path)
    case .forked: ("fork", "a person", nil)
    case .integrity(.haltAccepted(let by, _, _)): ("resume-halted", by, nil)
    case .integrity(.rollbackStarted(_, let by, _)): ("rollback", by, nil)
    default: nil
    }
  }

  /// Who it was and how that is known stands in the request that came before.
  private static func person(_ by: String) -> AuditActor { AuditActor(by, .operator, .none) }

  private static func isGate(_ code: String) -> Bool { code.hasPrefix("NX-GAT-") }
}

extension Mutation {
  fileprivate var isAuditEntry: Bool {
    if case .audit(.append) = self { return true }
    return false
  }
}
