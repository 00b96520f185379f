// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The restarts that still count, by OTP's rule (`supervisor.erl`, `add_restart/1`).
///
/// Stamps are whole seconds and a stamp exactly `within` old still counts.
package struct RestartWindow: Sendable, Hashable {
  package private(set) var intensity: RestartIntensity
  private var stamps: [Int64] = []

  package init(intensity: RestartIntensity) { self.intensity = intensity }

  /// Counts a restart that is about to be made.
  ///
  /// - Returns: false if it is one too many; it is counted all the same.
  package mutating func count(at now: Instant) -> Bool {
    expire(at: now)
    stamps.append(Self.seconds(now))
    return stamps.count <= intensity.maxRestarts
  }

  /// Puts a restart of an earlier boot back into the window.
  package mutating func restore(at moment: Instant) { stamps.append(Self.seconds(moment)) }

  /// Goes on counting by other limits.
  package mutating func change(to intensity: RestartIntensity) { self.intensity = intensity }

  /// Forgets everything, when a person starts the supervisor or the agent again.
  package mutating func clear() { stamps = [] }

  /// How many restarts count right now.
  package func counted(at now: Instant) -> Int {
    let oldest = Self.seconds(now) - Int64(intensity.within.components.seconds)
    return stamps.count { $0 >= oldest }
  }

  private mutating func expire(at now: Instant) {
    let oldest = Self.seconds(now) - Int64(intensity.within.components.seconds)
    stamps.removeAll { $0 < oldest }
  }

  private static func seconds(_ instant: Instant) -> Int64 { instant.nanoseconds / 1_000_000_000 }
}
