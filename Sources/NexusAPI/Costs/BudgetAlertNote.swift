// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// An alert that was told of a budget in its present window.
package struct BudgetAlertNote: Sendable, Hashable {
  package var at: WallTime
  /// `agent:researcher`, `global`.
  package var scope: String
  package var per: String
  package var timezone: String?
  /// The run whose window it is; nil for other windows.
  package var run: RunID?
  /// The share of the limit that was spent; nil for a forecast.
  package var percent: Int?
  /// When it was to be used up at the pace of then; nil for a share.
  package var usedUpAt: WallTime?
  /// What was spent, and the limit, when it was told.
  package var spentNanoUSD: NanoUSD
  package var spentTokens: TokenCount
  package var spentRequests: Int64
  package var maxNanoUSD: NanoUSD?
  package var maxTokens: TokenCount?
  package var maxRequests: Int64?

  package init(at: WallTime, scope: String, per: String, spent: Spend) {
    self.at = at
    self.scope = scope
    self.per = per
    spentNanoUSD = spent.cost
    spentTokens = spent.tokens
    spentRequests = spent.requests
  }
}

extension BudgetAlertNote: WireValue {
  package var json: JSONValue {
    [
      "at": .of(at), "scope": .string(scope), "per": .string(per), "timezone": .of(timezone), "run": .of(run),
      "percent": .of(percent), "usedUpAt": .of(usedUpAt), "spentNanoUSD": .int(spentNanoUSD.value),
      "spentTokens": .int(spentTokens.value), "spentRequests": .int(spentRequests),
      "maxNanoUSD": .of(maxNanoUSD?.value), "maxTokens": .of(maxTokens?.value), "maxRequests": .of(maxRequests),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "alert")
    self.init(
      at: try reader.time("at"), scope: try reader.text("scope"), per: try reader.text("per"),
      spent: Spend(
        cost: NanoUSD(try reader.integer("spentNanoUSD")), tokens: TokenCount(try reader.integer("spentTokens")),
        requests: try reader.integer("spentRequests")))
    timezone = try reader.optionalText("timezone")
    run = try reader.optionalText("run").map { RunID($0) }
    percent = try reader.optionalInteger("percent").map { Int($0) }
    usedUpAt = try reader.optionalTime("usedUpAt")
    maxNanoUSD = try reader.optionalInteger("maxNanoUSD").map { NanoUSD($0) }
    maxTokens = try reader.optionalInteger("maxTokens").map { TokenCount($0) }
    maxRequests = try reader.optionalInteger("maxRequests")
  }
}
