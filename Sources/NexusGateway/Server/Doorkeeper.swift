// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import Synchronization

/// Counts the connections of the agent plane, and makes room for a new one where all places are taken: who came first
/// and has not shown a valid key since goes.
///
/// So those who only hold connections open cannot keep an agent out, nor use up the descriptors of the node.
final class Doorkeeper: Sendable {
  /// A connection's place.
  struct Ticket: Sendable, Hashable {
    fileprivate let number: Int
  }

  private struct State {
    var taken = 0
    var next = 0
    /// No stranger's number is lower.
    var oldest = 0
    /// Connections that have not shown a key yet.
    var strangers: [Int: any Channel] = [:]
    /// Connections whose place another one has.
    var evicted: Set<Int> = []

    /// Takes the place of the stranger who came first.
    mutating func takeOldest() -> (any Channel)? {
      if strangers.isEmpty { return nil }
      while oldest < next {
        defer { oldest += 1 }
        if let channel = strangers.removeValue(forKey: oldest) {
          evicted.insert(oldest)
          return channel
        }
      }
      return nil
    }
  }

  private let limit: Int
  /// Whether the files of one more connection can be opened; where they cannot, all places are taken.
  private let hasFiles: @Sendable () -> Bool
  private let state = Mutex(State())

  init(limit: Int, hasFiles: @escaping @Sendable () -> Bool = { true }) {
    self.limit = limit
    self.hasFiles = hasFiles
  }

  /// A place for a connection; nil if all are taken by those who have shown a key.
  func enter(_ channel: any Channel) -> Ticket? {
    let isFull = !hasFiles()
    let (ticket, evicted) = state.withLock { state -> (Ticket?, (any Channel)?) in
      var evicted: (any Channel)?
      if isFull || state.taken >= limit {
        guard let oldest = state.takeOldest() else { return (nil, nil) }
        evicted = oldest
      } else {
        state.taken += 1
      }
      let number = state.next
      state.next += 1
      state.strangers[number] = channel
      return (Ticket(number: number), evicted)
    }
    evicted?.close(promise: nil)
    return ticket
  }

  /// The connection has shown a valid key: it keeps its place as long as it likes.
  func recognised(_ ticket: Ticket) {
    state.withLock { _ = $0.strangers.removeValue(forKey: ticket.number) }
  }

  func leave(_ ticket: Ticket) {
    state.withLock { state in
      state.strangers[ticket.number] = nil
      if state.evicted.remove(ticket.number) == nil { state.taken -= 1 }
    }
  }

  var count: Int { state.withLock { $0.taken } }
}
