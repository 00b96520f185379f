// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import Synchronization

/// A process below the guard, from its spawn until its end is confirmed.
final class GuardedProcess: LaunchedProcess {
  let pid: Int32
  let containment: Containment
  private let id: UInt64
  private let bridge: GuardBridge
  private let lifetime: BridgeLifetime
  private let end = Mutex(End.running(waiting: []))

  private enum End {
    case running(waiting: [CheckedContinuation<ProcessExit, Never>])
    case ended(ProcessExit)
  }

  init(pid: Int32, id: UInt64, containment: Containment, bridge: GuardBridge, lifetime: BridgeLifetime) {
    self.pid = pid
    self.containment = containment
    self.id = id
    self.bridge = bridge
    self.lifetime = lifetime
  }

  func signal(_ signal: ProcessSignal) { bridge.signal(id, signal.rawValue) }

  func waitForExit() async -> ProcessExit {
    await withCheckedContinuation { waiter in
      let exit: ProcessExit? = end.withLock { state in
        switch state {
        case .ended(let exit): return exit
        case .running(let waiting):
          state = .running(waiting: waiting + [waiter])
          return nil
        }
      }
      if let exit { waiter.resume(returning: exit) }
    }
  }

  /// Called once, when the process and everything of it is gone and its output has been handed over.
  func finish(_ exit: ProcessExit) {
    let waiting: [CheckedContinuation<ProcessExit, Never>] = end.withLock { state in
      guard case .running(let waiting) = state else { preconditionFailure("a process ended twice") }
      state = .ended(exit)
      return waiting
    }
    for waiter in waiting { waiter.resume(returning: exit) }
  }
}
