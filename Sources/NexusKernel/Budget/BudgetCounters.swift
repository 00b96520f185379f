// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension BudgetMachine {
  /// The counters that a call would be charged to now: its own, and those of each run that has called its own.
  mutating func targets(of subject: BudgetSubject, at time: WallTime) -> [Target] {
    var targets = targets(in: book.bindings(of: subject).places, run: subject.run, of: subject, at: time)
    for payer in subject.payers {
      targets += self.targets(
        in: book.bindings(of: payer.subject).ofEachRun, run: payer.run, of: payer.subject, at: time)
    }
    for flow in subject.flows {
      // A flow that is at work inside itself is one place to pay, but in what is meant for each of its runs.
      for target in self.targets(in: book.places(ofFlow: flow.scope), run: flow.run, of: subject, at: time)
      where !targets.contains(where: { $0.key == target.key }) {
        targets.append(target)
      }
    }
    return targets
  }

  private mutating func targets(
    in places: [(place: RuleBook.Place, limit: SpendLimit)], run: RunID?, of subject: BudgetSubject,
    at time: WallTime
  ) -> [Target] {
    places.map { place, limit in
      let index = index(of: place, at: time)
      let key = CounterKey(scope: place.counterScope(run: run), window: place.name.text, index: index)
      var free = limit
      if !reserves.isEmpty, !limit.isNone {
        free = limit.minus(reserves.kept(at: ReserveBook.Place(place, run: run), within: limit, from: subject))
      }
      return Target(key: key, place: place, limit: limit, free: free)
    }
  }

  /// The index of the window now; when a new one begins, the idle counters of older ones are forgotten.
  mutating func index(of place: RuleBook.Place, at time: WallTime) -> Int64 {
    let name = place.name
    let before = clock.floor(of: name)
    let index = clock.index(of: name, at: time, in: book.rules(of: place))
    if let before, index > before {
      counters = counters.filter { key, counter in
        counter.place.name != name || key.index >= index || counter.held != .zero
      }
    }
    return index
  }

  /// When a window of a place begins; nil if the calendar does not end it.
  func start(of place: RuleBook.Place, index: Int64) -> WallTime? {
    BudgetCalendar.start(of: place.window, index: index, in: book.rules(of: place))
  }

  /// The first limit that could not take `asked` even if nothing else were under way.
  func refusal(of asked: Spend, _ targets: [Target], _ time: WallTime) -> BudgetBlock {
    for target in targets {
      let left = target.free.minus(counters[target.key]?.spent ?? .zero)
      if !left.admits(asked) { return block(left.isUsedUp(for: asked) ? .exhausted : .tooBig, asked, target, time) }
    }
    preconditionFailure("a refusal has a limit that refuses")
  }

  /// The first limit that cannot take `asked` while others are under way.
  func shortage(of asked: Spend, _ targets: [Target], _ time: WallTime) -> BudgetBlock {
    for target in targets where !target.free.minus(counters[target.key]?.used ?? .zero).admits(asked) {
      return block(.busy, asked, target, time)
    }
    preconditionFailure("a shortage has a limit that is short")
  }

  /// Describes a limit that said no, with the words of the rule that is the cause.
  func block(_ reason: BudgetRefusal.Reason, _ asked: Spend, _ target: Target, _ time: WallTime) -> BudgetBlock {
    let counter = counters[target.key] ?? Counter(place: target.place)
    let used = reason == .busy ? counter.used : counter.spent
    let binding = book.positions(at: target.place).map { book.rules[$0] }.filter { !$0.isSoft }
    let kept = target.limit.lead(over: target.free)
    let rule = binding.first { !$0.limit.minus(used + kept).admits(asked) } ?? binding.first
    guard let rule else { preconditionFailure("only a hard limit refuses") }
    return BudgetBlock(
      reason: reason, key: target.key, window: rule.window, scope: rule.scope, action: rule.onLimit,
      limit: rule.limit, spent: counter.spent, held: counter.held, kept: kept, asked: asked,
      reset: start(of: target.place, index: target.key.index + 1))
  }

  /// The tightest hard limits over all counters of a subject's calls.
  package mutating func hardLimit(of subject: BudgetSubject) -> SpendLimit {
    var limit = book.bindings(of: subject).hardLimit
    for payer in subject.payers {
      for place in book.bindings(of: payer.subject).ofEachRun { limit = limit.tightened(by: place.limit) }
    }
    for flow in subject.flows {
      for place in book.places(ofFlow: flow.scope) { limit = limit.tightened(by: place.limit) }
    }
    return limit
  }

  /// All counters, in the order of scope, window and index.
  package func views() -> [BudgetCounterView] {
    let views = counters.map { key, counter in
      BudgetCounterView(
        key: key, spent: counter.spent, held: counter.held, kept: reserves.kept(at: key, counter.place.name),
        rules: book.positions(at: counter.place).map { book.rules[$0] },
        reset: start(of: counter.place, index: key.index + 1))
    }
    return views.sorted { ($0.key.scope, $0.key.window, $0.key.index) < ($1.key.scope, $1.key.window, $1.key.index) }
  }
}
