// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why one attempt at a call came to nothing, before any of an answer went to the agent.
package enum UpstreamFault: Sendable, Hashable {
  /// Nothing was sent.
  case unreachable
  /// The provider refused or failed it, and did no work that it would bill.
  case status(Int, RetryAdvice)
  /// The provider gets no calls for now; not even this one was sent.
  case resting
  /// It was sent, and nobody knows what became of it.
  case unknown

  /// Statuses that pass by themselves; those of a provider that may still be at work are not among them.
  private static let passing: Set<Int> = [429, 500, 502, 503, 529]

  /// Statuses by which a provider, or what stands before it, gives up waiting: the call may still have been worked on.
  private static let inDoubt: Set<Int> = [408, 504, 520, 524]

  /// What an answer that is no success says of its call: that nobody knows whether it was made, or that it was not.
  package static func of(_ status: Int, _ advice: RetryAdvice) -> UpstreamFault {
    inDoubt.contains(status) ? .unknown : .status(status, advice)
  }

  /// Another attempt may go better, and can be billed once only.
  ///
  /// `isFree` says that the call costs nothing, however often it is made.
  func isWorthRetrying(isFree: Bool) -> Bool {
    switch self {
    case .unreachable: true
    case .resting: false
    case .status(_, let advice) where advice.isQuota: false
    case .status(let status, let advice): advice.shouldRetry ?? Self.passing.contains(status)
    case .unknown: isFree
    }
  }

  /// Another model may do better, and this one cannot be billed.
  func isWorthFallingBack(isFree: Bool) -> Bool {
    switch self {
    case .resting: true
    case .status(_, let advice) where advice.isQuota: true
    case .unreachable, .status, .unknown: isWorthRetrying(isFree: isFree)
    }
  }

  /// How long the provider asks to be left alone.
  var retryAfter: Duration? {
    if case .status(_, let advice) = self { advice.after } else { nil }
  }
}

/// What a provider's error says about asking again.
package struct RetryAdvice: Sendable, Hashable {
  package var after: Duration?
  /// The provider's own word, over what its status means.
  package var shouldRetry: Bool?
  /// What is used up does not come back by waiting: a quota, the money of an account.
  package var isQuota: Bool

  package init(after: Duration? = nil, shouldRetry: Bool? = nil, isQuota: Bool = false) {
    self.after = after
    self.shouldRetry = shouldRetry
    self.isQuota = isQuota
  }
}
