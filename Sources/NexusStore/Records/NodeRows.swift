// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What is remembered of an agent beyond its configuration.
package struct AgentRow: Sendable, Hashable {
  package var name: AgentName
  /// A person stopped it: `up` does not start it until a person does.
  package var stoppedByOperator: Bool
  /// `exhausted`, `failed`, …: the state to show after a restart of the node; nil for none.
  package var lastState: String?
  package var lastActivity: WallTime?
  package init(
    name: AgentName, stoppedByOperator: Bool = false, lastState: String? = nil, lastActivity: WallTime? = nil
  ) {
    self.name = name
    self.stoppedByOperator = stoppedByOperator
    self.lastState = lastState
    self.lastActivity = lastActivity
  }
}

/// One restart that counted in a supervisor's window.
package struct RestartRow: Sendable, Hashable {
  /// Whose window it counts in; its own where the child begins to count anew, or alone.
  package var supervisor: SupervisorName
  package var child: AgentName
  package var at: WallTime
  package var reason: String
  package init(supervisor: SupervisorName, child: AgentName, at: WallTime, reason: String) {
    self.supervisor = supervisor
    self.child = child
    self.at = at
    self.reason = reason
  }
}

/// What a part of the node that is no run and no agent remembers.
package struct ComponentRow: Sendable, Hashable {
  package enum Kind: String, Sendable, CaseIterable {
    case schedule
    case queuePool = "pool"
    /// A limit that a person set while the node runs; its name is the place.
    case budget
    /// Why a person corrected what was charged; its name is the correction's charge.
    case correction
    /// Which correction says what a call really cost; its name is the call's charge.
    case resolution
    /// A named token of the operator plane.
    case operatorToken = "token"
    /// What the clocks said when the wall clock was last trusted.
    case clock
    /// Which alerts were told of a budget; its name is the budget.
    case alert
  }

  package var kind: Kind
  package var name: String
  /// In a format of the component's own, which says its version.
  package var state: [UInt8]
  package init(kind: Kind, name: String, state: [UInt8]) {
    self.kind = kind
    self.name = name
    self.state = state
  }
}

/// One start of a node.
package struct BootRow: Sendable, Hashable {
  package var id: BootID
  package var pid: Int32
  package var startedAt: WallTime
  /// The kernel's own `boot_id`: if it is the same, nothing written was lost in between.
  package var kernelBoot: String
  package var version: String
  package init(id: BootID, pid: Int32, startedAt: WallTime, kernelBoot: String, version: String) {
    self.id = id
    self.pid = pid
    self.startedAt = startedAt
    self.kernelBoot = kernelBoot
    self.version = version
  }
}
