// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A project as its configuration says it, checked: every reference resolved or marked, every default filled in.
package struct ProjectPlan: Sendable, Hashable {
  package var name: String
  /// In the order of the file.
  package var agents: [AgentSpec]
  package var supervisors: [SupervisorSpec]
  /// Workflows, then sagas, then fan-out pools; of each kind in the order of the file.
  package var flows: [FlowDefinition]
  package var queuePools: [QueuePoolSpec]
  package var schedules: [ScheduleSpec]
  /// Who decides about what, in the order of the file.
  package var approvals: [ApprovalPolicy]
  package var webhooks: [WebhookSpec]
  /// Which actions may happen; nil: every one.
  package var governance: GovernanceSpec?
  /// In the order of the file; what they guard carries them, too.
  package var validators: [ValidatorSpec]
  package var providers: [ProviderSpec]
  package var models: [ModelAlias]
  package var budgets: [BudgetSpec]
  package var prices: [PriceSpec]
  /// What is told of budgets before they are used up.
  package var alerts: AlertSpec
  /// What to do with a model that has no price: `hard` refuses it, `soft` estimates.
  package var costMode: CostMode
  package var holds: HoldDurability
  package var server: ServerSpec
  package var durability: Durability
  /// How long runs that are over are kept.
  package var retention: RetentionSpec
  package var audit: AuditSpec
  /// What `local/scripted` plays, a list of rules; nil for nothing.
  package var localScript: JSONValue?
  /// Every file that it was read from, absolute; `.env` aside.
  package var configurationFiles: [String] = []

  package init(name: String) {
    self.name = name
    agents = []
    supervisors = []
    flows = []
    queuePools = []
    schedules = []
    approvals = []
    webhooks = []
    validators = []
    providers = []
    models = []
    budgets = []
    prices = []
    alerts = AlertSpec()
    costMode = .hard
    holds = .escrow
    server = ServerSpec()
    durability = .sync
    retention = RetentionSpec()
    audit = .standard
  }

  package func agent(_ name: AgentName) -> AgentSpec? { agents.first { $0.name == name } }
  package func flow(_ name: String) -> FlowDefinition? { flows.first { $0.name == name } }
}

package enum CostMode: String, Sendable, CaseIterable { case hard, soft }

/// How what is held is kept from a power loss.
package enum HoldDurability: String, Sendable, CaseIterable {
  /// A mark above what is spent and held is flushed once for many calls; what lies below it is charged after a power loss.
  case escrow
  /// Every hold is flushed before its call is made; a power loss charges nothing but what was held.
  case durable
}

package enum Durability: String, Sendable, CaseIterable {
  /// Every acknowledged entry survives power loss.
  case sync
  /// Survives kill -9; power loss may cost the last 100 ms.
  case relaxed
}

package struct ServerSpec: Sendable, Hashable {
  package var host = "127.0.0.1"
  /// 0 stands for any free port.
  package var port = 4200
  /// Nil when the file does not say: `port + 1`, or any free port if that is taken.
  package var agentPort: Int?
  package init() {}
}

/// Why an agent may not run although it is written down well: a key that restricts it cannot be enforced yet.
package struct PlanRefusal: Sendable, Hashable {
  package let code: String
  package let message: String
  package init(code: String, message: String) {
    self.code = code
    self.message = message
  }
}
