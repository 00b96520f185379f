// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
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
  /// What all agents share.
  private let shared: SharedEgress
  private let random: any RandomSource
  private let state = Mutex(State.idle)
  private let trusts = Mutex(Trusts())

  /// The certificates of sandboxes that are about to be.
  private struct Trusts {
    var last = 0
    var waiting: [Int: SandboxTrust] = [:]
    /// How hosts are spoken to that the machine trusts; it is large.
    var client: NIOSSLContext?
  }

  private enum State {
    case idle
    case open(loops: MultiThreadedEventLoopGroup, resolving: NIOThreadPool)
    case closed
  }

  /// Makes a gate that has not served anybody yet; without `hasFiles`, by which it asks before each connection, it takes
  /// as many files as its limits say.
  package init(
    watcher: any EgressWatcher, clock: any NexusClock, random: any RandomSource = SystemRandom(),
    resolver: any NameResolver = SystemResolver(), limits: EgressLimits = EgressLimits(),
    hasFiles: @escaping @Sendable () -> Bool = { true }
  ) {
    shared = SharedEgress(limits, hasFiles)
    self.random = random
    self.watcher = watcher
    self.clock = clock
    self.resolver = resolver
    self.limits = limits
  }

  package func open(_ enclosure: Enclosure, sockets: [Int32]) async -> any OpenDoors {
    let trust = enclosure.trust.flatMap(take)
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
            clock: self.clock, watcher: self.watcher, limits: self.limits, shared: self.shared),
          eventLoop: loop)
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
      case .host(let grant):
        do {
          let termination = try termination(of: grant, trust)
          try await SandboxDoors.serve(grant, termination, sandbox, loop, socket)
        } catch is UnservedDoor {
          Glibc.close(socket)
        } catch {
          continue
        }
      }
    }
    return ServedDoors(loop: loop, sandbox: sandbox)
  }

  // MARK: Trust

  /// Makes the certificates by which the gate speaks for the hosts of a sandbox whose TLS it ends.
  ///
  /// - Returns: the number of `Enclosure.trust`, and the authority that the sandbox has to trust, in PEM.
  package func makeTrust(for hosts: Set<String>) throws -> (number: Int, pem: String) {
    let trust = try SandboxTrust(for: hosts, at: clock.wallNow(), random: random)
    let number = trusts.withLock { trusts in
      trusts.last += 1
      trusts.waiting[trusts.last] = trust
      return trusts.last
    }
    return (number, trust.pem)
  }

  /// Of a sandbox whose doors are open, or never will be.
  package func forgetTrust(_ number: Int) { _ = take(number) }

  private func take(_ number: Int) -> SandboxTrust? { trusts.withLock { $0.waiting.removeValue(forKey: number) } }

  /// - Throws: `UnservedDoor` if TLS is to end here and cannot.
  private func termination(of grant: HostGrant, _ trust: SandboxTrust?) throws(UnservedDoor) -> Termination? {
    guard grant.isTerminated else { return nil }
    guard let identity = trust?.identities[grant.host] else { throw UnservedDoor() }
    do { return try Termination(identity, client: try client(grant.authority)) } catch { throw UnservedDoor() }
  }

  private func client(_ authority: HostAuthority?) throws -> NIOSSLContext {
    if let authority { return try Termination.client(authority) }
    return try trusts.withLock { trusts in
      if let client = trusts.client { return client }
      let client = try Termination.client(nil)
      trusts.client = client
      return client
    }
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

/// What the agents of a gate have together.
struct SharedEgress: Sendable {
  let connections: ConnectionPlaces
  let lookups: LookupPlaces
  /// Whether the process may open the files of one more connection.
  let hasFiles: @Sendable () -> Bool

  init(_ limits: EgressLimits, _ hasFiles: @escaping @Sendable () -> Bool) {
    connections = ConnectionPlaces(limit: limits.allConnections)
    lookups = LookupPlaces(limit: limits.resolverThreads, most: limits.lookups)
    self.hasFiles = hasFiles
  }
}

/// A door to a host whose TLS cannot be ended; whoever knocks is refused.
private struct UnservedDoor: Error {}

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
