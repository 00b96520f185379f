// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusGateway
internal import NexusRuntime
internal import Synchronization

/// Brings the signs of life of streamed answers from the gateway, which starts first, to those who wait for them.
final class DeferredStreams: Sendable {
  private let desk = Mutex<HealthDesk?>(nil)

  func connect(_ desk: HealthDesk) { self.desk.withLock { $0 = desk } }

  func tell(_ caller: Caller, _ sign: StreamSign) {
    // Before there is a runtime there are no attempts that anybody waits for.
    guard let desk = desk.withLock({ $0 }) else { return }
    switch sign {
    case .began: desk.streamBegan(for: caller)
    case .wentOn: desk.activity(of: caller)
    case .ended: desk.streamEnded(for: caller)
    }
  }
}
