// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// An amount on the three axes of a budget.
package struct Spend: Sendable, Hashable {
  package var cost: NanoUSD
  package var tokens: TokenCount
  package var requests: Int64
  package init(cost: NanoUSD = .zero, tokens: TokenCount = .zero, requests: Int64 = 0) {
    self.cost = cost
    self.tokens = tokens
    self.requests = requests
  }
  package static let zero = Spend()
  package static func + (left: Spend, right: Spend) -> Spend {
    Spend(
      cost: left.cost + right.cost, tokens: left.tokens + right.tokens,
      requests: left.requests.addingSaturating(right.requests))
  }
  package static func - (left: Spend, right: Spend) -> Spend {
    Spend(
      cost: left.cost - right.cost, tokens: left.tokens - right.tokens,
      requests: left.requests.subtractingSaturating(right.requests))
  }
}

/// One counter in one window: `agent:researcher`, `day`, 20780.
package struct CounterKey: Sendable, Hashable {
  package let scope: String
  package let window: String
  /// Counts windows since the epoch, so that a new window is a new counter and nothing is ever reset.
  package let index: Int64
  package init(scope: String, window: String, index: Int64) {
    self.scope = scope
    self.window = window
    self.index = index
  }
}
