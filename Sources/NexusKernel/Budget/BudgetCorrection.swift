// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Which counters a correction is booked on.
package struct CorrectionTarget: Sendable, Hashable {
  package var scope: BudgetScope
  /// Only that window of the scope; nil for all that a call would count in now, up to the project.
  package var window: BudgetWindow?
  /// The supervisors above an agent.
  package var supervisors: [SupervisorName]

  package init(scope: BudgetScope, window: BudgetWindow? = nil, supervisors: [SupervisorName] = []) {
    self.scope = scope
    self.window = window
    self.supervisors = supervisors
  }
}

/// A counter that a correction would take below zero.
package struct CorrectionShortage: Error, Sendable, Hashable {
  package var key: CounterKey
  package var spent: Spend
}

extension BudgetMachine {
  /// The counters that a correction is booked on at this time; counters of single runs are none of them.
  package mutating func counters(of target: CorrectionTarget, at reading: ClockReading) -> [CounterKey] {
    let time = clock.trusted(reading)
    switch target.scope {
    case .agent(let agent):
      let subject = BudgetSubject(agent: agent, supervisors: target.supervisors)
      return targets(of: subject, at: time).filter { found in
        guard found.place.window != .run else { return false }
        guard let window = target.window else { return true }
        return found.place.scope == target.scope.text && found.place.window == window
      }.map(\.key)
    case .supervisor, .workflow, .saga, .pool, .step, .global:
      let places = BudgetWindow.allCases.flatMap { window in
        book.places(of: target.scope.text).filter { $0.window == window && window != .run }
      }
      return places.filter { target.window == nil || $0.window == target.window }.map { place in
        CounterKey(scope: place.scope, window: place.name.text, index: index(of: place, at: time))
      }
    }
  }

  /// The first counter that would fall below zero: a budget is never made larger by what was not spent in it.
  package func shortage(of amount: Spend, on keys: [CounterKey]) -> CorrectionShortage? {
    for key in keys {
      // A window that is over has no room to be made larger.
      if let place = RuleBook.Place(of: key), clock.isPast(place.name, key.index) { continue }
      let spent = counters[key]?.spent ?? .zero
      let after = spent + amount
      let falls =
        (amount.cost < .zero && after.cost < .zero) || (amount.tokens < .zero && after.tokens < .zero)
        || (amount.requests < 0 && after.requests < 0)
      if falls { return CorrectionShortage(key: key, spent: spent) }
    }
    return nil
  }

  /// Books what a person corrected and the store has committed; answers the marks that follow, which nothing waits for.
  ///
  /// Counters of windows that are over are the store's alone. Call `wake` afterwards.
  package mutating func correct(_ keys: [CounterKey], by amount: Spend) -> (marks: [BudgetMark], alerts: [BudgetAlert])
  {
    var marks: [BudgetMark] = []
    var alerts: [BudgetAlert] = []
    for key in keys {
      guard let place = RuleBook.Place(of: key), !clock.isPast(place.name, key.index) || counters[key] != nil else {
        continue
      }
      var counter = counters[key, default: Counter(place: place)]
      counter.spent = counter.spent + amount
      let limit = book.hardLimit(at: place)
      // A mark that is too low now is raised with the next hold, before anything goes upstream.
      if let lowered = counter.mark.lowered(to: counter.used, limit: limit) {
        marks.append(BudgetMark(key: key, mark: lowered))
      }
      alerts += dueAlerts(key, &counter)
      counters[key] = counter
    }
    return (marks, alerts)
  }
}
