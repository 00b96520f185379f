// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Whether an agent spends much faster than it did before, in one step of a run.
///
/// Time is cut into minutes. The baseline is a mean of the minutes in which something was spent, each with 7/8 of the
/// weight of the one after it; minutes without a call are no pace. Without enough of them there is no baseline, and
/// nothing is said.
package struct SpendPace: Sendable {
  /// How many minutes with calls make a baseline.
  package static let leastMinutes = 5
  /// How many times the baseline a minute may come to before it is told.
  package static let warning: Int64 = 4
  /// How many times the baseline a minute may come to at most.
  package static let most: Int64 = 8

  private static let minute: Int64 = 60_000_000_000
  /// The baseline is kept in this part of a unit, so that small amounts have a mean.
  private static let scale: Int128 = 1 << 16

  private var present: Int64?
  private var spent = Spend.zero
  private var cost: Int128 = 0
  private var tokens: Int128 = 0
  private var minutes = 0
  private var wasTold = false

  package init() {}

  /// A call was charged.
  package mutating func note(_ amount: Spend, at now: Instant) {
    advance(to: now)
    spent = spent + amount
  }

  /// How the present minute compares; a warning is given once for each minute.
  package mutating func judge(at now: Instant) -> PaceSign {
    advance(to: now)
    guard minutes >= Self.leastMinutes else { return .none }
    // What costs nothing has a pace by its tokens.
    let times =
      cost > 0
      ? Self.times(spent.cost.value, cost) : Self.times(spent.tokens.value, tokens)
    if times >= Self.most { return .tooFast(times) }
    guard times >= Self.warning, !wasTold else { return .none }
    wasTold = true
    return .warning(times)
  }

  private mutating func advance(to now: Instant) {
    let minute = now.nanoseconds / Self.minute
    guard let before = present, minute > before else {
      if present == nil { present = minute }
      return
    }
    if spent.cost > .zero || spent.tokens > .zero {
      cost = Self.mean(cost, spent.cost.value, isFirst: minutes == 0)
      tokens = Self.mean(tokens, spent.tokens.value, isFirst: minutes == 0)
      minutes += 1
    }
    (present, spent, wasTold) = (minute, .zero, false)
  }

  private static func mean(_ baseline: Int128, _ value: Int64, isFirst: Bool) -> Int128 {
    let value = Int128(value) * scale
    return isFirst ? value : (baseline * 7 + value) / 8
  }

  private static func times(_ value: Int64, _ baseline: Int128) -> Int64 {
    baseline > 0 ? Int64(clamping: Int128(value) * scale / baseline) : 0
  }
}

/// How fast an agent spends beside its own baseline; the number says how many times that.
package enum PaceSign: Sendable, Hashable {
  case none
  case warning(Int64)
  case tooFast(Int64)
}
