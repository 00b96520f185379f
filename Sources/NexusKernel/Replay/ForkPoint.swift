// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The model calls of one step of a run, as the last attempt at it got them: what people count when they say `call:7`.
///
/// A failure that ended an attempt is left out unless that attempt was the last one, and so is whatever a rewind dropped
/// or nobody knows the end of: a replay would give none of them.
package enum RecordedCalls {
  /// The effects that a replay answers with, in their order; calls of models and of tools.
  package static func answered(_ records: [EffectRecord]) -> [EffectRecord] {
    let last = records.map(\.attempt).max() ?? .before
    var goesOn = Set<AttemptNumber>()
    var found: [EffectRecord] = []
    for record in records.sorted(by: { $0.ordinal > $1.ordinal }) {
      switch record.state {
      case .succeeded:
        goesOn.insert(record.attempt)
        found.append(record)
      case .failed:
        if record.isKept || record.attempt == last || goesOn.contains(record.attempt) { found.append(record) }
      case .intent, .unknown: goesOn.insert(record.attempt)
      case .rewound: break
      }
    }
    return found.reversed()
  }

  /// The number of each call of a model, from 1.
  package static func numbers(_ records: [EffectRecord]) -> [EffectID: Int] {
    var numbers: [EffectID: Int] = [:]
    for record in answered(records) where record.kind == .model { numbers[record.id] = numbers.count + 1 }
    return numbers
  }
}

/// Where a run is forked from: before one of the model calls of one step.
package struct ForkPoint: Sendable, Hashable {
  /// What the new run takes over, in its order.
  package let kept: [EffectRecord]
  /// The call itself: made anew, or answered as a person wants.
  package let call: EffectRecord

  package enum Problem: Error, Sendable, Hashable {
    /// There are only so many.
    case noSuchCall(recorded: Int)
    /// Something before it is not over: what the new run would begin with is not known yet.
    case underWay
    /// Too much would be taken over.
    case tooMany(Int)
  }

  /// The most effects that a run may begin with.
  package static let maxKept = 10_000

  /// Finds the call in the record of its step.
  package init(call number: Int, in records: [EffectRecord]) throws(Problem) {
    let answered = RecordedCalls.answered(records)
    let calls = answered.filter { $0.kind == .model }
    guard number >= 1, number <= calls.count else { throw .noSuchCall(recorded: calls.count) }
    let call = calls[number - 1]
    let before = records.filter { $0.ordinal < call.ordinal }
    guard !before.contains(where: { $0.state == .intent }) else { throw .underWay }
    let ids = Set(answered.map(\.id))
    // Nobody knows whether it was done in the world, and the new run must not do it without being asked either.
    let kept = before.filter { ids.contains($0.id) || ($0.state == .unknown && $0.kind != .model) }
    guard kept.count < Self.maxKept else { throw .tooMany(kept.count) }
    self.kept = kept.sorted { $0.ordinal < $1.ordinal }
    self.call = call
  }
}
