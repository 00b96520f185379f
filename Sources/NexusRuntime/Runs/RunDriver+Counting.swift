// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

// What is counted of a run, once it is written down.
extension RunDriver {
  func count(_ entries: [RunEntry], _ machine: any DurableMachine) {
    guard case .flow(let definition) = subject, let flow = machine as? FlowMachine else { return }
    switch definition.kind {
    case .saga: for entry in entries { countStep(entry, flow) }
    case .pool: for entry in entries { countDecision(entry, definition) }
    case .agent, .workflow: break
    }
  }

  private func countStep(_ entry: RunEntry, _ flow: FlowMachine) {
    let path: StepPath
    let outcome: String
    switch entry {
    case .stepCompleted(let step, _), .stepMarkedDone(let step, _, _): (path, outcome) = (step, "completed")
    case .stepFailed(let step, _): (path, outcome) = (step, "failed")
    case .stepSkipped(let step, _): (path, outcome) = (step, "skipped")
    default: return
    }
    services.meter.count(.sagaSteps, [name, flow.isCompensation(path) ? "compensation" : "action", outcome])
  }

  /// A pool without the agreement that it needs fails.
  private func countDecision(_ entry: RunEntry, _ definition: FlowDefinition) {
    guard let decision = definition.decision else { return }
    let outcome: String
    switch entry {
    case .decided: outcome = "decided"
    case .failed, .stopped: outcome = "undecided"
    case .cancelled, .killed: outcome = "cancelled"
    default: return
    }
    services.meter.count(.poolDecisions, [name, decision.strategy.rawValue, outcome])
  }
}

/// Why a child is restarted, in a word that a metric can have as a label.
///
/// The reason itself may hold what the child wrote last.
enum RestartCause: String {
  case exit, signal, health, other

  /// How much of a reason is the node's own words, in front of what the child wrote.
  private static let ownWords = 64

  init(_ reason: String) {
    let words = reason.prefix(Self.ownWords)
    self =
      if words.contains("signal") { .signal } else if words.contains("exit") { .exit } else if Self.isOfHealth(words) {
        .health
      } else { .other }
  }

  private static func isOfHealth(_ words: Substring) -> Bool {
    ["health", "probe", "heartbeat", "sign of life", "liveness", "startup"].contains { words.contains($0) }
  }
}
