// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOSSL
internal import NexusCore

/// One connection of an agent to a granted host: greeted, looked up, connected, and then passed on in both directions.
///
/// Lives on the loop of its sandbox. Nothing is read that could not be written on: each side is read when the other has
/// taken what came before.
final class Flow {
  let grant: HostGrant
  let front: any Channel
  /// The connection to the host, once it is made.
  var back: (any Channel)?
  /// One that is being made; it takes up a file like one that is.
  var opening: (any Channel)?
  /// Nil if TLS, if there is any, does not end here; so are the other two.
  let termination: Termination?
  private var door: TLSDoor?
  var wire: WireEnd?
  /// Whether TLS of the agent has been agreed upon.
  var isSecured = false
  /// The host left without a goodbye, and so does whoever speaks for it.
  private var isCut = false
  let sandbox: SandboxDoors
  let place: ConnectionPlaces.Place
  let startedAt: Instant
  var state = FlowState.greeting
  var greeting: Greeting
  /// What the host is to get once it is connected to.
  var pending: [ByteBuffer] = []
  var untried: ArraySlice<IPAddress> = []
  var address: IPAddress?
  private(set) var sent: Int64 = 0
  private(set) var received: Int64 = 0
  private(set) var requests = 0
  /// Whether the host was connected to, and what the agent says goes to it.
  var hasReached = false
  var long = LongFlow()
  /// Sides that have said their last.
  var ended: Set<FlowSide.Place> = []
  /// A side that is not read, because the other is full.
  var waiting: Set<FlowSide.Place> = []
  private var deadline: NIODeadline
  var answers = AnswerWatch()
  /// What becomes of the body of the last request, and how long it is held back.
  var way = BodyWay.open
  var patience: Scheduled<Void>?
  /// What the agent is told once all that it asked before is answered.
  var lastWords: [UInt8]?
  /// How it ended, if that is known before it has.
  var verdict: String?

  init(
    _ grant: HostGrant, _ termination: Termination?, front: any Channel, at place: ConnectionPlaces.Place,
    of sandbox: SandboxDoors
  ) {
    self.grant = grant
    self.place = place
    self.termination = termination
    self.front = front
    self.sandbox = sandbox
    greeting = Greeting(grant, secrets: sandbox.secrets(of: grant))
    startedAt = sandbox.clock.now()
    deadline = sandbox.loop.now + TimeAmount(sandbox.limits.greeting)
  }

  var limits: EgressLimits { sandbox.limits }
  var isWaiting: Bool { state == .connecting }
  func allow(_ time: Duration) {
    let now = sandbox.loop.now
    deadline = now + TimeAmount(time)
    place.use(at: now)
  }

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
    guard lastWords == nil, !isUnwanted else { return }
    switch state {
    case .leaving, .over: break
    case .greeting, .connecting, .relaying:
      if greeting.isOpen { return forward(buffer, requests: []) }
      switch greeting.take(Array(buffer.readableBytesView)) {
      case .more: break
      case .pass(let bytes, let requests, let asked):
        send(bytes, requests: requests, asked: asked)
        leaveIfOver()
      case .refuse(let refusal, let bytes, let requests, let isBetween):
        // What was allowed before it goes on its way.
        if !bytes.isEmpty { send(bytes, requests: requests, asked: nil) }
        back?.flush()
        refuse(refusal, isBetween: isBetween)
      }
    }
  }

  func forward(_ buffer: ByteBuffer, requests: [String]) {
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
    heed()
    if answers.isIdle, let lastWords { leave(with: lastWords) } else { leaveIfOver() }
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

  func readOn(_ place: FlowSide.Place) {
    guard !ended.contains(place), place == .back || lastWords == nil else { return }
    if isHeldBack(place) {
      waiting.insert(place)
    } else {
      (place == .front ? front : back)?.read()
    }
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
  func passEnd(of place: FlowSide.Place) {
    guard !isHeldBack(place), let other = place == .front ? back : front else { return }
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
  func endFlushed(_ how: String) {
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
    patience?.cancel()
    if !isCut { front.close(promise: nil) }
    // TLS would wait for goodbyes.
    door?.close()
    closeBack()
    // Whoever said nothing has not used the door.
    sandbox.ended(self, wasSilent ? nil : report(verdict ?? how))
  }

  /// Its place is that of another agent, which had less.
  func giveWay() {
    guard state != .over else { return }
    sandbox.deny(.connections, grant.host, port: grant.port)
    end("denied")
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

  func fail(_ why: String) {
    verdict = "unreachable"
    leave(with: greeting.isPlain ? Farewell.failure(why, of: grant) : [])
  }

  private func leave(with answer: [UInt8]) {
    state = .leaving
    pending = []
    closeBack()
    allow(limits.farewell)
    guard !answer.isEmpty else { return end("closed") }
    goodbye(ByteBuffer(bytes: answer), within: limits.farewell)
  }

  /// Says the last to the agent, which then has some time to leave by itself.
  func goodbye(_ words: ByteBuffer, within time: Duration) {
    front.writeAndFlush(words).assumeIsolated().whenComplete { [self] _ in
      guard state == .leaving else { return }
      allow(time)
      front.close(mode: .output, promise: nil)
      // What still comes is not wanted, but unread it would take the answer along.
      front.read()
    }
  }
}
