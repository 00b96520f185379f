// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A request for room in the budgets of a call.
package struct BudgetRequest: Sendable, Hashable {
  package var id: EffectID
  package var subject: BudgetSubject
  package var bound: RequestBound
  package init(id: EffectID, subject: BudgetSubject, bound: RequestBound) {
    self.id = id
    self.subject = subject
    self.bound = bound
  }
}

/// A mark to commit for a counter; what it covers may go upstream once that commit is synced.
package struct BudgetMark: Sendable, Hashable {
  package var key: CounterKey
  package var mark: Spend
  package init(key: CounterKey, mark: Spend) {
    self.key = key
    self.mark = mark
  }
}

/// Room that was made for a call.
package struct BudgetGrant: Sendable, Hashable {
  package var id: EffectID
  package var bound: Spend
  package var counters: [CounterKey]
  /// Not empty: to be committed, synced, together with the hold.
  package var marks: [BudgetMark]
  /// The output cap that the hold stands for.
  package var output: TokenCount
  /// Whether that is less than what was asked for.
  package var isClamped: Bool
}

/// Which limit said no, with its figures.
package struct BudgetBlock: Sendable, Hashable {
  package var reason: BudgetRefusal.Reason
  package var key: CounterKey
  package var window: BudgetWindow
  package var scope: BudgetScope
  package var action: OnLimit
  package var limit: SpendLimit
  package var spent: Spend
  package var held: Spend
  /// What the limit keeps for compensations of others.
  package var kept: Spend
  /// What the request asked to set aside at the least.
  package var asked: Spend
  /// When the window ends; nil if it does not.
  package var reset: WallTime?
  /// When its turn in the window comes, where calls are spread over it (`throttle`); nil where that is not the reason.
  package var turn: WallTime?
  /// How long that is from now.
  package var wait: Duration?
}

/// The answer to a request for room.
package enum BudgetDecision: Sendable, Hashable {
  case admitted(BudgetGrant)
  /// It waits its turn; `wake` decides later.
  case queued
  case refused(BudgetBlock)
}

/// A waiting request whose turn came.
package struct BudgetWake: Sendable, Hashable {
  package var request: BudgetRequest
  /// `queued` where it goes on waiting, but for another time than before.
  package var decision: BudgetDecision
}

/// What the end of a call changed.
package struct BudgetSettlement: Sendable, Hashable {
  package var id: EffectID
  package var held: Spend
  package var actual: Spend
  package var counters: [CounterKey]
  /// To be committed with the charge; nothing waits for it.
  package var marks: [BudgetMark]
  /// The call came to more than was set aside for it, which breaks an assumption of the guarantee.
  package var isViolation: Bool
  package var alerts: [BudgetAlert]
}

/// One counter as a report shows it.
package struct BudgetCounterView: Sendable, Hashable {
  package var key: CounterKey
  package var spent: Spend
  package var held: Spend
  /// What is kept for compensations that need it or not.
  package var kept: Spend
  /// The rules that bind it at present, and when its window ends.
  package var rules: [BudgetRule]
  package var reset: WallTime?

  package init(
    key: CounterKey, spent: Spend, held: Spend, kept: Spend, rules: [BudgetRule], reset: WallTime?
  ) {
    self.key = key
    self.spent = spent
    self.held = held
    self.kept = kept
    self.rules = rules
    self.reset = reset
  }
}
