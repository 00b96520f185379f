// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NexusCore

/// One connection of an agent to a granted host: greeted, looked up, connected, and then passed on in both directions.
///
/// Lives on the loop of its sandbox. Nothing is read that could not be written on: each side is read when the other has
/// taken what came before.
final class Flow {
  let grant: HostGrant
  private let front: any Channel
  private var back: (any Channel)?
  /// Nil if TLS, if there is any, does not end here; so are the other two.
  private let termination: Termination?
  private var door: TLSDoor?
  private var wire: WireEnd?
  /// Whether TLS of the agent has been agreed upon.
  private var isSecured = false
  /// The host left without a goodbye, and so does whoever speaks for it.
  private var isCut = false
  let sandbox: SandboxDoors
  let startedAt: Instant
  private var state = FlowState.greeting
  private var greeting: Greeting
  /// What the host is to get once it is connected to.
  private var pending: [ByteBuffer] = []
  private var untried: ArraySlice<IPAddress> = []
  private(set) var address: IPAddress?
  private(set) var sent: Int64 = 0
  private(set) var received: Int64 = 0
  private(set) var requests = 0
  /// Whether the host was connected to, and what the agent says goes to it.
  private(set) var hasReached = false
  var long = LongFlow()
  /// Sides that have said their last.
  private var ended: Set<FlowSide.Place> = []
  /// A side that is not read, because the other is full.
  private var waiting: Set<FlowSide.Place> = []
  private var deadline: NIODeadline
  private var answers = AnswerWatch()
  /// What the agent is told once all that it asked before is answered.
  private var lastWords: [UInt8]?
  /// How it ended, if that is known before it has.
  private var verdict: String?

  init(_ grant: HostGrant, _ termination: Termination?, front: any Channel, of sandbox: SandboxDoors) {
    self.grant = grant
    self.termination = termination
    self.front = front
    self.sandbox = sandbox
    greeting = Greeting(grant, secrets: sandbox.secrets(of: grant))
    startedAt = sandbox.clock.now()
    deadline = sandbox.loop.now + TimeAmount(sandbox.limits.greeting)
  }

  private var limits: EgressLimits { sandbox.limits }
  var isWaiting: Bool { state == .connecting }
  private func allow(_ time: Duration) { deadline = sandbox.loop.now + TimeAmount(time) }

  /// Puts what serves it into the agent's side.
  func furnish() throws {
    let pipeline = front.pipeline.syncOperations
    if let termination {
      let door = TLSDoor(grant, of: self)
      try pipeline.addHandlers([door, NIOSSLServerHandler(context: termination.server)])
      self.door = door
    }
    try pipeline.addHandler(FlowSide(.front, of: self))
  }

  func begin() {
    if greeting.isOpen {
      guard count(requests: [""]) else { return }
      lookUp()
    }
    front.read()
  }

  func lookAtTime(_ now: NIODeadline) {
    tellIfLong()
    guard deadline <= now else { return }
    switch state {
    case .greeting: refuse(RequestGuard.Refusal(rule: .time, target: grant.host))
    case .connecting: fail("no answer in time")
    case .relaying: end("idle")
    case .leaving, .over: end("closed")
    }
  }

  // MARK: Reading

  func read(_ buffer: ByteBuffer, at place: FlowSide.Place) {
    if place == .back { return pass(buffer) }
    guard lastWords == nil else { return }
    switch state {
    case .leaving, .over: break
    case .greeting, .connecting, .relaying:
      if greeting.isOpen { return forward(buffer, requests: []) }
      switch greeting.take(Array(buffer.readableBytesView)) {
      case .more: break
      case .pass(let bytes, let requests):
        forward(ByteBuffer(bytes: bytes), requests: requests)
        leaveIfOver()
      case .refuse(let refusal, let bytes, let requests, let isBetween):
        // What was allowed before it goes on its way.
        if !bytes.isEmpty { forward(ByteBuffer(bytes: bytes), requests: requests) }
        back?.flush()
        refuse(refusal, isBetween: isBetween)
      }
    }
  }

  private func forward(_ buffer: ByteBuffer, requests: [String]) {
    guard count(requests: requests) else { return }
    // Where TLS ends here, what came over the wire is counted.
    if termination == nil {
      guard charge(buffer.readableBytes) else { return }
      sent += Int64(buffer.readableBytes)
      if sent >= long.bytes { tellIfLong() }
    }
    switch state {
    case .greeting:
      pending.append(buffer)
      lookUp()
    case .connecting: pending.append(buffer)
    case .relaying:
      allow(limits.idle)
      back?.write(buffer, promise: nil)
    case .leaving, .over: break
    }
  }

  private func pass(_ buffer: ByteBuffer) {
    guard state == .relaying else { return }
    if termination == nil {
      guard charge(buffer.readableBytes) else { return }
      received += Int64(buffer.readableBytes)
    }
    allow(limits.idle)
    let pieces = greeting.isPlain ? answers.pieces(of: buffer, isLast: greeting.isLast) : [buffer]
    for piece in pieces { front.write(piece, promise: nil) }
    if answers.isIdle, let lastWords { leave(with: lastWords) } else { leaveIfOver() }
  }

  /// Behind the answer to the last request, which may come before all of that, both sides are let go of.
  private func leaveIfOver() {
    guard state == .relaying, greeting.isOver, answers.isIdle else { return }
    back?.flush()
    endFlushed("closed")
  }

  private func charge(_ bytes: Int) -> Bool {
    if sandbox.charge(bytes: bytes) { return true }
    refuse(RequestGuard.Refusal(rule: .bytes, target: grant.host))
    return false
  }

  /// Counts what goes over the wire of an agent whose TLS ends here; false once it is too much.
  func carry(sent: Int = 0, received: Int = 0) -> Bool {
    guard state != .over else { return false }
    self.sent += Int64(sent)
    if self.sent >= long.bytes { tellIfLong() }
    self.received += Int64(received)
    if sandbox.charge(bytes: sent + received) { return true }
    // TLS is in the middle of it, and is not to be pulled from under its own feet.
    let refusal = RequestGuard.Refusal(rule: .bytes, target: grant.host)
    sandbox.loop.assumeIsolated().execute { [self] in refuse(refusal) }
    return false
  }

  private func count(requests methods: [String]) -> Bool {
    guard !methods.isEmpty else { return true }
    requests += methods.count
    if sandbox.charge(requests: methods.count) {
      answers.asked(methods)
      return true
    }
    // What comes with it may be the rest of a request before it, which the host then waits for.
    refuse(RequestGuard.Refusal(rule: .requests, target: grant.host), isBetween: answers.isIdle)
    return false
  }

  func readComplete(at place: FlowSide.Place) {
    switch state {
    case .greeting, .leaving: if place == .front { front.read() }
    case .connecting: if place == .front { waiting.insert(.front) }
    case .relaying:
      guard let back else { return }
      let other = place == .front ? back : front
      other.flush()
      if other.isWritable { readOn(place) } else { waiting.insert(place) }
    case .over: break
    }
  }

  /// `place` has taken what it had to take.
  func becameWritable(_ place: FlowSide.Place) {
    let other: FlowSide.Place = place == .front ? .back : .front
    if state == .relaying, waiting.remove(other) != nil { readOn(other) }
  }

  private func readOn(_ place: FlowSide.Place) {
    guard !ended.contains(place), place == .back || lastWords == nil else { return }
    (place == .front ? front : back)?.read()
  }

  // MARK: Ends

  func inputEnded(at place: FlowSide.Place) {
    ended.insert(place)
    switch state {
    // Nobody has asked for anything.
    case .greeting: end("closed")
    case .connecting: break
    case .leaving: if place == .front { end("closed") }
    case .relaying: passEnd(of: place)
    case .over: break
    }
  }

  /// Lets the other side know that no more comes, once it has taken all of it.
  private func passEnd(of place: FlowSide.Place) {
    guard let other = place == .front ? back : front else { return }
    other.writeAndFlush(ByteBuffer()).assumeIsolated().whenComplete { [self] _ in
      guard state == .relaying else { return }
      if ended.count == 2 || isCut { return end("closed") }
      other.close(mode: .output, promise: nil)
    }
  }

  func isGone(_ place: FlowSide.Place) {
    switch state {
    case .over: break
    case .connecting where place == .back && back != nil: fail("it closed the connection before it was secure")
    // The side of the host is let go of, or not there yet.
    case .greeting, .leaving, .connecting: if place == .front { end(leaving) }
    case .relaying:
      let how = ended.isEmpty ? "broken" : "closed"
      guard place == .back else { return end(how) }
      endFlushed(how)
    }
  }

  /// The agent still gets what the host said before.
  private func endFlushed(_ how: String) {
    front.writeAndFlush(ByteBuffer()).assumeIsolated().whenComplete { [self] _ in end(how) }
  }

  /// How an agent leaves that was not sent away: perhaps because it does not trust who speaks for the host.
  private var leaving: String { door?.isGreeted == true && !isSecured ? "handshake" : "closed" }

  func failed(_ error: any Error, at place: FlowSide.Place) {
    if Termination.isCut(error) {
      // The end itself is told behind it.
      if place == .back { isCut = true }
    } else if state == .connecting, place == .back, termination != nil {
      fail(Termination.words(for: error))
    } else {
      isGone(place)
    }
  }

  func end(_ how: String) {
    guard state != .over else { return }
    let wasSilent = state == .greeting && door?.isGreeted != true
    state = .over
    pending = []
    if !isCut { front.close(promise: nil) }
    back?.close(promise: nil)
    // TLS would wait for goodbyes.
    door?.close()
    wire?.close()
    // Whoever said nothing has not used the door.
    sandbox.ended(self, wasSilent ? nil : report(verdict ?? how))
  }

  func refuse(_ refusal: RequestGuard.Refusal, isBetween: Bool = false) {
    guard state != .leaving, state != .over else { return }
    sandbox.deny(refusal.rule, refusal.target, port: grant.port)
    verdict = "denied"
    if state == .relaying || state == .connecting, isBetween, greeting.isPlain, answers.isKnown {
      let words = Farewell.refusal(refusal, of: grant, greeting)
      if answers.isIdle { leave(with: words) } else { lastWords = words }
      return
    }
    // Behind what the host was told already, an answer of ours would be taken for the host's.
    if let door, !door.isGreeted { return leave(unencrypted: Farewell.alert(for: refusal), door) }
    let isHeard = state != .relaying && (door == nil || isSecured)
    leave(with: isHeard ? Farewell.refusal(refusal, of: grant, greeting) : [])
  }

  private func leave(unencrypted answer: [UInt8], _ door: TLSDoor) {
    guard !answer.isEmpty else { return end("closed") }
    state = .leaving
    allow(limits.farewell)
    door.sayLast(answer)
  }

  private func fail(_ why: String) {
    verdict = "unreachable"
    leave(with: greeting.isPlain ? Farewell.failure(why, of: grant) : [])
  }

  private func leave(with answer: [UInt8]) {
    state = .leaving
    pending = []
    back?.close(promise: nil)
    wire?.close()
    allow(limits.farewell)
    guard !answer.isEmpty else { return end("closed") }
    front.writeAndFlush(ByteBuffer(bytes: answer)).assumeIsolated().whenComplete { [self] _ in
      guard state == .leaving else { return }
      front.close(mode: .output, promise: nil)
      // What still comes is not wanted, but unread it would take the answer along.
      front.read()
    }
  }

  // MARK: Connecting

  private func lookUp() {
    state = .connecting
    allow(limits.connecting)
    if let literal = grant.literal { return found([literal]) }
    if !grant.addresses.isEmpty { return found(grant.addresses) }
    sandbox.lookUp(grant.host, for: self)
  }

  /// The addresses of the host, of which one is taken, now and for all of the connection.
  func found(_ addresses: [IPAddress]) {
    // A secret goes over no wire that others may read.
    let isOpen = termination == nil && !grant.secrets.isEmpty
    let allowed = addresses.filter { grant.allows($0) && !(isOpen && $0.isPublic) }
    if allowed.isEmpty, let first = addresses.first {
      return refuse(RequestGuard.Refusal(rule: .address, target: "\(grant.host) (\(first))"))
    }
    untried = allowed.prefix(limits.addresses)
    connect(after: addresses.isEmpty ? "\(grant.host) has no address" : "")
  }

  private func connect(after why: String) {
    guard let next = untried.popFirst() else { return fail(why) }
    allow(limits.connecting)
    address = next
    let flow = NIOLoopBound(self, eventLoop: sandbox.loop)
    guard let place = try? SocketAddress(ipAddress: next.description, port: grant.port) else {
      return connect(after: "\(next) is no address")
    }
    ClientBootstrap(group: sandbox.loop)
      .connectTimeout(TimeAmount(limits.connecting))
      .channelOption(.autoRead, value: false)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try flow.value.furnish(back: channel) }
      }
      .connect(to: place).assumeIsolated().whenComplete { [self] result in
        if case .success(let channel) = result, channel.isActive { return connected(channel) }
        wire = nil
        if state == .connecting { connect(after: "\(grant.host) (\(next)) cannot be connected to") }
      }
  }

  private func furnish(back channel: any Channel) throws {
    let pipeline = channel.pipeline.syncOperations
    if let termination {
      let wire = WireEnd()
      try pipeline.addHandlers([wire, termination.handler(to: grant)])
      self.wire = wire
    }
    try pipeline.addHandler(FlowSide(.back, of: self))
  }

  private func connected(_ channel: any Channel) {
    guard state == .connecting else { return channel.close(promise: nil) }
    back = channel
    if termination == nil { relay(to: channel) } else { channel.read() }
  }

  /// TLS of one side is agreed upon; nothing of a request goes to a host before it has shown who it is.
  func secured(_ place: FlowSide.Place) {
    if place == .front { isSecured = true } else if state == .connecting, let back { relay(to: back) }
  }

  private func relay(to channel: any Channel) {
    state = .relaying
    allow(limits.idle)
    hasReached = true
    for buffer in pending { channel.write(buffer, promise: nil) }
    pending = []
    channel.flush()
    channel.read()
    if ended.contains(.front) { passEnd(of: .front) }
    if waiting.remove(.front) != nil { readOn(.front) }
  }
}
