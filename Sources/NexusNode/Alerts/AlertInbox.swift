// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusKernel
internal import Synchronization

/// What may be to be told of budgets, on its way from the threads of calls to the one that tells.
///
/// Nobody waits for it. What finds no place is not lost: a look at all budgets finds it again.
final class AlertInbox: Sendable {
  enum Word: Sendable {
    case alert(BudgetAlert)
    /// Look at all budgets: limits have changed, or alerts found no place.
    case look
    /// Look how fast is spent.
    case foresee
  }

  /// How many may be on their way.
  static let limit = 1024

  let words: AsyncStream<Word>
  private let continuation: AsyncStream<Word>.Continuation
  private let lostSome = Mutex(false)

  init() {
    (words, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.limit))
  }

  func put(_ word: Word) {
    if case .dropped = continuation.yield(word) { lostSome.withLock { $0 = true } }
  }

  /// Whether something found no place since it was asked last.
  func takeLoss() -> Bool {
    lostSome.withLock { lost in
      defer { lost = false }
      return lost
    }
  }

  /// The last word was put; what waits is still read.
  func close() { continuation.finish() }
}
