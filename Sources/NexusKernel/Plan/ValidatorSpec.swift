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
  /// What comes out of a step of a workflow, saga or pool.
  case step(kind: RunKind, flow: String, step: String)
  /// What comes out of an agent, in runs of its own and in every step that it does.
  case agent(AgentName)

  /// As it is written in full.
  package var text: String {
    switch self {
    case .step(let kind, let flow, let step): "\(kind.rawValue)s.\(flow).steps.\(step).output"
    case .agent(let name): "agents.\(name).output"
    }
  }
}
