// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusStore

/// What the agent plane needs of the rest of the node.
package struct GatewayPorts: Sendable {
  package var clock: any NexusClock
  package var random: any RandomSource
  package var store: any Store
  package var ledger: Ledger
  package var events: any EventSink
  package var tools: any ToolPerformer
  package var agentCalls: any AgentCallHandler
  /// Told what the node's log is to say.
  package var notice: @Sendable (GatewayNotice) -> Void

  package init(
    clock: any NexusClock, random: any RandomSource, store: any Store, ledger: Ledger,
    events: any EventSink, tools: any ToolPerformer, agentCalls: any AgentCallHandler,
    notice: @escaping @Sendable (GatewayNotice) -> Void = { _ in }
  ) {
    self.clock = clock
    self.random = random
    self.store = store
    self.ledger = ledger
    self.events = events
    self.tools = tools
    self.agentCalls = agentCalls
    self.notice = notice
  }
}
