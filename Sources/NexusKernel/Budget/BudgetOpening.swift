// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// Counters that begin to be kept while calls are under way.
extension BudgetMachine {
  /// Whether calls are counted there.
  package func counts(at place: BudgetPlace) -> Bool {
    // An agent's lifetime always is.
    if case .agent = place.scope, place.window == .lifetime { return true }
    return !book.positions(at: RuleBook.Place(scope: place.scope.text, window: place.window)).isEmpty
  }

  /// The counter of a place now.
  package mutating func key(of place: BudgetPlace, run: RunID?, at reading: ClockReading) -> CounterKey {
    let own = RuleBook.Place(scope: place.scope.text, window: place.window)
    return CounterKey(
      scope: own.counterScope(run: run), window: own.window.rawValue,
      index: index(of: own.window, at: clock.trusted(reading)))
  }

  /// Has a call under way count at places that are counted only since it was admitted.
  package mutating func join(
    _ id: EffectID, _ subject: BudgetSubject, at places: Set<BudgetPlace>, _ reading: ClockReading
  ) {
    guard var hold = holds[id] else { return }
    let wanted = Set(places.map { RuleBook.Place(scope: $0.scope.text, window: $0.window) })
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
