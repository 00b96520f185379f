// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOPosix
internal import NexusCore

/// The doors of one sandbox, its connections, and what it has used up; lives on one event loop.
final class SandboxDoors {
  /// How often the times of connections are looked at, and how late their ends may be.
  private static let interval = TimeAmount.milliseconds(500)

  let loop: any EventLoop
  let clock: any NexusClock
  let limits: EgressLimits
  private let caller: Caller
  private let watcher: any EgressWatcher
  private let caps: EgressCaps
  private var denials: DenialBook
  private var listeners: [any Channel] = []
  private var flows: [ObjectIdentifier: Flow] = [:]
  private var ticking: Scheduled<Void>?
  private var bytes: Int64 = 0
  private var requests = 0
  private var isClosed = false
  private let resolving: NIOThreadPool
  private let resolver: any NameResolver
  private let shared: SharedEgress
  /// Who waits for the addresses of a name.
  private var askers: [String: [Flow]] = [:]
  /// Names that wait for their turn.
  private var queue: [String] = []
  /// Stands in line for the next of them.
  private var waiter: LookupPlaces.Waiter?
  private let values: [String: SecretText]
  /// The addresses of the granted names, inside.
  let names: [String: IPAddress]

  init(
    caller: Caller, enclosure: Enclosure, loop: any EventLoop, resolving: NIOThreadPool, resolver: any NameResolver,
    clock: any NexusClock, watcher: any EgressWatcher, limits: EgressLimits, shared: SharedEgress
  ) {
    self.shared = shared
    self.caller = caller
    self.loop = loop
    self.resolving = resolving
    self.resolver = resolver
    self.clock = clock
    self.watcher = watcher
    self.limits = limits
    caps = enclosure.egress
    values = enclosure.secrets
    denials = DenialBook(of: caller)
    var names: [String: IPAddress] = [:]
    for door in enclosure.doors {
      guard case .host(let grant) = door.destination, let colon = door.place.lastIndex(of: ":") else { continue }
      names[grant.host] = IPAddress(String(door.place[..<colon]))
    }
    self.names = names
  }

  // MARK: Opening

  static func serve(
    _ grant: HostGrant, _ termination: Termination?, _ sandbox: NIOLoopBound<SandboxDoors>, _ loop: any EventLoop,
    _ socket: CInt
  ) async throws {
    let channel = try await ServerBootstrap(group: loop)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try sandbox.value.admit(channel, to: grant, termination) }
      }
      .withBoundSocket(socket).get()
    loop.execute { sandbox.value.keep(channel) }
  }

  static func answerNames(
    _ sandbox: NIOLoopBound<SandboxDoors>, _ loop: any EventLoop, _ socket: CInt
  ) async throws {
    let channel = try await DatagramBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NameDesk(sandbox.value))
        }
      }
      .withBoundSocket(socket).get()
    loop.execute { sandbox.value.keep(channel) }
  }

  private func keep(_ listener: any Channel) {
    // Its agent may have ended meanwhile.
    if isClosed { return listener.close(promise: nil) }
    listeners.append(listener)
  }

  private func admit(_ channel: any Channel, to grant: HostGrant, _ termination: Termination?) throws {
    guard !isClosed else { throw ChannelError.ioOnClosedChannel }
    let (loop, sandbox) = (loop, NIOLoopBound(self, eventLoop: loop))
    let place = ConnectionPlaces.Place(of: caller.agent, at: loop.now) { place in
      loop.execute { sandbox.value.flows[ObjectIdentifier(place)]?.giveWay() }
    }
    guard flows.count < limits.connections, shared.hasFiles(), shared.connections.enter(place) else {
      deny(.connections, grant.host, port: grant.port)
      throw ChannelError.ioOnClosedChannel
    }
    let flow = Flow(grant, termination, front: channel, at: place, of: self)
    do { try flow.furnish() } catch {
      shared.connections.leave(place)
      throw error
    }
    flows[ObjectIdentifier(place)] = flow
    if ticking == nil { tick() }
  }

  private func tick() {
    ticking = loop.assumeIsolated().scheduleTask(in: Self.interval) { [self] in
      let now = loop.now
      for flow in flows.values { flow.lookAtTime(now) }
      forgetLateNames()
      if flows.isEmpty { ticking = nil } else { tick() }
    }
  }

  /// Looks a name up; one at a time of each, and few at a time, so that no agent holds all threads up with names that
  /// nobody answers for.
  func lookUp(_ host: String, for flow: Flow) {
    askers[host, default: []].append(flow)
    guard askers[host]?.count == 1 else { return }
    queue.append(host)
    lookUpNext()
  }

  /// Whoever has given up meanwhile waits for nothing.
  private func forgetLateNames() {
    queue.removeAll { host in
      if askers[host]?.contains(where: \.isWaiting) == true { return false }
      askers[host] = nil
      return true
    }
  }

  private func lookUpNext() {
    forgetLateNames()
    let (loop, sandbox) = (loop, NIOLoopBound(self, eventLoop: loop))
    while waiter == nil, !queue.isEmpty {
      let next = LookupPlaces.Waiter(of: caller.agent) { loop.execute { sandbox.value.hasTurn() } }
      if shared.lookups.enter(next) { lookUpFirst() } else { waiter = next }
    }
  }

  /// It has stood in line, and has a place.
  private func hasTurn() {
    waiter = nil
    forgetLateNames()
    if queue.isEmpty { return shared.lookups.leave(caller.agent) }
    lookUpFirst()
    lookUpNext()
  }

  private func lookUpFirst() {
    let (host, resolver) = (queue.removeFirst(), resolver)
    resolving.runIfActive(eventLoop: loop) { resolver.addresses(of: host) }
      .assumeIsolated().whenComplete { [self] result in
        // Whoever else stands in line goes first.
        shared.lookups.leave(caller.agent)
        let addresses = (try? result.get()) ?? []
        for flow in askers.removeValue(forKey: host) ?? [] where flow.isWaiting { flow.found(addresses) }
        lookUpNext()
      }
  }

  func secrets(of grant: HostGrant) -> [GateSecret] { grant.secrets.map { GateSecret($0, values[$0.name]) } }

  // MARK: What is used and what is denied

  /// Counts bytes; false once there are more than the agent may have.
  func charge(bytes count: Int) -> Bool {
    bytes += Int64(count)
    return caps.bytes.map { bytes <= $0 } ?? true
  }

  func charge(requests count: Int) -> Bool {
    requests += count
    return caps.requests.map { requests <= $0 } ?? true
  }

  func deny(_ rule: DenialEvent.Rule, _ target: String, port: Int?) {
    if let event = denials.note(rule, target, port: port) { watcher.denied(event) }
  }

  func tell(_ report: EgressFlow) { watcher.flow(report, of: caller) }

  func ended(_ flow: Flow, _ report: EgressFlow?) {
    flows[ObjectIdentifier(flow.place)] = nil
    shared.connections.leave(flow.place)
    if let report { tell(report) }
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    for listener in listeners where listener.isActive { listener.close(promise: nil) }
    listeners = []
    for flow in flows.values { flow.end("closed") }
    if let waiter { shared.lookups.withdraw(waiter) }
    for event in denials.flush() { watcher.denied(event) }
    watcher.ended(caller)
  }
}
