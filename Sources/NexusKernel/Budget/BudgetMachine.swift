// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Keeps every budget: what is spent, what is held for calls under way, and who may go next.
///
/// The promise, for each hard limit and window: the costs of the requests admitted in it add up to no more than the
/// limit, except for what calls come to beyond their own bound. Admission is all or nothing over all counters of a
/// call; a call is charged to the windows of its admission.
package struct BudgetMachine: Sendable {
  struct Counter: Sendable {
    let place: RuleBook.Place
    var spent = Spend.zero
    var held = Spend.zero
    var mark = EscrowMark()
    var alerted: Set<RuleBook.Threshold> = []
    var used: Spend { spent + held }

    /// Sets an amount aside; with escrow, answers the mark that has to be committed for it, if any.
    mutating func hold(_ amount: Spend, within limit: SpendLimit, _ durability: HoldDurability) -> Spend? {
      held = held + amount
      return durability == .escrow ? mark.covering(used, limit: limit) : nil
    }
  }

  struct Hold: Sendable {
    var bound: Spend
    var counters: [CounterKey]
  }

  /// One counter that a request would be charged to.
  struct Target {
    var key: CounterKey
    var place: RuleBook.Place
    var limit: SpendLimit
    /// The limit less what it keeps for compensations other than this request.
    var free: SpendLimit
  }

  var book: RuleBook
  var counters: [CounterKey: Counter] = [:]
  var holds: [EffectID: Hold] = [:]
  var clock = WindowClock()
  var line: WaitingLine
  /// With escrow, marks are raised ahead of use; without it every hold is synced by itself, and they only fall.
  package var durability: HoldDurability
  var reserves = ReserveBook()

  /// `queueLimit` bounds how many requests may wait; one more is refused as busy.
  package init(rules: [BudgetRule], queueLimit: Int = 1024, durability: HoldDurability = .escrow) {
    self.durability = durability
    book = RuleBook(rules)
    line = WaitingLine(limit: queueLimit)
  }

  /// Asks for room; admission places the hold at once.
  package mutating func admit(_ request: BudgetRequest, at reading: ClockReading) -> BudgetDecision {
    precondition(holds[request.id] == nil && !line.contains(request.id), "the id of a call is used once")
    let time = clock.trusted(reading)
    switch decide(request, at: time, behind: line.blockers) {
    case .grant(let grant): return .admitted(grant)
    case .refuse(let block): return .refused(block)
    case .wait(let block):
      return line.append(request, blockedBy: block.key, until: block.turn) ? .queued : .refused(block)
    }
  }

  /// Whether a request could go now as it is, with its whole cap and behind nobody.
  package mutating func fits(_ request: BudgetRequest, at reading: ClockReading) -> Bool {
    let targets = targets(of: request.subject, at: clock.trusted(reading))
    let most = request.bound.most
    let blockers = line.blockers
    guard spacing(of: request, targets, clock.trusted(reading)) == nil else { return false }
    return targets.allSatisfy { target in
      target.free.minus(counters[target.key]?.used ?? .zero).admits(most)
        && !(target.limit.concerns(most) && blockers.contains(target.key))
    }
  }

  /// Ends a call at what it came to; nil if it has no hold (any more).
  ///
  /// Call `wake` afterwards.
  package mutating func settle(_ id: EffectID, actual: Spend) -> BudgetSettlement? {
    guard let hold = holds.removeValue(forKey: id) else { return nil }
    let actual = Spend(
      cost: max(.zero, actual.cost), tokens: max(.zero, actual.tokens), requests: max(0, actual.requests))
    reserves.settle(id, actual: actual)
    var settlement = BudgetSettlement(
      id: id, held: hold.bound, actual: actual, counters: hold.counters, marks: [],
      isViolation: actual.cost > hold.bound.cost || actual.tokens > hold.bound.tokens, alerts: [])
    for key in hold.counters {
      guard var counter = counters[key] else { preconditionFailure("a hold has its counters") }
      counter.held = counter.held - hold.bound
      counter.spent = counter.spent + actual
      let limit = book.hardLimit(at: counter.place)
      if durability == .escrow, let raised = counter.mark.covering(counter.used, limit: limit) {
        settlement.marks.append(BudgetMark(key: key, mark: raised))
      } else if let lowered = counter.mark.lowered(to: counter.used, limit: limit) {
        settlement.marks.append(BudgetMark(key: key, mark: lowered))
      }
      settlement.alerts += dueAlerts(key, &counter)
      counters[key] = counter
    }
    return settlement
  }

  /// The store answered for marks of a grant or a settlement.
  package mutating func resolve(_ marks: [BudgetMark], committed: Bool) {
    for mark in marks { counters[mark.key]?.mark.resolved(mark.mark, committed: committed) }
  }

  /// Replaces the limits; what was spent stays.
  ///
  /// Call `wake` afterwards.
  package mutating func setRules(_ rules: [BudgetRule]) {
    var book = RuleBook(rules)
    reserves.move { subject in book.reservePlaces(of: subject) }
    self.book = book
    for (key, var counter) in counters {
      counter.alerted = []
      _ = dueAlerts(key, &counter)
      counters[key] = counter
    }
  }

  /// Looks at the clocks for the first time; `last` is what a node before this one trusted, if it can be known.
  ///
  /// - Returns: the reading to compare with the next time; nil if the wall clock is not trusted.
  package mutating func openClock(_ reading: ClockReading, after last: ClockReading?) -> ClockReading? {
    if let last { clock.restore(last) }
    _ = clock.trusted(reading)
    return clock.isHeld ? nil : clock.anchor
  }

  /// A person confirms that the wall clock is right after it ran ahead.
  package mutating func confirmClock(_ reading: ClockReading) { clock.confirm(reading) }

  /// The time that windows go by at a reading, for whoever only looks.
  package func trusted(_ reading: ClockReading) -> WallTime {
    var clock = clock
    return clock.trusted(reading)
  }

  /// Whether windows stand still because the wall clock ran ahead of the monotonic one.
  package var isClockHeld: Bool { clock.isHeld }

  package var openHolds: Int { holds.count }
}

extension BudgetMachine {
  enum Answer {
    case grant(BudgetGrant)
    case wait(BudgetBlock)
    case refuse(BudgetBlock)
  }

  /// Decides one request, and places its hold if it may go.
  ///
  /// `behind` are the counters that someone waits for already: nobody overtakes.
  mutating func decide(_ request: BudgetRequest, at time: WallTime, behind: Set<CounterKey>) -> Answer {
    let targets = targets(of: request.subject, at: time)
    var room = SpendLimit.none
    var idleRoom = SpendLimit.none
    for target in targets {
      let counter = counters[target.key]
      idleRoom = idleRoom.tightened(by: target.free.minus(counter?.spent ?? .zero))
      room = room.tightened(by: target.free.minus(counter?.used ?? .zero))
    }
    let bound = request.bound
    guard let most = bound.largestOutput(within: idleRoom) else {
      return .refuse(refusal(of: bound.least, targets, time))
    }
    // When a cap must be lowered anyway, half of what patience could give is enough to go now.
    let wanted = most == bound.output ? most : max(bound.minimumOutput, TokenCount(most.value / 2))
    let spacing = spacing(of: request, targets, time)
    if let spacing, spacing.earliest - time > Self.longestSpacing {
      return .refuse(block(for: spacing, until: spacing.earliest, request, time))
    }
    guard room.admits(bound.spend(output: wanted)) else {
      return .wait(shortage(of: bound.spend(output: wanted), targets, time))
    }
    if let spacing { return .wait(block(for: spacing, until: spacing.turn, request, time)) }
    let now = max(wanted, bound.largestOutput(within: room) ?? wanted)
    let spend = bound.spend(output: now)
    // What a reserve covers takes nothing from those who wait.
    let own = request.subject.isCompensating ? reserves.entry(of: request.subject) : nil
    let queue = targets.first { target in
      target.limit.concerns(spend) && behind.contains(target.key) && own?.covers(spend, of: target.limit) != true
    }
    if let queue { return .wait(block(.busy, spend, queue, time)) }
    return .grant(hold(request, output: now, targets))
  }

  private mutating func hold(_ request: BudgetRequest, output: TokenCount, _ targets: [Target]) -> BudgetGrant {
    let spend = request.bound.spend(output: output)
    var marks: [BudgetMark] = []
    for target in targets {
      // What a power loss may burn is never what is kept.
      let mark = counters[target.key, default: Counter(place: target.place)].hold(
        spend, within: target.free, durability)
      if let mark { marks.append(BudgetMark(key: target.key, mark: mark)) }
    }
    reserves.draw(spend, for: request.id, of: request.subject)
    let keys = targets.map(\.key)
    holds[request.id] = Hold(bound: spend, counters: keys)
    return BudgetGrant(
      id: request.id, bound: spend, counters: keys, marks: marks, output: output,
      isClamped: output < request.bound.output)
  }
}
