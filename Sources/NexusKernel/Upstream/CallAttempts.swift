// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Decides, for one call under one hold, whether and when it is attempted again.
///
/// The hold covers one answer. So an attempt is repeated only if the one before it cannot be billed: it was never sent,
/// or the provider said no to it. An attempt whose fate is unknown is the last one.
///
/// A call may have several candidates to go to: the next one has its turn when the one before it is given up.
package struct CallAttempts: Sendable, Hashable {
  package struct Limits: Sendable, Hashable {
    /// The first attempt counts.
    package var attempts: Int
    /// All waits of a call together.
    package var wait: Duration
    package var firstDelay: Duration
    package var longestDelay: Duration

    package init(
      attempts: Int = 3, wait: Duration = .seconds(120), firstDelay: Duration = .milliseconds(500),
      longestDelay: Duration = .seconds(8)
    ) {
      self.attempts = attempts
      self.wait = wait
      self.firstDelay = firstDelay
      self.longestDelay = longestDelay
    }
  }

  package enum Decision: Sendable, Hashable {
    case again(after: Duration)
    /// The next candidate has its turn, at once.
    case fallBack
    /// The fault is passed on. `settlesIt`: all was tried that is worth trying, so the agent should not begin anew.
    case giveUp(settlesIt: Bool)
  }

  /// Of each candidate.
  private let limits: [Limits]
  private let isFree: Bool
  /// Spreads the delays of calls that fail together; the same call has the same delays.
  private let seed: String
  package private(set) var candidate: Int
  /// Attempts that have failed, at all candidates.
  package private(set) var failed = 0
  private var failedHere = 0
  package private(set) var waited = Duration.zero

  /// The candidate under way has its turn because the one before it was given up, and has not failed itself.
  package var hasFallenBack: Bool { failed > 0 && failedHere == 0 }

  /// How much a delay varies, as a part of it.
  private static let spread = 0.25

  /// `first` is the candidate that the call goes to first; those before it have no turn.
  package init(_ limits: [Limits], first: Int = 0, isFree: Bool, seed: String) {
    precondition(limits.indices.contains(first), "a call has a candidate to go to")
    self.limits = limits
    self.isFree = isFree
    self.seed = seed
    candidate = first
  }

  /// The attempt under way has failed.
  package mutating func fail(_ fault: UpstreamFault) -> Decision {
    failed += 1
    failedHere += 1
    let own = limits[candidate]
    if fault.isWorthRetrying(isFree: isFree), failedHere < own.attempts {
      let delay = delay(fault.retryAfter)
      // Coming back before the provider is ready would be one more refusal, and worse.
      if delay <= own.wait - waited {
        waited += delay
        return .again(after: delay)
      }
    }
    guard fault.isWorthFallingBack(isFree: isFree) else { return .giveUp(settlesIt: false) }
    guard candidate + 1 < limits.count else {
      // Whoever wants neither retries nor fallbacks here does them himself, and a resting provider names its time.
      return .giveUp(settlesIt: fault != .resting && (own.attempts > 1 || limits.count > 1))
    }
    candidate += 1
    failedHere = 0
    return .fallBack
  }

  private func delay(_ asked: Duration?) -> Duration {
    let own = limits[candidate]
    let stir = Jitter.fraction(of: "\(seed)/\(failed)")
    if let asked, asked > .zero {
      // Never earlier than asked, and not all at the same moment.
      return asked + min(asked, own.longestDelay) * (Self.spread * abs(stir))
    }
    var delay = min(own.firstDelay, own.longestDelay)
    // A loop that ends at the longest delay cannot overflow, whatever the limits say.
    for _ in 1..<max(1, failedHere) where delay < own.longestDelay { delay = min(delay * 2, own.longestDelay) }
    return delay * (1 - Self.spread * abs(stir))
  }
}
