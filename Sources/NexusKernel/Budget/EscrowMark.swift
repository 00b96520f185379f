// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// How far a counter may go before the store must be asked again, against the loss of what was written but not synced.
///
/// `durable` is what the store holds for certain. A mark asked for but not yet known to be committed is in flight;
/// several may be, and land in any order, so the least of them is all that counts.
struct EscrowMark: Sendable, Hashable {
  /// A mark is raised by this share of the limit at a time: what a power loss can burn.
  static let chunksPerLimit: Int64 = 50

  private(set) var durable: Spend
  private var inFlight: [Spend] = []

  init(durable: Spend = .zero) { self.durable = durable }

  /// The mark to commit before `use` is reached; nil if the durable one covers it.
  mutating func covering(_ use: Spend, limit: SpendLimit) -> Spend? {
    guard !Self.covers(durable, use, limit) else { return nil }
    if let asked = inFlight.last, Self.covers(asked, use, limit) {
      inFlight.append(asked)
      return asked
    }
    let raised = Self.map(use, limit) { use, limit in Self.rounded(up: use, limit: limit) }
    let highest = Self.combine(raised, inFlight.last ?? durable, max)
    inFlight.append(highest)
    return highest
  }

  /// The lower mark to commit some time, once `use` has fallen two chunks below; nil while that is not so.
  mutating func lowered(to use: Spend, limit: SpendLimit) -> Spend? {
    let target = Self.map(use, limit) { use, limit in Self.rounded(up: use, limit: limit) }
    let slack = Self.map(use, limit) { use, limit in
      use.addingSaturating(2 * Self.chunk(of: limit))
    }
    let falls =
      (limit.cost != nil && slack.cost < durable.cost) || (limit.tokens != nil && slack.tokens < durable.tokens)
      || (limit.requests != nil && slack.requests < durable.requests)
    guard falls else { return nil }
    let lower = Self.combine(target, durable, min)
    inFlight.append(lower)
    // From here on the store may hold either.
    durable = lower
    return lower
  }

  /// The store answered for a mark that was in flight.
  mutating func resolved(_ mark: Spend, committed: Bool) {
    guard let index = inFlight.firstIndex(of: mark) else { return }
    inFlight.remove(at: index)
    let least = inFlight.reduce(mark) { Self.combine($0, $1, min) }
    durable = committed ? least : Self.combine(durable, least, min)
  }

  private static func covers(_ mark: Spend, _ use: Spend, _ limit: SpendLimit) -> Bool {
    (limit.cost == nil || use.cost <= mark.cost) && (limit.tokens == nil || use.tokens <= mark.tokens)
      && (limit.requests == nil || use.requests <= mark.requests)
  }

  private static func chunk(of limit: Int64) -> Int64 { max(1, limit / chunksPerLimit) }

  /// The next whole chunk, but not beyond the limit unless the use is.
  private static func rounded(up use: Int64, limit: Int64) -> Int64 {
    let chunk = chunk(of: limit)
    let chunks = use / chunk + (use % chunk > 0 ? 1 : 0)
    let (product, overflow) = chunks.multipliedReportingOverflow(by: chunk)
    return max(use, min(overflow ? .max : product, limit))
  }

  /// Applies `body` on the axes that have a limit; the others carry no mark.
  private static func map(_ use: Spend, _ limit: SpendLimit, _ body: (Int64, Int64) -> Int64) -> Spend {
    Spend(
      cost: NanoUSD(limit.cost.map { body(use.cost.value, $0.value) } ?? 0),
      tokens: TokenCount(limit.tokens.map { body(use.tokens.value, $0.value) } ?? 0),
      requests: limit.requests.map { body(use.requests, $0) } ?? 0)
  }

  private static func combine(_ left: Spend, _ right: Spend, _ pick: (Int64, Int64) -> Int64) -> Spend {
    Spend(
      cost: NanoUSD(pick(left.cost.value, right.cost.value)),
      tokens: TokenCount(pick(left.tokens.value, right.tokens.value)), requests: pick(left.requests, right.requests))
  }
}
