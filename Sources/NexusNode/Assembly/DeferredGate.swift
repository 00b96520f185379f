// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusStore
internal import Synchronization

/// Closes the circle between gateway and runtime: until the rules are there, nothing is permitted.
final class DeferredGate: EffectGate {
  private let gate = Mutex<(any EffectGate)?>(nil)

  func connect(_ real: any EffectGate) { gate.withLock { $0 = real } }

  private var real: (any EffectGate)? { gate.withLock { $0 } }

  var isClosed: Bool { real?.isClosed ?? true }

  func knows(_ tool: String) -> Bool { real?.knows(tool) ?? false }

  func rule(on proposal: EffectProposal) async -> EffectRuling {
    guard let real else { return .denied(code: "NX-API-006", message: "The node is still starting; ask again.") }
    return await real.rule(on: proposal)
  }

  func withdrew(_ proposal: EffectProposal) { real?.withdrew(proposal) }

  func isUncertain(_ tool: String, of caller: Caller) async { await real?.isUncertain(tool, of: caller) }
}
