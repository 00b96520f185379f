// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
internal import Synchronization

// Cheaper models when a budget comes near to its limit.
extension Ledger {
  /// The cheaper model that takes a call, as `provider/model`; nil for the one that was asked for.
  ///
  /// - Parameters:
  ///   - model: the one that was asked for.
  ///   - caller: who asks.
  ///   - isForced: the call does not fit as it is.
  package func downgrade(_ model: ModelReference, for caller: Caller, isForced: Bool) -> String? {
    let reading = reading
    return state.withLock { state in
      let subject = state.subject(of: caller)
      return state.machine.downgrade(
        "\(model.provider)/\(model.model)", of: subject, at: reading, isForced: isForced)
    }
  }
}

extension PriceBook {
  /// Whether a model costs no more than another in every respect, and less in one; nil where a price is not known.
  ///
  /// Both as `provider/model`. Prompts of every length count: a price that rises for long ones may be the dearer one there.
  package func isCheaper(_ model: String, than other: String) -> Bool? {
    guard let price = self.price(of: model), let dearer = self.price(of: other) else { return nil }
    if price.isFree { return !dearer.isFree }
    let lengths = [TokenCount.zero] + [price, dearer].compactMap { $0.longPrompt.map { $0.above + TokenCount(1) } }
    var amounts = [(price.perRequest.value, dearer.perRequest.value)]
    for length in lengths {
      let (mine, theirs) = (price.rates(forPrompt: length), dearer.rates(forPrompt: length))
      amounts += [
        (mine.input.value, theirs.input.value), (mine.output.value, theirs.output.value),
        (mine.cacheRead.value, theirs.cacheRead.value), (mine.cacheWrite5m.value, theirs.cacheWrite5m.value),
        (mine.cacheWrite1h.value, theirs.cacheWrite1h.value),
      ]
    }
    return amounts.allSatisfy { $0.0 <= $0.1 } && amounts.contains { $0.0 < $0.1 }
  }

  private func price(of name: String) -> ModelPrice? {
    let parts = name.split(separator: "/", maxSplits: 1)
    return parts.count == 2 ? price(provider: String(parts[0]), model: String(parts[1])) : nil
  }
}
