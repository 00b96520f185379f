// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// When a budget will be used up if spending goes on as it did lately.
package enum SpendForecast: Sendable, Hashable {
  case exhausted
  case exhaustsAt(WallTime)
  /// Not within this window.
  case lasts(until: WallTime?)
  /// Nobody can know, for a reason in words.
  case unknown(String)
}

/// What was spent when, as far as a forecast needs it.
package struct SpendSample: Sendable, Hashable {
  package var at: WallTime
  package var cost: NanoUSD
  package var tokens: TokenCount
  package init(at: WallTime, cost: NanoUSD, tokens: TokenCount) {
    self.at = at
    self.cost = cost
    self.tokens = tokens
  }
}

/// An exponentially weighted mean of the rate of spending, in whole numbers.
///
/// Time is cut into up to 64 equal pieces that end now; each piece weighs 7/8 of the one after it. What a forecast
/// cannot know it says: it needs three charges and a minute between the first of them and now.
package struct SpendRate: Sendable {
  package static let leastSamples = 3
  package static let leastMicroseconds: Int64 = 60_000_000
  private static let pieces: Int64 = 64
  /// How many pieces the observed time is cut into while it is short.
  private static let finest: Int64 = 8
  /// Small enough that the largest amount times all weights times the longest piece fits into 127 bits.
  private static let weight: Int128 = 1 << 24

  /// The longest piece: what happened more than 64 of them ago does not count.
  package static func longestPiece(of window: BudgetWindow) -> Int64 {
    let minute: Int64 = 60_000_000
    return switch window {
    case .run, .hour: minute
    case .day: 15 * minute
    case .week: 120 * minute
    case .month: 480 * minute
    case .lifetime: 60 * minute
    }
  }

  /// How far back samples count.
  package static func lookBack(of window: BudgetWindow) -> Duration {
    .microseconds(longestPiece(of: window).multipliedReportingOverflow(by: pieces).partialValue)
  }

  /// Weighted sums, for the mean of a piece.
  private let cost: Int128
  private let tokens: Int128
  private let requests: Int128
  private let weights: Int128
  private let piece: Int64

  /// Nil with the reason where the samples say too little.
  package static func measured(
    _ samples: [SpendSample], window: BudgetWindow, now: WallTime
  ) -> (rate: SpendRate?, reason: String) {
    let horizon = longestPiece(of: window) * pieces
    let recent = samples.filter { sample in
      let age = now.microseconds - sample.at.microseconds
      return age >= 0 && age < horizon
    }
    guard let first = recent.map(\.at).min(), recent.count >= leastSamples else {
      return (nil, recent.isEmpty ? "nothing was spent lately" : "too few calls so far")
    }
    let observed = now.microseconds - first.microseconds
    guard observed >= leastMicroseconds else { return (nil, "the first call is less than a minute ago") }
    let piece = min(longestPiece(of: window), observed / finest)
    let count = min(pieces, (observed + piece - 1) / piece)
    var weightOf: [Int128] = [weight]
    for index in 1..<Int(max(2, count)) { weightOf.append(weightOf[index - 1] * 7 / 8) }
    var (cost, tokens, requests) = (Int128(0), Int128(0), Int128(0))
    for sample in recent {
      let index = Int(min(count - 1, (now.microseconds - sample.at.microseconds) / piece))
      cost += Int128(sample.cost.value) * weightOf[index]
      tokens += Int128(sample.tokens.value) * weightOf[index]
      requests += weightOf[index]
    }
    let weights = weightOf.prefix(Int(count)).reduce(0, +)
    return (SpendRate(cost: cost, tokens: tokens, requests: requests, weights: weights, piece: piece), "")
  }

  /// Microseconds until `left` is spent; nil for never.
  private func time(_ left: Int64, at sum: Int128) -> Int64? {
    guard sum > 0 else { return nil }
    // left / (sum / weights / piece), with the product in a width that holds it.
    let (product, overflow) = (Int128(left) * weights).multipliedReportingOverflow(by: Int128(piece))
    return overflow ? Int64.max : Int64(clamping: product / sum)
  }

  /// When what is left will be gone, on the axis on which that is first.
  package func forecast(left: SpendLimit, reset: WallTime?, now: WallTime) -> SpendForecast {
    let times = [
      left.cost.flatMap { time(max(0, $0.value), at: cost) },
      left.tokens.flatMap { time(max(0, $0.value), at: tokens) },
      left.requests.flatMap { time(max(0, $0), at: requests) },
    ].compactMap { $0 }
    guard let first = times.min() else { return .lasts(until: reset) }
    let end = WallTime(microseconds: now.microseconds.addingSaturating(first))
    if let reset, end >= reset { return .lasts(until: reset) }
    return first > Self.horizon ? .lasts(until: nil) : .exhaustsAt(end)
  }

  /// Ten years: a date beyond it is no forecast.
  private static let horizon: Int64 = 3650 * 86_400_000_000
}

extension SpendForecast {
  /// The forecast of one budget.
  package static func of(
    _ samples: [SpendSample], window: BudgetWindow, left: SpendLimit, reset: WallTime?, now: WallTime
  ) -> SpendForecast {
    if left.isUsedUp(for: Spend(cost: NanoUSD(1), tokens: TokenCount(1), requests: 1)) { return .exhausted }
    if window == .run { return .unknown("every run has its own") }
    let (rate, reason) = SpendRate.measured(samples, window: window, now: now)
    guard let rate else { return .unknown(reason) }
    return rate.forecast(left: left, reset: reset, now: now)
  }
}
