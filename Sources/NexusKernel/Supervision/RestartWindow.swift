// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
package import NexusCore

/// The restarts that still count, by OTP's rule (`supervisor.erl`, `add_restart/1`).
///
/// Stamps are whole seconds and a stamp exactly `within` old still counts.
package struct RestartWindow: Sendable, Hashable {
  /// One restart, or one that was wanted and would have been one too many.
  package struct Restart: Sendable, Hashable {
    /// Who is restarted, of attempts their task; nil where nobody asks.
    package let child: ChildName?
    /// How the process before ended, in a few words.
    package let reason: String
    package let at: Instant
    /// What is one too many counts, and is not made.
    fileprivate let isMade: Bool
    fileprivate let second: Int64
  }

  package private(set) var intensity: RestartIntensity
  /// The oldest first: the clock never goes back.
  private var stamps: Deque<Restart> = []

  package init(intensity: RestartIntensity) { self.intensity = intensity }

  /// Counts a restart that is about to be made.
  ///
  /// - Returns: false if it is one too many; it is counted all the same.
  package mutating func count(at now: Instant, of child: ChildName? = nil, because reason: String = "") -> Bool {
    let oldest = threshold(at: now)
    while let first = stamps.first, first.second < oldest { stamps.removeFirst() }
    let isMade = stamps.count < intensity.maxRestarts
    stamps.append(Restart(child: child, reason: reason, at: now, isMade: isMade, second: Self.seconds(now)))
    return isMade
  }

  /// Puts a restart of an earlier boot back into the window; in the order in which they happened.
  package mutating func restore(at moment: Instant, of child: ChildName? = nil, because reason: String = "") {
    let second = max(Self.seconds(moment), stamps.last?.second ?? .min)
    stamps.append(Restart(child: child, reason: reason, at: moment, isMade: true, second: second))
  }

  /// Goes on counting by other limits.
  package mutating func change(to intensity: RestartIntensity) { self.intensity = intensity }

  /// Forgets everything, when a person starts the supervisor or the agent again.
  package mutating func clear() { stamps = [] }

  /// Takes the restarts of one child out, as a window of its own: they no longer count for the others.
  package mutating func split(_ child: ChildName) -> RestartWindow {
    var own = RestartWindow(intensity: intensity)
    own.stamps = stamps.filter { $0.child == child }
    stamps.removeAll { $0.child == child }
    return own
  }

  /// Together with the later restarts of another window.
  package func joined(by later: RestartWindow) -> RestartWindow {
    var both = self
    both.stamps += later.stamps
    return both
  }

  /// How many restarts count right now.
  package func counted(at now: Instant) -> Int {
    let oldest = threshold(at: now)
    return stamps.count { $0.second >= oldest }
  }

  /// The restarts that count right now and were made, the oldest first.
  package func made(at now: Instant) -> [Restart] {
    let oldest = threshold(at: now)
    return stamps.filter { $0.isMade && $0.second >= oldest }
  }

  private func threshold(at now: Instant) -> Int64 {
    let (difference, overflow) = Self.seconds(now).subtractingReportingOverflow(intensity.within.components.seconds)
    return overflow ? .min : difference
  }

  /// Rounded down also before the start of the clock, where restarts of an earlier boot are.
  private static func seconds(_ instant: Instant) -> Int64 {
    let (quotient, remainder) = instant.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
