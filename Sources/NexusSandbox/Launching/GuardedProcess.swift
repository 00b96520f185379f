// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import Glibc
internal import NexusCore
internal import Synchronization

/// A process below the guard, from its spawn until its end is confirmed.
final class GuardedProcess: LaunchedProcess {
  let pid: Int32
  let containment: Containment
  private let id: UInt64
  private let bridge: GuardBridge
  private let lifetime: BridgeLifetime
  private let end: Mutex<End>
  /// Its way to the agent plane, which is closed with its end.
  private let door: Mutex<Door>

  private enum Door {
    case listening(Descriptor)
    case open(any PlaneEntrance)
    case closed
  }

  private enum End {
    /// With what tells that the process has ended, before the guard has told how.
    case running(pidfd: Descriptor?, waiting: [CheckedContinuation<ProcessExit, Never>])
    case ended(ProcessExit)
  }

  init(_ reply: naos_guard_reply, _ pidfd: Descriptor?, of spawn: Spawn, bridge: GuardBridge, listener: Descriptor?) {
    let first: Door = if let listener { .listening(listener) } else { .closed }
    door = Mutex(first)
    end = Mutex(.running(pidfd: pidfd, waiting: []))
    pid = reply.pid
    containment = Containment(reply.means)
    id = spawn.id
    lifetime = spawn.lifetime
    self.bridge = bridge
  }

  /// Has the agent plane served where the process can reach it.
  func openDoor(_ plane: any PlaneDoor) async {
    let listener: Descriptor? = door.withLock { door in
      guard case .listening(let listener) = door else { return nil }
      return listener
    }
    // A copy, whose owner the plane is; ours is closed with its last holder.
    guard let listener else { return }
    let copy = fcntl(listener.number, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0, let entrance = await plane.serve(listener: copy) else { return }
    let isLate = door.withLock { door in
      guard case .listening = door else { return true }
      door = .open(entrance)
      return false
    }
    if isLate { entrance.close() }
  }

  private func closeDoor() {
    let entrance: (any PlaneEntrance)? = door.withLock { door in
      defer { door = .closed }
      guard case .open(let entrance) = door else { return nil }
      return entrance
    }
    entrance?.close()
  }

  func signal(_ signal: ProcessSignal) -> Bool {
    let isThere = end.withLock { state in
      guard case .running(let pidfd, _) = state else { return false }
      guard let pidfd else { return true }
      var poll = pollfd(fd: pidfd.number, events: Int16(POLLIN), revents: 0)
      return unsafe Glibc.poll(&poll, 1, 0) == 0
    }
    // Also where the process itself has ended, for the rest of its group.
    bridge.signal(id, signal.rawValue)
    return isThere
  }

  func waitForExit() async -> ProcessExit {
    await withCheckedContinuation { waiter in
      let exit: ProcessExit? = end.withLock { state in
        switch state {
        case .ended(let exit): return exit
        case .running(let pidfd, let waiting):
          state = .running(pidfd: pidfd, waiting: waiting + [waiter])
          return nil
        }
      }
      if let exit { waiter.resume(returning: exit) }
    }
  }

  /// Called once, when the process and everything of it is gone and its output has been handed over.
  func finish(_ exit: ProcessExit) {
    closeDoor()
    let waiting: [CheckedContinuation<ProcessExit, Never>] = end.withLock { state in
      guard case .running(_, let waiting) = state else { preconditionFailure("a process ended twice") }
      state = .ended(exit)
      return waiting
    }
    for waiter in waiting { waiter.resume(returning: exit) }
  }
}
