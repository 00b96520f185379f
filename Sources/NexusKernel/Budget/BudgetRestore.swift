// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A counter as the store has it.
package struct StoredCounter: Sendable, Hashable {
  package var key: CounterKey
  package var spent: Spend
  package var mark: Spend
  package init(key: CounterKey, spent: Spend, mark: Spend) {
    self.key = key
    self.spent = spent
    self.mark = mark
  }
}

/// A hold of a dead boot: nobody knows what its call came to.
package struct StoredHold: Sendable, Hashable {
  package var id: EffectID
  package var bound: Spend
  package var counters: [CounterKey]
  package init(id: EffectID, bound: Spend, counters: [CounterKey]) {
    self.id = id
    self.bound = bound
    self.counters = counters
  }
}

/// What a restored counter counts as spent without a charge that says so.
package struct BurnedEscrow: Sendable, Hashable {
  package var key: CounterKey
  package var amount: Spend
}

extension BudgetMachine {
  /// Takes up what an earlier boot left.
  ///
  /// Holds still open count as spent in full. If the machine itself went down in between, what was written but not
  /// synced may be gone, so each counter starts at its mark. Commit the burned amounts as charges before admitting
  /// anything, or the next start would forget them.
  package mutating func restore(
    counters stored: [StoredCounter], openHolds: [StoredHold], sameKernelBoot: Bool
  ) -> [BurnedEscrow] {
    precondition(counters.isEmpty && holds.isEmpty, "a machine is restored before it is used")
    for row in stored {
      guard let place = RuleBook.Place(of: row.key) else { continue }
      clock.raiseFloor(of: place.name, to: row.key.index)
      var counter = Counter(place: place)
      counter.spent = row.spent
      counter.mark = EscrowMark(durable: row.mark)
      counters[row.key] = counter
    }
    for hold in openHolds {
      for key in hold.counters {
        guard let place = RuleBook.Place(of: key) else { continue }
        clock.raiseFloor(of: place.name, to: key.index)
        counters[key, default: Counter(place: place)].spent = (counters[key]?.spent ?? .zero) + hold.bound
      }
    }
    var burned: [BurnedEscrow] = []
    for (key, var counter) in counters {
      if !sameKernelBoot, !clock.isPast(counter.place.name, key.index) {
        let amount = counter.mark.durable.excess(over: counter.spent)
        if amount != .zero { burned.append(BurnedEscrow(key: key, amount: amount)) }
        counter.spent = counter.spent + amount
      }
      _ = dueAlerts(key, &counter)
      counters[key] = counter
    }
    counters = counters.filter { key, counter in !clock.isPast(counter.place.name, key.index) }
    return burned.sorted { ($0.key.scope, $0.key.window) < ($1.key.scope, $1.key.window) }
  }
}
