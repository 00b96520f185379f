// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Synchronization

/// How an attempt is told to stop, from wherever that is decided; it may be told before its process exists.
package final class AttemptStops: Sendable {
  /// How to stop.
  package enum Manner: Sendable, Hashable {
    /// SIGTERM, then SIGKILL after the agent's shutdown time.
    case ask
    /// SIGKILL at once.
    case kill
  }

  private struct State: Sendable {
    var hardest: Manner?
    var isInterruption = false
    var isByPerson = false
    var ticket: AttemptTicket?
    var handler: (@Sendable (Manner) -> Void)?
    /// In their order, until somebody reads them.
    var unread: [Manner] = []
    var stream: (requests: AsyncStream<Manner>, continuation: AsyncStream<Manner>.Continuation)?
  }

  private let state = Mutex(State())

  package init() {}

  /// Every request, also those that came before; one reader.
  ///
  /// It is made when it is first asked for: most attempts are never told to stop.
  var requests: AsyncStream<Manner> {
    state.withLock { state in
      if let stream = state.stream { return stream.requests }
      // Only a harder request follows another one, and there are two kinds.
      let stream = AsyncStream<Manner>.makeStream(bufferingPolicy: .bufferingOldest(2))
      for manner in state.unread { stream.continuation.yield(manner) }
      state.unread = []
      state.stream = (stream.stream, stream.continuation)
      return stream.stream
    }
  }

  /// Asks; what adds nothing to an earlier request is not passed on, so that none can push another out.
  package func request(_ manner: Manner) {
    let (ticket, handler) = state.withLock { state -> (AttemptTicket?, (@Sendable (Manner) -> Void)?) in
      guard state.hardest != .kill, state.hardest != manner else { return (nil, nil) }
      state.hardest = manner
      if let stream = state.stream { stream.continuation.yield(manner) } else { state.unread.append(manner) }
      return (state.ticket, state.handler)
    }
    ticket?.settle(.withdrawn)
    handler?(manner)
  }

  /// Has every request handled at once, on the thread of whoever asks; also one that came before.
  func handle(_ handler: @escaping @Sendable (Manner) -> Void) {
    let earlier = state.withLock { state in
      state.handler = handler
      return state.hardest
    }
    if let earlier { handler(earlier) }
  }

  /// Asks for its supervisor's sake.
  ///
  /// A sibling is restarted, or the supervisor ends: it is no failure of the attempt.
  func interrupt(_ manner: Manner) {
    state.withLock { $0.isInterruption = true }
    request(manner)
  }

  /// Asks because a person wants the agent to end what it does, whatever its run makes of that.
  func requestByPerson(_ manner: Manner) {
    state.withLock { $0.isByPerson = true }
    request(manner)
  }

  /// A person stopped it.
  var wasStoppedByPerson: Bool { state.withLock { $0.isByPerson } }

  /// How it was told to stop, if it was.
  var wasRequested: Manner? { state.withLock { $0.hardest } }

  /// It was stopped for its supervisor's sake.
  package var wasInterrupted: Bool { state.withLock { $0.isInterruption } }

  /// A request that comes, or came, before the attempt begins withdraws the ticket.
  func guards(_ ticket: AttemptTicket) {
    let isLate = state.withLock { state in
      state.ticket = ticket
      return state.hardest != nil
    }
    if isLate { ticket.settle(.withdrawn) }
  }
}
