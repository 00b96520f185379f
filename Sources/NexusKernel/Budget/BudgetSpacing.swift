// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// Calls that are spread over their window (`throttle`): by any time no greater part of the limit is used than of the
// window has passed, but for the call that is let through last.
//
// The turn of the next call follows from what is used alone, so that it survives restarts, and falls back by itself when
// a call comes to less than was set aside for it.
extension BudgetMachine {
  /// A call whose turn is further away is refused rather than kept waiting.
  package static let longestSpacing = Duration.seconds(30)

  /// A request that is too early.
  struct Spacing {
    var target: Target
    /// When it may go if everything under way comes to what is set aside for it.
    var turn: WallTime
    /// When it may go if that comes to nothing.
    var earliest: WallTime
  }

  /// Nil if the request may go as far as the windows of its counters are concerned; else the counter that is last.
  ///
  /// What undoes a step does not wait.
  func spacing(of request: BudgetRequest, _ targets: [Target], _ time: WallTime) -> Spacing? {
    if request.subject.isCompensating { return nil }
    var last: Spacing?
    for target in targets {
      guard let limit = book.spacing(at: target.place), let counter = counters[target.key],
        let start = start(of: target.place, index: target.key.index),
        let end = self.start(of: target.place, index: target.key.index + 1)
      else { continue }
      let turn = limit.turn(after: counter.used, for: request.bound.least, from: start, to: end)
      guard turn > time, last.map({ $0.turn < turn }) ?? true else { continue }
      last = Spacing(
        target: target, turn: turn,
        earliest: limit.turn(after: counter.spent, for: request.bound.least, from: start, to: end))
    }
    return last
  }

  func block(for spacing: Spacing, until turn: WallTime, _ request: BudgetRequest, _ time: WallTime) -> BudgetBlock {
    var block = block(.busy, request.bound.least, spacing.target, time)
    (block.turn, block.wait) = (turn, max(.zero, turn - time))
    if let rule = book.positions(at: spacing.target.place).map({ book.rules[$0] }).first(where: \.isSpaced) {
      (block.limit, block.action) = (rule.limit, rule.onLimit)
    }
    return block
  }
}

extension SpendLimit {
  /// From when on as much of a window has passed as of the limit is used, on the axes on which something is asked for.
  package func turn(after used: Spend, for asked: Spend, from start: WallTime, to end: WallTime) -> WallTime {
    let length = Int128(max(0, end.microseconds - start.microseconds))
    func passed(_ used: Int64, of limit: Int64?, _ asked: Int64) -> Int128 {
      guard asked > 0, used > 0, let limit, limit > 0 else { return 0 }
      // Rounded up: not a microsecond too early.
      return min(length, (length * Int128(used) + Int128(limit) - 1) / Int128(limit))
    }
    let most = max(
      passed(used.cost.value, of: cost?.value, asked.cost.value),
      passed(used.tokens.value, of: tokens?.value, asked.tokens.value),
      passed(used.requests, of: requests, asked.requests))
    return WallTime(microseconds: start.microseconds.addingSaturating(Int64(clamping: most)))
  }
}
