// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import Synchronization

/// How many model calls the agents of one run have made in all of its steps: what `maxCalls` counts.
///
/// A step that is in memory counts as it stands; the others as they stood when they left it, or as the store has them.
final class CallCounts: Sendable {
  private struct Step {
    var agent: AgentName
    /// Nil once the step has left the memory.
    var session: RunSession?
    var calls = 0
  }

  private let steps = Mutex<[StepPath: Step]>([:])

  /// Takes what the store has of steps that are not known yet.
  func take(_ rows: [EffectRow]) {
    var read: [StepPath: Step] = [:]
    for row in rows where row.record.kind == .model && row.record.state != .rewound {
      read[row.step, default: Step(agent: row.agent)].calls += 1
    }
    steps.withLock { $0.merge(read) { known, _ in known } }
  }

  func opened(_ session: RunSession, by agent: AgentName) {
    steps.withLock { $0[session.key.step] = Step(agent: agent, session: session) }
  }

  func closed(_ session: RunSession) {
    steps.withLock { steps in
      guard let step = steps[session.key.step], step.session === session else { return }
      steps[session.key.step] = Step(agent: step.agent, calls: session.modelCalls)
    }
  }

  func calls(by agent: AgentName) -> Int {
    steps.withLock { steps in
      steps.values.reduce(0) { $1.agent == agent ? $0 + ($1.session?.modelCalls ?? $1.calls) : $0 }
    }
  }

  var isIdle: Bool { steps.withLock { $0.values.allSatisfy { $0.session == nil } } }
}
