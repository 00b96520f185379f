// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Synchronization

/// How many bytes of request bodies, or of responses, are in memory now, over all connections.
final class BodyMemory: Sendable {
  private let limit: Int
  private let taken = Atomic<Int>(0)

  init(limit: Int) { self.limit = limit }

  fileprivate func take(_ count: Int) -> Bool {
    let (_, sum) = taken.add(count, ordering: .relaxed)
    if sum <= limit { return true }
    give(count)
    return false
  }

  fileprivate func give(_ count: Int) { taken.subtract(count, ordering: .relaxed) }
}

/// One body's part of the memory for bodies; it goes back when nobody holds this any more.
final class BodyRoom {
  private let memory: BodyMemory
  private var taken = 0

  init(_ memory: BodyMemory) { self.memory = memory }

  /// Takes room for more bytes; false if there is none.
  func grow(by count: Int) -> Bool {
    guard memory.take(count) else { return false }
    taken += count
    return true
  }

  /// Gives room back for bytes that are gone.
  func shrink(by count: Int) {
    let count = min(count, taken)
    memory.give(count)
    taken -= count
  }

  deinit { memory.give(taken) }
}
