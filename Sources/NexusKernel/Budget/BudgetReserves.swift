// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// What is kept for compensations.
extension BudgetMachine {
  /// Keeps an amount for the compensations of a run in every limit that binds the agent which makes them.
  ///
  /// Asked again with more, the rest is kept; with less, nothing changes. What is not forced has to fit beside all that
  /// is spent, held and kept already.
  ///
  /// - Parameters:
  ///   - reserve: how much.
  ///   - subject: the agent that compensates, with the run.
  ///   - isForced: it was kept before, by the node before this one.
  ///   - reading: the time.
  /// - Returns: the limit that has no room for it; nil if it is kept.
  package mutating func keep(
    _ reserve: CompensationReserve, of subject: BudgetSubject, isForced: Bool, at reading: ClockReading
  ) -> BudgetBlock? {
    let time = clock.trusted(reading)
    let targets = targets(of: subject, at: time)
    let growth = reserves.growth(reserve, of: subject)
    if !isForced, growth != .zero {
      for target in targets {
        let counter = counters[target.key]
        // Of what the run keeps already it may not take twice.
        let own = reserves.entry(of: subject)?.left ?? .zero
        let free = target.free.minus(own)
        guard !free.minus(counter?.used ?? .zero).admits(growth) else { continue }
        let fitsLater = free.minus(counter?.spent ?? .zero).admits(growth)
        return block(fitsLater ? .busy : .exhausted, growth, target, time)
      }
    }
    reserves.raise(reserve, of: subject, at: book.reservePlaces(of: subject))
    return nil
  }

  /// What a run has kept and not drawn; nil if it keeps nothing.
  package func reserveLeft(of subject: BudgetSubject) -> Spend? { reserves.entry(of: subject)?.left }

  /// What a limit keeps for compensations: what they asked for, and a part of the limit if some do not say.
  package func kept(of rule: BudgetRule) -> Spend {
    rule.isSoft
      ? .zero
      : reserves.kept(
        scope: rule.scope.text, WindowName(rule.window, zone: rule.zone?.name), within: rule.limit)
  }

  /// The run is over, or cannot go back any more.
  ///
  /// Call `wake` afterwards.
  package mutating func releaseReserve(of run: RunID) { reserves.release(run) }
}
