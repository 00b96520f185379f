// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOPosix
internal import NexusCore
internal import Synchronization

/// Looks names up for the requests of modules: few of an agent at a time, and nobody waits for ever.
final class RequestLookups: Sendable {
  enum Failure: Error { case tooMany, tooLate }

  /// Different names of one agent at a time.
  static let most = 4
  private static let threads = 16
  /// A thread that waits for a name server cannot be called back, so these are for nothing else.
  private static let pool: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: threads)
    pool.start()
    return pool
  }()

  private let resolver: any NameResolver
  private let patience: Duration
  private let places = LookupPlaces(limit: threads, most: most)
  private let running = Mutex<[AgentName: [String: EventLoopFuture<[IPAddress]>]]>([:])

  init(_ resolver: any NameResolver, patience: Duration) {
    self.resolver = resolver
    self.patience = patience
  }

  /// Waits no longer than `time`, nor than for any.
  func addresses(of host: String, for agent: AgentName, within time: Duration) async throws(Failure) -> [IPAddress] {
    guard time > .zero else { throw .tooLate }
    guard let lookup = lookup(of: host, for: agent) else { throw .tooMany }
    let loop = lookup.eventLoop
    let first = loop.makePromise(of: [IPAddress]?.self)
    lookup.whenComplete { first.succeed((try? $0.get()) ?? []) }
    let end = loop.scheduleTask(in: TimeAmount(min(patience, time))) { first.succeed(nil) }
    let found = try? await first.futureResult.get()
    end.cancel()
    guard let addresses = found ?? nil else { throw .tooLate }
    return addresses
  }

  /// One that is under way, or a new one.
  private func lookup(of host: String, for agent: AgentName) -> EventLoopFuture<[IPAddress]>? {
    let loop = MultiThreadedEventLoopGroup.singleton.any()
    return running.withLock { running in
      if let lookup = running[agent]?[host] { return lookup }
      guard places.enter(agent) else { return nil }
      let lookup = Self.pool.runIfActive(eventLoop: loop) { [resolver] in resolver.addresses(of: host) }
      running[agent, default: [:]][host] = lookup
      lookup.whenComplete { [self] _ in
        places.leave(agent)
        self.running.withLock { running in
          running[agent]?[host] = nil
          if running[agent]?.isEmpty == true { running[agent] = nil }
        }
      }
      return lookup
    }
  }
}
