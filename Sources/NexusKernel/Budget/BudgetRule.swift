// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One limit as the machine applies it.
package struct BudgetRule: Sendable, Hashable {
  package var scope: BudgetScope
  package var window: BudgetWindow
  package var limit: SpendLimit
  package var onLimit: OnLimit
  /// Percentages of the limit at which an alert is due, ascending.
  package var alertAt: [Int]
  /// Whose days, weeks and months they are; nil for UTC's.
  package var zone: BudgetZone?
  /// Which models stand in for others when the limit comes near; nil for none.
  package var downgrade: DowngradeSpec?

  package init(
    scope: BudgetScope, window: BudgetWindow, limit: SpendLimit, onLimit: OnLimit = .refuse, alertAt: [Int] = [],
    zone: BudgetZone? = nil, downgrade: DowngradeSpec? = nil
  ) {
    self.downgrade = downgrade
    self.zone = window.followsZone ? zone : nil
    self.scope = scope
    self.window = window
    self.limit = limit
    self.onLimit = onLimit
    self.alertAt = alertAt
  }

  /// The rule of a budget in the plan; a soft one always alerts when it is used up.
  package init(_ spec: BudgetSpec) {
    let alerts = spec.onLimit == .alert ? spec.alertAt + [100] : spec.alertAt
    self.init(
      scope: spec.scope, window: spec.window, limit: spec.limit,
      onLimit: spec.onLimit, alertAt: Set(alerts).sorted(), zone: spec.zone, downgrade: spec.downgrade)
  }

  /// Its calls are spread over the window, which has to have an end.
  package var isSpaced: Bool { onLimit == .throttle && window.hasEnd }

  /// A soft rule admits whatever comes: it only counts and alerts, and stands outside the guarantee.
  package var isSoft: Bool { onLimit == .alert }
}

/// Whose budgets a call is charged to.
package struct BudgetSubject: Sendable, Hashable {
  package var agent: AgentName
  /// The supervisors above the agent, the nearest first.
  package var supervisors: [SupervisorName]
  package var run: RunID?
  /// It undoes a step of its run, for which the limits may keep something.
  package var isCompensating: Bool
  /// In whose budgets of each run it counts as well: those who called its run, or one above it.
  package var payers: [BudgetPayer] = []
  /// The flows, and the steps of them, whose budgets it counts in, with their runs.
  package var flows: [Caller.FlowPart] = []

  package init(
    agent: AgentName, supervisors: [SupervisorName] = [], run: RunID? = nil, isCompensating: Bool = false
  ) {
    self.agent = agent
    self.supervisors = supervisors
    self.run = run
    self.isCompensating = isCompensating
  }
}

/// An agent whose run has called another one.
package struct BudgetPayer: Sendable, Hashable {
  package var agent: AgentName
  package var supervisors: [SupervisorName]
  package var run: RunID

  package init(agent: AgentName, supervisors: [SupervisorName], run: RunID) {
    self.agent = agent
    self.supervisors = supervisors
    self.run = run
  }

  /// The calls of its own run.
  var subject: BudgetSubject { BudgetSubject(agent: agent, supervisors: supervisors, run: run) }
}
