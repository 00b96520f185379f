// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
package import NexusCore
internal import Synchronization

/// How often the user asked to stop, with Ctrl-C or SIGTERM.
///
/// The first time is noticed and acted on; the second time the process leaves at once, from the signal handler itself,
/// so that nothing that hangs can keep it.
package enum Interrupts {
  private static let count = Atomic<Int>(0)
  private static let pollInterval = Duration.milliseconds(50)

  /// Catches the signals from now on.
  package static func install() {
    for signalNumber in [SIGINT, SIGTERM] {
      // Only what is safe in a handler: an atomic and `_exit`.
      _ = signal(signalNumber) { @Sendable _ in
        if Interrupts.count.add(1, ordering: .relaxed).oldValue > 0 { _exit(130) }
      }
    }
  }

  /// The user has asked to stop already.
  static var wereAsked: Bool { count.load(ordering: .relaxed) > 0 }

  /// Returns once the user asked to stop.
  ///
  /// - Throws: `CancellationError` if the task is cancelled before.
  package static func first(clock: any NexusClock = SystemClock()) async throws {
    while count.load(ordering: .relaxed) == 0 { try await clock.sleep(until: clock.now() + pollInterval) }
  }
}
