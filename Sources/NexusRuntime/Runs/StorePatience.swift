// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusStore

/// Commits what must not be lost: waits out what may pass, gives up on what cannot.
struct StorePatience {
  /// How long to wait between two tries.
  static let pause = Duration.seconds(1)

  let clock: any NexusClock

  /// Commits.
  ///
  /// - Returns: false if the store will never take it: a newer writer owns the run, or the store is closed or damaged.
  func commit(_ transaction: StoreTransaction, to store: any Store) async -> Bool {
    while true {
      do {
        try await store.commit(transaction)
        return true
      } catch {
        switch error.code {
        case .full, .locked, .inputOutput:
          do { try await clock.sleep(until: clock.now() + Self.pause) } catch { return false }
        case .staleGuard, .duplicate, .corrupt, .newerSchema, .tooLarge, .notFound, .closed, .unknownOutcome:
          return false
        }
      }
    }
  }
}
