// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// A journal entry in a word or two, so that a whole journal can be read in a line.
package enum JournalWord {
  package static func of(_ entry: RunEntry) -> String {
    switch entry {
    case .created: "created"
    case .attemptStarted(let path, let attempt, _): "start \(path)#\(attempt)"
    case .attemptEnded(let path, let attempt, _): "end \(path)#\(attempt)"
    case .stepRecorded(let path, _): "recorded \(path)"
    case .killRequested: "killRequested"
    case .cancelRequested: "cancelRequested"
    case .paused(let reason, _): "paused \(reason.rawValue)"
    case .resumed: "resumed"
    case .completed: "completed"
    case .failed: "failed"
    case .cancelled: "cancelled"
    case .retried: "retried"
    case .stepBegun(let path): "begun \(path)"
    case .stepExpanded(let path, let count): "expanded \(path) \(count)"
    case .stepCompleted(let path, _): "done \(path)"
    case .stepFailed(let path, _): "failed \(path)"
    case .stepSkipped(let path, _): "skipped \(path)"
    case .stepMarkedDone(let path, _, _): "marked \(path)"
    case .timerSet(let path, _): "timer \(path)"
    case .childStarted(let path, _): "child \(path)"
    case .eventReceived(let name, _, _): "event \(name)"
    case .compensationStarted: "compensating"
    case .compensated(let partial): partial ? "compensated partly" : "compensated"
    case .decided(let winners): "decided \(winners.map(\.text).joined(separator: " "))"
    case .killed: "killed"
    case .forked: "forked"
    case .effectsKept(let effects): "kept \(effects.count)"
    case .nodeTrapped: "trapped"
    case .epochRaised: "epoch"
    case .judged(let path, let judgement):
      judgement.verdict == judgement.consequence
        ? "judged \(path) \(judgement.verdict.rawValue)"
        : "judged \(path) \(judgement.verdict.rawValue)>\(judgement.consequence.rawValue)"
    case .gateDecided(let path, _, let decision, _): "\(decision.rawValue) \(path)"
    case .stopped: "stopped"
    case .integrity(let entry): of(entry)
    }
  }

  private static func of(_ entry: IntegrityEntry) -> String {
    switch entry {
    case .halted(let doubt): "halted \(doubt.condition.rawValue)"
    case .haltAccepted: "accepted"
    case .checkpointed(let seal): "sealed \(seal.number)\(seal.isVerified ? " verified" : "")"
    case .rollbackStarted(let number, _, _): "back to \(number)"
    case .contextRead(let step, let item): "read \(step) \(item.key)"
    case .rolledBack(let number, let standing):
      "at \(number)" + (standing.isEmpty ? "" : " but \(standing.map(\.text).joined(separator: " "))")
    }
  }
}
