// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NIOCore
internal import NIOPosix
package import NexusCore
internal import Synchronization

/// The way out of sandboxes: it serves their doors to hosts, and answers what they ask about names.
///
/// Its event loops are its own, so that what agents do to them is not felt at the agent plane; they are started with the
/// first sandbox.
package final class EgressGate: DoorKeeper {
  private let watcher: any EgressWatcher
  private let resolver: any NameResolver
  private let clock: any NexusClock
  private let limits: EgressLimits
  private let state = Mutex(State.idle)

  private enum State {
    case idle
    case open(loops: MultiThreadedEventLoopGroup, resolving: NIOThreadPool)
    case closed
  }

  package init(
    watcher: any EgressWatcher, clock: any NexusClock, resolver: any NameResolver = SystemResolver(),
    limits: EgressLimits = EgressLimits()
  ) {
    self.watcher = watcher
    self.clock = clock
    self.resolver = resolver
    self.limits = limits
  }

  package func open(_ enclosure: Enclosure, sockets: [Int32]) async -> any OpenDoors {
    guard let caller = enclosure.holder, let services = services() else {
      for socket in sockets { Glibc.close(socket) }
      return NoDoors()
    }
    let loop = services.loops.next()
    let sandbox: NIOLoopBound<SandboxDoors>?
    do {
      sandbox = try await loop.submit {
        NIOLoopBound(
          SandboxDoors(
            caller: caller, enclosure: enclosure, loop: loop, resolving: services.resolving, resolver: self.resolver,
            clock: self.clock, watcher: self.watcher, limits: self.limits), eventLoop: loop)
      }.get()
    } catch {
      sandbox = nil
    }
    guard let sandbox else {
      // The loops are gone: the node goes down.
      for socket in sockets { Glibc.close(socket) }
      return NoDoors()
    }
    for (door, socket) in zip(enclosure.doors, sockets) {
      // One that cannot be registered is closed by who tried, and the agent is refused there.
      switch door.destination {
      case .plane: Glibc.close(socket)
      case .names: try? await SandboxDoors.answerNames(sandbox, loop, socket)
      case .host(let grant): try? await SandboxDoors.serve(grant, sandbox, loop, socket)
      }
    }
    return ServedDoors(loop: loop, sandbox: sandbox)
  }

  /// Ends every connection; what there is to tell of them is told before it returns.
  package func shutDown() async {
    let last = state.withLock { state in
      defer { state = .closed }
      return state
    }
    guard case .open(let loops, let resolving) = last else { return }
    try? await loops.shutdownGracefully()
    try? await resolving.shutdownGracefully()
  }

  private func services() -> (loops: MultiThreadedEventLoopGroup, resolving: NIOThreadPool)? {
    state.withLock { state in
      switch state {
      case .closed: return nil
      case .open(let loops, let resolving): return (loops, resolving)
      case .idle:
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        let resolving = NIOThreadPool(numberOfThreads: limits.resolverThreads)
        resolving.start()
        state = .open(loops: loops, resolving: resolving)
        return (loops, resolving)
      }
    }
  }
}

private struct NoDoors: OpenDoors {
  func close() {}
}

private struct ServedDoors: OpenDoors {
  let loop: any EventLoop
  let sandbox: NIOLoopBound<SandboxDoors>

  func close() {
    let sandbox = sandbox
    loop.execute { sandbox.value.close() }
  }
}
