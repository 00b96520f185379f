// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One budget and how much of it is gone.
package struct BudgetStatus: Sendable, Hashable {
  /// `agent:researcher`, `global`.
  package var scope: String
  package var maxTokens: TokenCount?
  package var usedTokens: TokenCount
  package var maxNanoUSD: NanoUSD?
  /// Settled cost and what calls in flight hold.
  package var usedNanoUSD: NanoUSD
  package var heldNanoUSD: NanoUSD
  /// The window: `lifetime`, `run`, `day` and so on.
  package var per: String
  /// `refuse`, `pause`, `throttle`, `alert`, `kill`.
  package var onLimit: String
  /// False if it only alerts: it is outside the guarantee.
  package var isHard: Bool
  /// At its limit: the next call is refused.
  package var isExhausted: Bool

  package init(
    scope: String, maxTokens: TokenCount? = nil, usedTokens: TokenCount = .zero, maxNanoUSD: NanoUSD? = nil,
    usedNanoUSD: NanoUSD = .zero, heldNanoUSD: NanoUSD = .zero, per: String = "lifetime", onLimit: String = "refuse",
    isHard: Bool = true, isExhausted: Bool = false
  ) {
    self.scope = scope
    self.maxTokens = maxTokens
    self.usedTokens = usedTokens
    self.maxNanoUSD = maxNanoUSD
    self.usedNanoUSD = usedNanoUSD
    self.heldNanoUSD = heldNanoUSD
    self.per = per
    self.onLimit = onLimit
    self.isHard = isHard
    self.isExhausted = isExhausted
  }
}

extension BudgetStatus: WireValue {
  package var json: JSONValue {
    [
      "scope": .string(scope), "maxTokens": .of(maxTokens?.value), "usedTokens": .int(usedTokens.value),
      "maxNanoUSD": .of(maxNanoUSD?.value), "usedNanoUSD": .int(usedNanoUSD.value),
      "heldNanoUSD": .int(heldNanoUSD.value), "per": .string(per), "onLimit": .string(onLimit), "hard": .bool(isHard),
      "exhausted": .bool(isExhausted),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "budget")
    scope = try reader.text("scope")
    maxTokens = try reader.optionalInteger("maxTokens").map { TokenCount($0) }
    usedTokens = TokenCount(try reader.integer("usedTokens"))
    maxNanoUSD = try reader.optionalInteger("maxNanoUSD").map { NanoUSD($0) }
    usedNanoUSD = NanoUSD(try reader.integer("usedNanoUSD"))
    heldNanoUSD = NanoUSD(try reader.optionalInteger("heldNanoUSD") ?? 0)
    per = try reader.text("per")
    onLimit = try reader.text("onLimit")
    isHard = try reader.flag("hard", default: true)
    isExhausted = try reader.flag("exhausted", default: false)
  }
}
