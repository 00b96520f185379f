// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Which events a watcher wants; the default is all of them.
package struct EventFilter: Sendable, Hashable {
  package var agent: AgentName?
  package var run: RunID?
  /// Log lines are many: whoever does not show them does not ask for them.
  package var includesLogs: Bool
  /// Only about agents, workflows, sagas and pools of these names; nil for all, and what is about none of them.
  package var only: Set<String>?

  package init(agent: AgentName? = nil, run: RunID? = nil, includesLogs: Bool = true) {
    self.agent = agent
    self.run = run
    self.includesLogs = includesLogs
  }

  package func matches(_ event: NodeEvent) -> Bool {
    if case .log = event, !includesLogs { return false }
    if let only, event.agent.map({ only.contains($0.text) }) != true { return false }
    if let run {
      // A change of the agent's state matters to whoever watches its run, where no other agent was asked for.
      guard event.run == run || (event.run == nil && agent == event.agent) else { return false }
    }
    if let agent, event.agent != agent { return false }
    return true
  }
}
