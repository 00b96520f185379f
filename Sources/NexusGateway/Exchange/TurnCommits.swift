// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusStore

/// Gathers what the calls of one event loop have to write in one turn of the loop, and commits it together.
///
/// A commit costs the same whether it carries one hold or ten, and a busy loop has many at once; a loop with one call
/// commits it in the same turn, so nobody waits for company.
final class TurnCommits {
  typealias Completion = @Sendable (Result<Void, StoreError>) -> Void

  /// How many transactions are joined at most, so that one commit stays short.
  static let maxJoined = 64

  private let loop: any EventLoop
  private let store: any Store
  private var waiting: [(transaction: StoreTransaction, completion: Completion)] = []

  init(loop: any EventLoop, store: any Store) {
    self.loop = loop
    self.store = store
  }

  /// Commits the transaction by the end of this turn of the loop; it does not depend on others of the same turn.
  func submit(_ transaction: StoreTransaction, completion: @escaping Completion) {
    loop.preconditionInEventLoop()
    // What has to be synced waits for the device, and nothing else should wait with it.
    guard transaction.commitClass == .written else { return store.submit(transaction, completion: completion) }
    waiting.append((transaction, completion))
    if waiting.count == 1 { loop.assumeIsolated().execute { self.flush() } }
    if waiting.count >= Self.maxJoined { flush() }
  }

  private func flush() {
    let batch = waiting
    waiting = []
    guard batch.count > 1 else {
      if let only = batch.first { store.submit(only.transaction, completion: only.completion) }
      return
    }
    let joined = StoreTransaction(.written, batch.flatMap(\.transaction.mutations))
    let store = store
    store.submit(joined) { result in
      switch result {
      case .success: for one in batch { one.completion(result) }
      case .failure(let error) where error.code == .unknownOutcome: for one in batch { one.completion(result) }
      // Nothing was written: each for itself, so that only the one that cannot be written fails.
      case .failure: for one in batch { store.submit(one.transaction, completion: one.completion) }
      }
    }
  }
}
