// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
package import NexusCore

/// The restarts that still count, by OTP's rule (`supervisor.erl`, `add_restart/1`).
///
/// Stamps are whole seconds and a stamp exactly `within` old still counts.
package struct RestartWindow: Sendable, Hashable {
  package private(set) var intensity: RestartIntensity
  /// The oldest first: the clock never goes back.
  private var stamps: Deque<Int64> = []

  package init(intensity: RestartIntensity) { self.intensity = intensity }

  /// Counts a restart that is about to be made.
  ///
  /// - Returns: false if it is one too many; it is counted all the same.
  package mutating func count(at now: Instant) -> Bool {
    let oldest = threshold(at: now)
    while let first = stamps.first, first < oldest { stamps.removeFirst() }
    stamps.append(Self.seconds(now))
    return stamps.count <= intensity.maxRestarts
  }

  /// Puts a restart of an earlier boot back into the window; in the order in which they happened.
  package mutating func restore(at moment: Instant) {
    stamps.append(max(Self.seconds(moment), stamps.last ?? .min))
  }

  /// Goes on counting by other limits.
  package mutating func change(to intensity: RestartIntensity) { self.intensity = intensity }

  /// Forgets everything, when a person starts the supervisor or the agent again.
  package mutating func clear() { stamps = [] }

  /// How many restarts count right now.
  package func counted(at now: Instant) -> Int {
    let oldest = threshold(at: now)
    return stamps.count { $0 >= oldest }
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
