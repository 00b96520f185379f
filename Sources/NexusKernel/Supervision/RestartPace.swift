// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Spreads the restarts of a node, so that agents that crash without end leave the machine to those that work.
///
/// A crash is answered at once, and so are many at a time; only what goes on beyond `burst` is spread over time. It is the
/// generic cell rate algorithm (ITU-T I.371) in its virtual-scheduling form: one moment is all that it remembers.
package struct RestartPace: Sendable {
  /// How many restarts a node makes without a pause.
  package static let burst = 512
  /// The time between restarts beyond that: 400 a second.
  package static let interval = Duration.microseconds(2_500)

  private var theoretical = Instant(nanoseconds: .min)

  package init() {}

  /// Takes one restart.
  ///
  /// - Returns: nil if it is made at once, else when.
  package mutating func take(at now: Instant) -> Instant? {
    theoretical = max(theoretical, now) + Self.interval
    let moment = theoretical + (.zero - Self.interval * Self.burst)
    return moment > now ? moment : nil
  }
}
