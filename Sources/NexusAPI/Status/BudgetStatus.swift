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
  package var maxRequests: Int64?
  package var usedRequests: Int64 = 0
  /// What stands aside for the compensations of sagas: other calls cannot have it.
  package var reservedTokens = TokenCount.zero
  package var reservedNanoUSD = NanoUSD.zero
  /// The window: `lifetime`, `run`, `day` and so on.
  package var per: String
  /// Whose days, weeks and months they are, by the name of the IANA database; nil for UTC.
  package var timezone: String?
  /// `refuse`, `pause`, `throttle`, `alert`, `kill`.
  package var onLimit: String
  /// False if it only alerts: it is outside the guarantee.
  package var isHard: Bool
  /// At its limit: the next call is refused.
  package var isExhausted: Bool
  /// When the window ends; nil where it does not, or where nobody has counted in it yet.
  package var resetsAt: WallTime?
  /// What a person set instead of the configuration's limit.
  package var override: BudgetOverrideNote?
  /// When it will be used up; only cost reports say so.
  package var forecast: ForecastNote?

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
      "heldNanoUSD": .int(heldNanoUSD.value), "maxRequests": .of(maxRequests),
      "usedRequests": .int(usedRequests), "reservedTokens": .int(reservedTokens.value),
      "reservedNanoUSD": .int(reservedNanoUSD.value), "per": .string(per), "timezone": .of(timezone),
      "onLimit": .string(onLimit), "hard": .bool(isHard), "exhausted": .bool(isExhausted), "resetsAt": .of(resetsAt),
      "override": .of(override),
      "forecast": .of(forecast),
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
    maxRequests = try reader.optionalInteger("maxRequests")
    usedRequests = try reader.optionalInteger("usedRequests") ?? 0
    reservedTokens = TokenCount(try reader.optionalInteger("reservedTokens") ?? 0)
    reservedNanoUSD = NanoUSD(try reader.optionalInteger("reservedNanoUSD") ?? 0)
    per = try reader.text("per")
    timezone = try reader.optionalText("timezone")
    onLimit = try reader.text("onLimit")
    isHard = try reader.flag("hard", default: true)
    isExhausted = try reader.flag("exhausted", default: false)
    resetsAt = try reader.optionalTime("resetsAt")
    override = try reader.optionalNested("override")
    forecast = try reader.optionalNested("forecast")
  }
}

/// A limit that a person set, and what the configuration says instead.
package struct BudgetOverrideNote: Sendable, Hashable {
  package var at: WallTime
  package var reason: String?
  /// What would hold without it; nil for no limit.
  package var configuredNanoUSD: NanoUSD?
  package var configuredTokens: TokenCount?
  package var configuredRequests: Int64?

  package init(
    at: WallTime, reason: String? = nil, configuredNanoUSD: NanoUSD? = nil, configuredTokens: TokenCount? = nil,
    configuredRequests: Int64? = nil
  ) {
    self.at = at
    self.reason = reason
    self.configuredNanoUSD = configuredNanoUSD
    self.configuredTokens = configuredTokens
    self.configuredRequests = configuredRequests
  }
}

extension BudgetOverrideNote: WireValue {
  package var json: JSONValue {
    [
      "at": .of(at), "reason": .of(reason), "configuredNanoUSD": .of(configuredNanoUSD?.value),
      "configuredTokens": .of(configuredTokens?.value), "configuredRequests": .of(configuredRequests),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "override")
    at = try reader.time("at")
    reason = try reader.optionalText("reason")
    configuredNanoUSD = try reader.optionalInteger("configuredNanoUSD").map { NanoUSD($0) }
    configuredTokens = try reader.optionalInteger("configuredTokens").map { TokenCount($0) }
    configuredRequests = try reader.optionalInteger("configuredRequests")
  }
}

/// When a budget will be used up if spending goes on as it did lately.
package struct ForecastNote: Sendable, Hashable {
  /// `exhausted`, `exhausts`, `lasts` or `unknown`.
  package var state: String
  /// When it will be used up, for `exhausts`.
  package var at: WallTime?
  /// Why nobody can know, for `unknown`.
  package var reason: String?

  package init(state: String, at: WallTime? = nil, reason: String? = nil) {
    self.state = state
    self.at = at
    self.reason = reason
  }
}

extension ForecastNote: WireValue {
  package var json: JSONValue { ["state": .string(state), "at": .of(at), "reason": .of(reason)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "forecast")
    state = try reader.text("state")
    at = try reader.optionalTime("at")
    reason = try reader.optionalText("reason")
  }
}
