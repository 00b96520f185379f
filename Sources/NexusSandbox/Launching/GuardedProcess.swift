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
  /// Its doors, which are closed with its end.
  private let doors: Mutex<Doors>

  private enum Doors {
    case listening([Descriptor])
    case open(any OpenDoors)
    case closed
  }

  private enum End {
    /// With what tells that the process has ended, before the guard has told how.
    case running(pidfd: Descriptor?, waiting: [CheckedContinuation<ProcessExit, Never>])
    case ended(ProcessExit)
  }

  init(_ news: GuardNews, of spawn: Spawn, bridge: GuardBridge) {
    doors = Mutex(.listening(news.doors))
    end = Mutex(.running(pidfd: news.pidfd, waiting: []))
    pid = news.reply.pid
    containment = Containment(news.reply.means)
    id = spawn.id
    lifetime = spawn.lifetime
    self.bridge = bridge
  }

  /// Has its doors served.
  func openDoors(of enclosure: Enclosure, by keeper: any DoorKeeper) async {
    let listening: [Descriptor] = doors.withLock { doors in
      guard case .listening(let listening) = doors else { return [] }
      return listening
    }
    guard !listening.isEmpty, listening.count == enclosure.doors.count else { return }
    // Copies, whose owner the keeper is; ours are closed with their last holder.
    let copies = listening.map { fcntl($0.number, F_DUPFD_CLOEXEC, 0) }
    guard copies.allSatisfy({ $0 >= 0 }) else {
      for copy in copies where copy >= 0 { close(copy) }
      return
    }
    let opened = await keeper.open(enclosure, sockets: copies)
    let isLate = doors.withLock { doors in
      guard case .listening = doors else { return true }
      doors = .open(opened)
      return false
    }
    if isLate { opened.close() }
  }

  private func closeDoors() {
    let opened: (any OpenDoors)? = doors.withLock { doors in
      defer { doors = .closed }
      guard case .open(let opened) = doors else { return nil }
      return opened
    }
    opened?.close()
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
    closeDoors()
    let waiting: [CheckedContinuation<ProcessExit, Never>] = end.withLock { state in
      guard case .running(_, let waiting) = state else { preconditionFailure("a process ended twice") }
      state = .ended(exit)
      return waiting
    }
    for waiter in waiting { waiter.resume(returning: exit) }
  }
}
