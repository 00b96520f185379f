// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// Counters that begin to be kept while calls are under way.
extension BudgetMachine {
  /// Whether calls are counted there.
  package func counts(at place: BudgetPlace) -> Bool {
    // An agent's lifetime always is.
    if case .agent = place.scope, place.window == .lifetime { return true }
    return !book.positions(at: RuleBook.Place(place)).isEmpty
  }

  /// The counter of a place now.
  package mutating func key(of place: BudgetPlace, run: RunID?, at reading: ClockReading) -> CounterKey {
    let own = RuleBook.Place(place)
    return CounterKey(
      scope: own.counterScope(run: run), window: own.name.text, index: index(of: own, at: clock.trusted(reading)))
  }

  /// When the window of a counter of that place began; nil if it has always been.
  package func start(of place: BudgetPlace, _ key: CounterKey) -> WallTime? {
    start(of: RuleBook.Place(place), index: key.index)
  }

  /// Has a call under way count at places that are counted only since it was admitted.
  package mutating func join(
    _ id: EffectID, _ subject: BudgetSubject, at places: Set<BudgetPlace>, _ reading: ClockReading
  ) {
    guard var hold = holds[id] else { return }
    let wanted = Set(places.map { RuleBook.Place($0) })
    for target in targets(of: subject, at: clock.trusted(reading))
    where wanted.contains(target.place) && !hold.counters.contains(target.key) {
      var counter = counters[target.key] ?? Counter(place: target.place)
      counter.held = counter.held + hold.bound
      counters[target.key] = counter
      hold.counters.append(target.key)
    }
    holds[id] = hold
  }
}
