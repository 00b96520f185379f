// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// Closes the circle between gateway and runtime: each needs the other before it can be made.
final class DeferredAgentCalls: AgentCallHandler {
  private let handler = Mutex<(any AgentCallHandler)?>(nil)

  func connect(_ real: any AgentCallHandler) { handler.withLock { $0 = real } }

  func handle(_ call: AgentCall) async -> AgentReply {
    guard let real = handler.withLock({ $0 }) else {
      return .problem(
        status: 503, code: "NX-API-006", title: "Not ready", detail: "the node is still starting; ask again")
    }
    return await real.handle(call)
  }
}
