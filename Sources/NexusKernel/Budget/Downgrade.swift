// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Cheaper models that take over when a budget comes near to its limit.
package struct DowngradeSpec: Sendable, Hashable {
  package static let usualShare = 80

  /// From this share of the limit on, in percent; what is held counts.
  package var at: Int
  /// The cheaper model of each dearer one, both as `provider/model`.
  package var models: [String: String]

  package init(at: Int = Self.usualShare, models: [String: String]) {
    self.at = at
    self.models = models
  }
}

extension BudgetMachine {
  /// How many models a call may pass on its way to the one that takes it.
  private static let mostSteps = 8

  /// The model that takes a call because a budget of it is near to its limit; nil for the one that was asked for.
  ///
  /// - Parameters:
  ///   - model: the one that was asked for, as `provider/model`.
  ///   - subject: whose call it is.
  ///   - reading: the time.
  ///   - isForced: the call does not fit as it is, so that it takes the cheaper model however much is left.
  /// - Returns: the cheaper model, as `provider/model`.
  package mutating func downgrade(
    _ model: String, of subject: BudgetSubject, at reading: ClockReading, isForced: Bool
  ) -> String? {
    guard book.hasDowngrades else { return nil }
    let specs = targets(of: subject, at: clock.trusted(reading)).flatMap { target -> [DowngradeSpec] in
      let used = counters[target.key]?.used ?? .zero
      return book.positions(at: target.place).compactMap { position in
        let rule = book.rules[position]
        guard let spec = rule.downgrade else { return nil }
        return isForced || rule.limit.reaches(percent: spec.at, with: used) ? spec : nil
      }
    }
    var found = model
    for _ in 0..<Self.mostSteps {
      // Each is cheaper than the one before it, so that there is an end.
      guard let next = specs.lazy.compactMap({ $0.models[found] }).first else { break }
      found = next
      if isForced { break }
    }
    return found == model ? nil : found
  }
}
