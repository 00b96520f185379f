// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A validator as the configuration has it, and what it guards.
package struct ValidatorSpec: Sendable, Hashable {
  package var gate: GateDefinition
  /// In the order in which they are written.
  package var targets: [GateTarget]
  package init(gate: GateDefinition, targets: [GateTarget] = []) {
    self.gate = gate
    self.targets = targets
  }
}

/// What a validator guards.
package enum GateTarget: Sendable, Hashable {
  /// What goes into a step of a workflow, saga or pool, or comes out of it.
  case step(kind: RunKind, flow: String, step: String, GateSubject)
  /// What goes into an agent or comes out of it, in runs of its own and in every step that it does.
  case agent(AgentName, GateSubject)

  package var subject: GateSubject {
    switch self {
    case .step(_, _, _, let subject), .agent(_, let subject): subject
    }
  }

  /// As it is written in full.
  package var text: String {
    switch self {
    case .step(let kind, let flow, let step, let subject):
      "\(kind.rawValue)s.\(flow).steps.\(step).\(subject.rawValue)"
    case .agent(let name, let subject): "agents.\(name).\(subject.rawValue)"
    }
  }
}
