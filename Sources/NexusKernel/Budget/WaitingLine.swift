// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Requests that wait for calls under way to end: first come, first served, for each counter.
struct WaitingLine: Sendable {
  struct Waiting: Sendable {
    var request: BudgetRequest
    /// The counter that it waits for.
    var blocker: CounterKey
    /// When its turn in the window comes, if that is what it waits for.
    var turn: WallTime?
  }

  let limit: Int
  private(set) var waiting: [Waiting] = []
  private var ids: Set<EffectID> = []
  private var counts: [CounterKey: Int] = [:]

  init(limit: Int) { self.limit = limit }

  var isEmpty: Bool { waiting.isEmpty }
  /// The counters that someone waits for.
  var blockers: Set<CounterKey> { Set(counts.keys) }

  func contains(_ id: EffectID) -> Bool { ids.contains(id) }

  /// Puts a request at the end; false if the line is full.
  mutating func append(_ request: BudgetRequest, blockedBy key: CounterKey, until turn: WallTime?) -> Bool {
    guard waiting.count < limit else { return false }
    waiting.append(Waiting(request: request, blocker: key, turn: turn))
    ids.insert(request.id)
    counts[key, default: 0] += 1
    return true
  }

  /// Takes a request out; false if it does not wait.
  mutating func remove(_ id: EffectID) -> Bool {
    guard ids.contains(id) else { return false }
    replace(with: waiting.filter { $0.request.id != id })
    return true
  }

  mutating func replace(with waiting: [Waiting]) {
    self.waiting = waiting
    ids = Set(waiting.map(\.request.id))
    counts = waiting.reduce(into: [:]) { $0[$1.blocker, default: 0] += 1 }
  }
}
