// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The units of a run by their keys.
///
/// A step that is done once as a whole stands at its index: nearly every look-up is for one of those, and there are
/// dozens for each step. Elements of lists, compensations, probes and the judge are found by hash.
struct UnitTable: Sendable {
  private var plain: [UnitState]
  /// Which of the plain ones there are.
  private var isThere: [Bool]
  private var others: [UnitKey: UnitState] = [:]

  init(steps: Int) {
    plain = Array(repeating: UnitState(), count: steps)
    isThere = Array(repeating: false, count: steps)
  }

  private func isPlain(_ key: UnitKey) -> Bool {
    key.role == .forward && key.item == nil && plain.indices.contains(key.step)
  }

  subscript(key: UnitKey) -> UnitState? {
    get {
      guard isPlain(key) else { return others[key] }
      return isThere[key.step] ? plain[key.step] : nil
    }
    set {
      guard isPlain(key) else {
        others[key] = newValue
        return
      }
      isThere[key.step] = newValue != nil
      plain[key.step] = newValue ?? UnitState()
    }
  }

  /// Looks at a unit where it stands, without a copy of it; nil if there is none.
  @inline(__always)
  func look<Answer>(at key: UnitKey, _ body: (UnitState) -> Answer) -> Answer? {
    guard isPlain(key) else { return others.isEmpty ? nil : others[key].map(body) }
    return isThere[key.step] ? body(plain[key.step]) : nil
  }

  func contains(_ key: UnitKey) -> Bool { look(at: key) { _ in true } ?? false }

  /// The unit has come to an end: it is done, done without, or has failed for good.
  func isOver(_ key: UnitKey) -> Bool { look(at: key) { $0.outcome != nil || $0.failure != nil } ?? false }

  func hasOutcome(_ key: UnitKey) -> Bool { look(at: key) { $0.outcome != nil } ?? false }

  func hasFailed(_ key: UnitKey) -> Bool { look(at: key) { $0.failure != nil } ?? false }

  func isUnknown(_ key: UnitKey) -> Bool { look(at: key) { $0.isUnknown } ?? false }

  func openAttempt(_ key: UnitKey) -> AttemptNumber? { look(at: key) { $0.history.openAttempt } ?? nil }

  /// Changes a unit where it stands; one that is new begins as `UnitState()`.
  mutating func change(_ key: UnitKey, _ body: (inout UnitState) -> Void) {
    guard isPlain(key) else { return body(&others[key, default: UnitState()]) }
    isThere[key.step] = true
    body(&plain[key.step])
  }

  /// In no order that means anything.
  var keys: [UnitKey] { plain.indices.filter { isThere[$0] }.map { UnitKey($0) } + others.keys }
}
