// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import Synchronization

/// Messages for one reader, in the order in which they were sent.
///
/// What a run hears passes it twice a step, so it is no `AsyncStream`: that one is made for any element, and pays for it
/// with each.
final class Mailbox<Message: Sendable>: Sendable {
  private struct State {
    var waiting: Deque<Message> = []
    var reader: CheckedContinuation<Message?, Never>?
    var isFinished = false
  }

  private let state = Mutex(State())
  private let limit: Int

  /// - Parameter limit: how many messages may wait; one more is refused.
  init(limit: Int) { self.limit = limit }

  /// False if the mailbox is finished, or full: nobody will see the message then.
  func send(_ message: Message) -> Bool {
    var reader: CheckedContinuation<Message?, Never>?
    let isTaken = state.withLock { state in
      guard !state.isFinished else { return false }
      reader = state.reader.take()
      if reader != nil { return true }
      guard state.waiting.count < limit else { return false }
      state.waiting.append(message)
      return true
    }
    reader?.resume(returning: message)
    return isTaken
  }

  /// Takes no more messages; those that wait are still read.
  func finish() {
    let reader = state.withLock { state in
      state.isFinished = true
      return state.reader.take()
    }
    reader?.resume(returning: nil)
  }

  /// The next message, waiting for it; nil once the mailbox is finished and empty.
  ///
  /// One reader at a time.
  func next() async -> Message? {
    if let taken = state.withLock({ Self.take(&$0) }) { return taken.message }
    return await withCheckedContinuation { reader in
      let taken = state.withLock { state in
        let taken = Self.take(&state)
        if taken == nil { state.reader = reader }
        return taken
      }
      if let taken { reader.resume(returning: taken.message) }
    }
  }

  /// What is read: a message, or the end.
  private struct Taken {
    let message: Message?
  }

  /// Nil if there is something to wait for.
  private static func take(_ state: inout State) -> Taken? {
    if let message = state.waiting.popFirst() { return Taken(message: message) }
    return state.isFinished ? Taken(message: nil) : nil
  }
}
