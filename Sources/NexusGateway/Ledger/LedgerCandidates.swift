// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
internal import Synchronization

/// Calls that more than one model may answer: all of them are covered by one hold, and the one that answers is billed.
extension Ledger {
  /// The call under way goes to another of its models; answers the output cap for that one, if there is to be one.
  package func turn(_ id: EffectID, to model: ModelReference) -> Int64? {
    state.withLock { state in
      guard var call = state.open[id] else { return nil }
      call.request.provider = model.provider
      call.request.model = model.model
      let facts = state.facts(
        of: ModelName(provider: model.provider, model: model.model, dialect: call.request.facts.dialect))
      call.factor = facts.factor
      if !call.request.facts.isFree, let price = facts.price { (call.price, call.note) = (price, facts.note) }
      state.open[id] = call
      return State.cap(call)
    }
  }

  /// What is to happen when an agent goes round in circles.
  package func loops(of agent: AgentName) -> LoopSpec { state.withLock { $0.loops[agent] ?? LoopSpec() } }

  /// Whether a budget may refuse the calls of somebody.
  package func isLimited(_ caller: Caller) -> Bool {
    state.withLock { !$0.machine.hardLimit(of: $0.subject(of: caller)).isNone }
  }
}

extension Ledger.State {
  /// A cap is of no use above what the model gives at most, and refused by some providers.
  static func cap(_ call: Ledger.OpenCall) -> Int64? {
    // A model of which nothing is known gets what one of them gets alone, not what another candidate could give.
    let unknown = call.request.facts.outputCap == nil ? BoundEstimate.assumedMaxOutput : Int64.max
    return call.cap.map { min($0, call.price.maxOutput?.value ?? unknown) }
  }
}

extension RequestBound {
  /// A bound that neither of both exceeds, whatever the cap.
  func covering(_ other: RequestBound) -> RequestBound {
    RequestBound(
      input: max(input, other.input), output: max(output, other.output), choices: max(choices, other.choices),
      inputPrice: max(inputPrice, other.inputPrice), outputPrice: max(outputPrice, other.outputPrice),
      perRequest: max(perRequest, other.perRequest), minimumOutput: max(minimumOutput, other.minimumOutput))
  }
}
