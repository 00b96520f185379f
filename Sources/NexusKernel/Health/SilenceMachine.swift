// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Tells when something that works has given no sign for too long.
///
/// Fed with every sign of activity it finds the agent that is `stuck`; fed with heartbeats alone it finds the lost one.
/// Signs are cheap: they set no timer and cause no action unless the silence was reported.
///
/// At any time it has at most one timer outstanding.
package struct SilenceMachine: Sendable {
  package enum Event: Sendable, Hashable {
    /// Whether there is anything to do; who has nothing to do may be silent.
    case working(Bool)
    case sign
    /// A model or tool call has begun: the wait for its answer is no silence.
    case callStarted
    case callEnded
    /// The answer of a call comes piece by piece from now on: each is a sign, and the wait for the next one is silence.
    case streamBegan
    /// The stream is over, and its call will be.
    case streamEnded
    case due
  }

  package enum Action: Sendable, Hashable {
    /// Send `due` at that time.
    case wake(at: Instant)
    /// Nothing was heard for this long.
    case silent(Duration)
    /// It gives signs again, or has nothing to do any more.
    case heard
  }

  /// How long one call excuses silence; every call has a shorter limit of its own.
  package static let longestCall = Duration.seconds(3600)

  private let limit: Duration
  private var isWorking = false
  private var isSilent = false
  /// When the timer that is outstanding is due.
  private var timer: Instant?
  private var calls = 0
  /// Of the calls; one may be told of before its call is.
  private var streams = 0
  private var callStartedAt = Instant(nanoseconds: 0)
  private var lastSign = Instant(nanoseconds: 0)

  package init(limit: Duration) { self.limit = limit }

  package var isReported: Bool { isSilent }

  package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
    switch event {
    case .working(let works):
      guard works != isWorking else { return [] }
      isWorking = works
      // What was begun is new: the silence before it does not count.
      return works ? sign(at: now) : ended()
    case .sign: return sign(at: now)
    case .callStarted:
      calls += 1
      callStartedAt = now
      return sign(at: now)
    case .callEnded:
      calls = max(0, calls - 1)
      return sign(at: now)
    case .streamBegan:
      streams += 1
      return sign(at: now)
    case .streamEnded:
      streams = max(0, streams - 1)
      callStartedAt = now
      return sign(at: now)
    case .due:
      guard let due = timer else { return [] }
      timer = nil
      // A late timer says that the node was not there to hear anything: the machine slept, perhaps.
      lastSign = min(now, lastSign + max(.zero, now - due))
      return look(at: now)
    }
  }

  /// An answer is waited for of which nothing has come yet.
  private var isExcused: Bool { calls > streams }

  private mutating func sign(at now: Instant) -> [Action] {
    lastSign = max(now, lastSign)
    let actions = ended()
    return actions + watch(at: now)
  }

  private mutating func ended() -> [Action] {
    guard isSilent else { return [] }
    isSilent = false
    return [.heard]
  }

  private mutating func look(at now: Instant) -> [Action] {
    guard isWorking, !isSilent else { return [] }
    if isExcused, now - callStartedAt >= Self.longestCall { calls = streams }
    guard !isExcused, lastSign + limit <= now else { return watch(at: now) }
    isSilent = true
    return [.silent(now - lastSign)]
  }

  /// While a call is under way it is looked at again and again, because the silence may begin at any moment.
  private mutating func watch(at now: Instant) -> [Action] {
    guard isWorking, !isSilent, timer == nil else { return [] }
    let due = (isExcused ? now : lastSign) + limit
    timer = due
    return [.wake(at: due)]
  }
}
