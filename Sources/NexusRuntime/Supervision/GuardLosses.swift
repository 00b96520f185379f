// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Counts how often the guard of the node died under each child.
///
/// The guard is the node's own, so its death is no crash of those that it takes along, and they are restarted without
/// being counted. But it does not die by itself again and again: something that runs below it kills it. Who that is the
/// kernel does not say, so whoever ran each of these times is blamed, and whoever did not is not.
struct GuardLosses: Sendable {
  static let code = "NX-SUP-007"
  /// How many deaths of the guard a child may be there for; with one more it is given up.
  static let limit = RestartIntensity(maxRestarts: 5, within: .seconds(60))

  private var windows: [ChildName: RestartWindow] = [:]

  /// The guard died, and took the process of the child along.
  ///
  /// - Returns: why the child is given up; nil if it may run again.
  mutating func count(_ child: ChildName, at now: Instant) -> String? {
    // Whom no death of the last minute touched has nothing to do with the next one.
    windows = windows.filter { $0.value.counted(at: now) > 0 }
    guard windows[child, default: RestartWindow(intensity: Self.limit)].count(at: now) else {
      let deaths = windows[child]?.counted(at: now) ?? 0
      return "\(Self.code): the guard of the node died \(deaths) times in \(Self.limit.within.components.seconds) s,"
        + " each time while \(child) ran"
    }
    return nil
  }

  /// A person starts it again.
  mutating func forget(_ child: ChildName) { windows[child] = nil }

  /// Whether that is why somebody was given up.
  static func isNamed(in reason: String) -> Bool { reason.hasPrefix(code + ":") }
}
