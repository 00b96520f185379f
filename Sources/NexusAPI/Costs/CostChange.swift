// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a person does about costs.
package enum CostChange: Sendable, Hashable {
  /// A limit that holds instead of the configuration's. `scope` is `agent:NAME`, `supervisor:NAME` or `global`.
  case set(
    scope: String, window: String, maxNanoUSD: NanoUSD?, maxTokens: TokenCount?, maxRequests: Int64?,
    onLimit: String?, reason: String?)
  /// Back to what the configuration says.
  case clear(scope: String, window: String)
  /// A signed correction of what was charged; without a window, on all budgets that a call would count in now.
  case adjust(scope: String, window: String?, cost: NanoUSD, tokens: TokenCount, reason: String)
  /// What a call of unknown cost came to.
  case resolve(EffectID, cost: NanoUSD, tokens: TokenCount?, reason: String?)
  /// The wall clock, which ran ahead, is right: windows follow it again.
  case confirmClock

  /// The longest reason.
  package static let maxReasonBytes = 1000

  package static let verbs: [(verb: String, summary: String)] = [
    ("set", "Sets a limit that holds instead of the configuration's, over reloads and restarts."),
    ("clear", "Takes a limit that was set back: the configuration's holds again."),
    ("adjust", "Books a signed correction of what was charged."),
    ("resolve", "Says what a call of unknown cost came to; the difference is booked."),
    ("confirm-clock", "Says that the wall clock, which ran ahead, is right: budget windows follow it again."),
  ]

  package var verb: String {
    switch self {
    case .set: "set"
    case .clear: "clear"
    case .adjust: "adjust"
    case .resolve: "resolve"
    case .confirmClock: "confirm-clock"
    }
  }

  package var body: JSONValue {
    switch self {
    case .set(let scope, let window, let cost, let tokens, let requests, let onLimit, let reason):
      [
        "scope": .string(scope), "per": .string(window), "maxNanoUSD": .of(cost?.value),
        "maxTokens": .of(tokens?.value), "maxRequests": .of(requests), "onLimit": .of(onLimit), "reason": .of(reason),
      ]
    case .clear(let scope, let window): ["scope": .string(scope), "per": .string(window)]
    case .adjust(let scope, let window, let cost, let tokens, let reason):
      [
        "scope": .string(scope), "per": .of(window), "costNanoUSD": .int(cost.value), "tokens": .int(tokens.value),
        "reason": .string(reason),
      ]
    case .resolve(let id, let cost, let tokens, let reason):
      [
        "id": .string(id.text), "costNanoUSD": .int(cost.value), "tokens": .of(tokens?.value), "reason": .of(reason),
      ]
    case .confirmClock: [:]
    }
  }

  /// Nil for an unknown verb.
  package init?(verb: String, body: JSONValue) throws(WireError) {
    let reader = try WireReader(body, "change")
    switch verb {
    case "set":
      self = .set(
        scope: try reader.text("scope"), window: try reader.optionalText("per") ?? "lifetime",
        maxNanoUSD: try reader.optionalInteger("maxNanoUSD").map { NanoUSD($0) },
        maxTokens: try reader.optionalInteger("maxTokens").map { TokenCount($0) },
        maxRequests: try reader.optionalInteger("maxRequests"),
        onLimit: try reader.optionalText("onLimit"), reason: try Self.reason(reader))
    case "clear": self = .clear(scope: try reader.text("scope"), window: try reader.optionalText("per") ?? "lifetime")
    case "adjust":
      guard let reason = try Self.reason(reader) else {
        throw WireError(path: "change.reason", message: "expected why")
      }
      self = .adjust(
        scope: try reader.text("scope"), window: try reader.optionalText("per"),
        cost: NanoUSD(try reader.optionalInteger("costNanoUSD") ?? 0),
        tokens: TokenCount(try reader.optionalInteger("tokens") ?? 0), reason: reason)
    case "resolve":
      self = .resolve(
        EffectID(try reader.text("id")), cost: NanoUSD(try reader.integer("costNanoUSD")),
        tokens: try reader.optionalInteger("tokens").map { TokenCount($0) }, reason: try Self.reason(reader))
    case "confirm-clock": self = .confirmClock
    default: return nil
    }
  }

  private static func reason(_ reader: WireReader) throws(WireError) -> String? {
    guard let reason = try reader.optionalText("reason"), !reason.isEmpty else { return nil }
    guard reason.utf8.count <= maxReasonBytes else {
      throw WireError(path: "change.reason", message: "expected at most \(maxReasonBytes) bytes")
    }
    return reason
  }
}

/// What a change of costs came to.
package struct CostChangeReport: Sendable, Hashable {
  /// The budgets that it touched, as they stand now.
  package var budgets: [BudgetStatus]
  /// The correction that was booked; nil where a limit was set.
  package var entry: CostEntry?
  package init(budgets: [BudgetStatus], entry: CostEntry? = nil) {
    self.budgets = budgets
    self.entry = entry
  }
}

extension CostChangeReport: WireValue {
  package var json: JSONValue { ["budgets": .of(budgets), "entry": .of(entry)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "change")
    budgets = try reader.list("budgets")
    entry = try reader.optionalNested("entry")
  }
}
