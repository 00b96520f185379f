// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Synchronization

/// Counts what all sandboxes have together, and leaves something to each.
final class SharedPlaces: Sendable {
  private let limit: Int
  private let taken = Mutex(0)

  init(limit: Int) { self.limit = limit }

  /// Takes a place for a sandbox that has so many; false if it may have no more.
  ///
  /// None may have more than are free. One alone gets half of them, two get a third each: there is always one for the next.
  func enter(having held: Int) -> Bool {
    taken.withLock { taken in
      guard held < limit - taken else { return false }
      taken += 1
      return true
    }
  }

  func leave() { taken.withLock { $0 -= 1 } }
}
