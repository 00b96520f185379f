// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import Logging
internal import NexusCore
internal import ServiceLifecycle

/// Ends the node when its `.naos` is taken from under it.
///
/// Nothing that it does from then on would be kept, and nothing keeps another node from doing the same. So it does not
/// wait for anybody; the guard ends its agents.
struct StateWatch: Service {
  /// How long two nodes may be at work side by side.
  private static let pause = Duration.milliseconds(250)

  let state: ProjectState
  let lock: ProjectLock
  let clock: any NexusClock

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while (try? await clock.sleep(until: clock.now() + Self.pause)) != nil {
        guard !lock.isInPlace(state) else { continue }
        NodeLog.logger.error(
          "NX-STO-036: \(state.lock) is gone or another: somebody removed or replaced .naos; the node ends at once")
        _exit(1)
      }
    }
    // A service that returns would end the others.
    try? await gracefulShutdown()
  }
}
