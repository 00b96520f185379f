// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusStore

/// Commits what must not be lost: waits out what may pass, gives up on what cannot.
struct StorePatience {
  /// How long to wait between two tries.
  static let pause = Duration.seconds(1)
  /// How many tries a node that shuts down still makes; what was not written is found unfinished by the next one.
  static let lastTries = 10

  let clock: any NexusClock

  /// Commits.
  ///
  /// - Parameters:
  ///   - transaction: what is written, whole or not at all.
  ///   - store: where to.
  ///   - isLeaving: whether the node shuts down; it must come to its end although the disk stays full.
  /// - Returns: false if the store will never take it: a newer writer owns the run, or the store is closed or damaged.
  func commit(
    _ transaction: StoreTransaction, to store: any Store, isLeaving: @Sendable () -> Bool = { false }
  ) async -> Bool {
    await failure(of: transaction, in: store, isLeaving: isLeaving) == nil
  }

  /// Commits like `commit`.
  ///
  /// - Parameters:
  ///   - transaction: what is written, whole or not at all.
  ///   - store: where to.
  ///   - isLeaving: whether the node shuts down.
  /// - Returns: why the store will never take it; nil if it did.
  func failure(
    of transaction: StoreTransaction, in store: any Store, isLeaving: @Sendable () -> Bool = { false }
  ) async -> StoreError? {
    var left = Self.lastTries
    while true {
      do {
        try await store.commit(transaction)
        return nil
      } catch {
        // A second try of what may be written already would fail for that.
        guard error.mayPass, error.code != .unknownOutcome else { return error }
        if isLeaving() { left -= 1 }
        guard left > 0 else { return error }
        do { try await clock.sleep(until: clock.now() + Self.pause) } catch _ { return error }
      }
    }
  }
}

extension StoreError {
  /// The store may do tomorrow what it does not do today.
  var mayPass: Bool {
    switch code {
    case .full, .locked, .inputOutput, .unknownOutcome: true
    case .staleGuard, .duplicate, .corrupt, .newerSchema, .tooLarge, .notFound, .closed: false
    }
  }
}
