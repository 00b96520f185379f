// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import Synchronization

/// What one attempt has read and written of the project's state, for whoever cannot ask its run.
final class ContextMark: Sendable {
  private struct State {
    var reads: [String: ContextItem] = [:]
    var writes: Set<String> = []
  }
  private let state = Mutex(State())

  /// What it has read, as the journal has it.
  var items: [ContextItem] { state.withLock { Array($0.reads.values) } }

  /// The keys that it has written.
  var written: Set<String> { state.withLock { $0.writes } }

  func item(_ key: String) -> ContextItem? { state.withLock { $0.reads[key] } }

  func read(_ item: ContextItem) { state.withLock { $0.reads[item.key] = item } }

  func wrote(_ key: String) { state.withLock { _ = $0.writes.insert(key) } }
}
