// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusStore

/// What becomes of an answer that comes piece by piece: whoever waits for signs of life wants to know.
package enum StreamSign: Sendable {
  case began
  /// More of it came; told at most ten times a second.
  case wentOn
  /// All of it is there, or no more will come; that its call is over is told behind it.
  case ended
}

/// A request to the agent plane with a key that is none, or from where none may come.
package struct RefusedAccess: Sendable {
  /// Who is in the sandbox that it comes from; nil from elsewhere.
  package let sandbox: Caller?
  /// The method and the path, of whoever asks.
  package let subject: String
  package let code: String
}

/// What the agent plane needs of the rest of the node.
package struct GatewayPorts: Sendable {
  package var clock: any NexusClock
  package var random: any RandomSource
  package var store: any Store
  package var ledger: Ledger
  package var events: any EventSink
  package var tools: any ToolPerformer
  package var agentCalls: any AgentCallHandler
  /// Rules on actions before they are announced.
  package var gate: any EffectGate = OpenGate()
  /// Whether the process may open the files of one more connection.
  package var hasFiles: @Sendable () -> Bool = { true }
  /// Counts what is done.
  package var meter = NodeMeter()
  /// Told what the node's log is to say.
  package var notice: @Sendable (GatewayNotice) -> Void
  /// Told how the streamed answers of callers go on, on the thread of the call; must not block.
  package var streams: @Sendable (Caller, StreamSign) -> Void
  /// Told of requests that nobody let in, on the thread of the connection; must not block.
  package var refusals: @Sendable (RefusedAccess) -> Void = { _ in }
  /// Told of agents that have too many connections, on the thread of a connection; must not block.
  package var denials: @Sendable (DenialEvent) -> Void = { _ in }

  package init(
    clock: any NexusClock, random: any RandomSource, store: any Store, ledger: Ledger,
    events: any EventSink, tools: any ToolPerformer, agentCalls: any AgentCallHandler,
    notice: @escaping @Sendable (GatewayNotice) -> Void = { _ in },
    streams: @escaping @Sendable (Caller, StreamSign) -> Void = { _, _ in }
  ) {
    self.clock = clock
    self.random = random
    self.store = store
    self.ledger = ledger
    self.events = events
    self.tools = tools
    self.agentCalls = agentCalls
    self.notice = notice
    self.streams = streams
  }
}
