// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What remains or is allowed on each axis; nil stands for no limit.
package struct SpendLimit: Sendable, Hashable {
  package var cost: NanoUSD?
  package var tokens: TokenCount?
  package var requests: Int64?

  package init(cost: NanoUSD? = nil, tokens: TokenCount? = nil, requests: Int64? = nil) {
    self.cost = cost
    self.tokens = tokens
    self.requests = requests
  }

  package static let none = SpendLimit()
  package var isNone: Bool { self == .none }

  /// Whether the amount fits; an axis on which nothing is asked for never binds.
  package func admits(_ amount: Spend) -> Bool {
    Self.fits(amount.cost.value, cost?.value) && Self.fits(amount.tokens.value, tokens?.value)
      && Self.fits(amount.requests, requests)
  }

  /// Whether something is asked for on an axis with a limit.
  package func concerns(_ amount: Spend) -> Bool {
    (cost != nil && amount.cost > .zero) || (tokens != nil && amount.tokens > .zero)
      || (requests != nil && amount.requests > 0)
  }

  private static func fits(_ amount: Int64, _ limit: Int64?) -> Bool {
    guard amount > 0, let limit else { return true }
    return amount <= limit
  }

  /// What is left of the limit behind `used`; below zero where more was used than allowed.
  package func minus(_ used: Spend) -> SpendLimit {
    SpendLimit(
      cost: cost.map { $0 - used.cost }, tokens: tokens.map { $0 - used.tokens },
      requests: requests.map { $0.subtractingSaturating(used.requests) })
  }

  /// How much looser this limit is than `other`, on the axes that both have.
  package func lead(over other: SpendLimit) -> Spend {
    Spend(
      cost: cost.flatMap { mine in other.cost.map { mine - $0 } } ?? .zero,
      tokens: tokens.flatMap { mine in other.tokens.map { mine - $0 } } ?? .zero,
      requests: requests.flatMap { mine in other.requests.map { mine.subtractingSaturating($0) } } ?? 0)
  }

  /// The tighter of both on each axis.
  package func tightened(by other: SpendLimit) -> SpendLimit {
    SpendLimit(
      cost: Self.least(cost, other.cost), tokens: Self.least(tokens, other.tokens),
      requests: Self.least(requests, other.requests))
  }

  private static func least<Amount: Comparable>(_ left: Amount?, _ right: Amount?) -> Amount? {
    guard let left else { return right }
    guard let right else { return left }
    return min(left, right)
  }

  /// Whether nothing is left on an axis on which `amount` asks for something.
  package func isUsedUp(for amount: Spend) -> Bool {
    (amount.cost > .zero && cost.map { $0 <= .zero } ?? false)
      || (amount.tokens > .zero && tokens.map { $0 <= .zero } ?? false)
      || (amount.requests > 0 && requests.map { $0 <= 0 } ?? false)
  }

  /// Whether that share of the limit is reached on some axis.
  package func reaches(percent: Int, with spent: Spend) -> Bool {
    Self.reaches(percent, spent.cost.value, cost?.value) || Self.reaches(percent, spent.tokens.value, tokens?.value)
      || Self.reaches(percent, spent.requests, requests)
  }

  private static func reaches(_ percent: Int, _ spent: Int64, _ limit: Int64?) -> Bool {
    guard let limit else { return false }
    return Int128(spent) * 100 >= Int128(limit) * Int128(percent)
  }
}
