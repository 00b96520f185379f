// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The launcher bridge: the one place where launches meet the guard's socket and the agents' pipes. It owns a thread
// that waits in epoll, so this file and `Spawn.swift` may use what the rest of the house may not. The rule that makes
// it safe: `shared` is touched under its lock only, everything under "the thread's own" by that thread only.

internal import CGuard
internal import Glibc
internal import NexusCore
internal import Synchronization

/// Where launches meet the guard's socket and the agents' pipes.
final class GuardBridge: @unchecked Sendable {
  private let clock: any NexusClock
  private let random: any RandomSource
  private let limits: GuardedLauncher.Limits
  private let abilities: GuardedLauncher.Abilities
  private let poller = Descriptor(naos_poller_create())
  private let wakeup = Descriptor(naos_poller_wakeup_create())
  private let shared = Mutex(GuardBridgeState())

  /// How many reads one stream gets in a row after its process has ended, before others have their turn.
  private static let finalReads = 64
  private static let messagesInARow = 64

  // The thread's own.
  private var sockets: [UInt64: GuardConnection] = [:]
  private var endingGuards: [UInt64: GuardConnection] = [:]
  private var live: [UInt64: Spawn] = [:]
  private var draining: Set<UInt64> = []
  private var lostGuards: [LostGuard] = []
  private var care = GuardCare()

  init(
    clock: any NexusClock, random: any RandomSource, limits: GuardedLauncher.Limits,
    abilities: GuardedLauncher.Abilities
  ) {
    self.clock = clock
    self.random = random
    self.limits = limits
    self.abilities = abilities
  }
}

// MARK: - Called from anywhere

extension GuardBridge {
  var guardPID: Int32? { shared.withLock { $0.connection?.pid } }

  func startGuard() -> LaunchError? { shared.withLock { ensureGuard(&$0) } }

  /// Hands a launch to the guard.
  ///
  /// `launched` is resumed by the thread unless an error is returned.
  func launch(
    _ request: LaunchRequest, output: any OutputReceiver, _ lifetime: BridgeLifetime,
    _ launched: CheckedContinuation<Result<GuardedProcess, LaunchError>, Never>
  ) -> LaunchError? {
    let place: Result<(connection: GuardConnection, id: UInt64), LaunchError> = shared.withLock { shared in
      if let error = ensureGuard(&shared) { return .failure(error) }
      guard let connection = shared.connection else { return .failure(.shutDown) }
      defer { shared.nextID += 1 }
      return .success((connection, shared.nextID))
    }
    do throws(LaunchError) {
      let (connection, id) = try place.get()
      // Outside the lock: a large input is copied here.
      let mark = EnvironmentVariable(NAOS_SPAWN_VARIABLE, "\(connection.tag)-\(id)")
      let block = try SpawnBlock(request, markedBy: mark)
      let files = try LaunchFiles(block: block, of: request)
      return shared.withLock { shared in
        guard !shared.isClosing else { return .shutDown }
        guard shared.connection?.generation == connection.generation else {
          return .guardLost(before: request.arguments.first ?? "")
        }
        shared.spawns[id] = Spawn(
          id: id, generation: connection.generation, lifetime: lifetime, output: output, request: request,
          files: files, launched: launched)
        let spawn = GuardRequest.spawn(id: id, block: block, files: files, ceilings: naos_ceilings(request.ceilings))
        if post(spawn, &shared) { return nil }
        shared.spawns[id] = nil
        return .filesOnTheirWay
      }
    } catch {
      return error
    }
  }

  func signal(_ id: UInt64, _ signal: Int32) {
    shared.withLock { shared in
      guard let spawn = shared.spawns[id], spawn.generation == shared.connection?.generation else { return }
      _ = post(.signal(id: id, signal: signal), &shared)
    }
  }

  /// Ends everything; `closed` is resumed once nothing is left.
  func close(_ closed: CheckedContinuation<Void, Never>?) {
    let done = shared.withLock { shared in
      shared.isClosing = true
      if !shared.threadRuns { shared.isClosed = true }
      if shared.isClosed { return true }
      if let closed { shared.closed.append(closed) }
      // The guard reads the end of its socket, kills all that is below it, and only then lets go of its own side.
      if let connection = shared.connection { shutdown(connection.socket.number, Int32(SHUT_WR)) }
      return false
    }
    naos_poller_wake(wakeup.number)
    if done { closed?.resume() }
  }

  private func ensureGuard(_ shared: inout GuardBridgeState) -> LaunchError? {
    if shared.isClosing { return .shutDown }
    if shared.connection != nil { return nil }
    guard poller.number >= 0, wakeup.number >= 0 else { return .launcher(EMFILE, "no epoll instance can be made") }
    if !shared.threadRuns {
      naos_poller_add(poller.number, wakeup.number, Token.wakeup.rawValue)
      let context = unsafe Unmanaged.passRetained(self)
      let error = unsafe naos_thread_start(
        "naos-launcher",
        { context in
          guard let context = unsafe context else { return }
          unsafe Unmanaged<GuardBridge>.fromOpaque(context).takeRetainedValue().run()
        },
        context.toOpaque())
      guard error == 0 else {
        unsafe context.release()
        return .launcher(error, "the launcher's thread cannot be started")
      }
      shared.threadRuns = true
    }
    let generation = shared.generation + 1
    switch GuardConnection.start(generation: generation, random: random, abilities: abilities) {
    case .failure(let error): return error
    case .success(let connection):
      shared.generation = generation
      shared.connection = connection
      naos_poller_add(poller.number, connection.socket.number, Token(.socket, generation).rawValue)
      naos_poller_add(poller.number, connection.pidfd.number, Token(.guardEnd, generation).rawValue)
      return nil
    }
  }

  private func post(_ request: GuardRequest, _ shared: inout GuardBridgeState) -> Bool {
    guard let connection = shared.connection else { return true }
    defer { if !shared.outbox.isEmpty { watchWrites(of: connection, true) } }
    return shared.post(request, to: connection)
  }

  private func watchWrites(of connection: GuardConnection, _ writes: Bool) {
    let token = Token(.socket, connection.generation)
    naos_poller_watch_writes(poller.number, connection.socket.number, token.rawValue, writes)
  }
}

// MARK: - The thread

extension GuardBridge {
  fileprivate func run() {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limits.readChunkBytes, alignment: 16)
    defer { unsafe buffer.deallocate() }
    var tokens = [UInt64](repeating: 0, count: 64)
    while !isOver() {
      let count = unsafe naos_poller_wait(poller.number, &tokens, Int32(tokens.count), timeout())
      for token in tokens.prefix(Int(count)) { unsafe react(to: Token(rawValue: token), buffer) }
      expireDrains()
      sweepLeftovers()
      if care.isDue(at: clock.now()) { keepGuardsGoing() }
    }
  }

  /// An agent of the node's own user can stop its guard, and with it every launch, signal and report; this undoes it.
  private func keepGuardsGoing() {
    shared.withLock { $0.connection }?.setGoing()
    for connection in endingGuards.values { connection.setGoing() }
  }

  private func isOver() -> Bool {
    guard live.isEmpty, lostGuards.isEmpty, endingGuards.isEmpty else { return false }
    let closed: [CheckedContinuation<Void, Never>]? = shared.withLock { shared in
      guard shared.isClosing, shared.connection == nil, shared.spawns.isEmpty else { return nil }
      shared.isClosed = true
      defer { shared.closed = [] }
      return shared.closed
    }
    for waiter in closed ?? [] { waiter.resume() }
    return closed != nil
  }

  private func timeout() -> Int32 {
    let deadlines = draining.compactMap { live[$0]?.drainDeadline } + lostGuards.map(\.nextSweep)
    let first = deadlines.reduce(care.due, min)
    return Int32(clamping: max(0, (first - clock.now()).wholeMilliseconds) + 1)
  }

  private func react(to token: Token, _ buffer: UnsafeMutableRawBufferPointer) {
    switch token.kind {
    case .wakeup: naos_poller_drain_wakeup(wakeup.number)
    case .socket: unsafe converse(token.number, buffer)
    case .guardEnd: reapGuard(token.number)
    case .output: unsafe readOnce(token.number, .standardOutput, buffer)
    case .error: unsafe readOnce(token.number, .standardError, buffer)
    case .agentEnd: noteDeath(token.number)
    case .report: live[token.number]?.readReport(in: poller)
    case nil: break
    }
  }

  private func converse(_ generation: UInt64, _ buffer: UnsafeMutableRawBufferPointer) {
    if let known = shared.withLock({ $0.connection }), known.generation == generation { sockets[generation] = known }
    guard let connection = sockets[generation] else { return }
    for _ in 0..<Self.messagesInARow {
      let news = GuardNews(from: connection)
      if news.outcome == -EAGAIN { break }
      guard news.outcome == 1 else {
        lose(connection)
        return
      }
      unsafe heed(news, buffer)
    }
    flushOutbox(connection)
  }

  private func flushOutbox(_ connection: GuardConnection) {
    let refused = shared.withLock { shared -> [Spawn] in
      guard shared.connection?.generation == connection.generation, !shared.outbox.isEmpty else { return [] }
      let refused = shared.flush(to: connection)
      if shared.outbox.isEmpty { watchWrites(of: connection, false) }
      return refused
    }
    for spawn in refused { refuse(spawn, .filesOnTheirWay) }
  }

  private func heed(_ news: GuardNews, _ buffer: UnsafeMutableRawBufferPointer) {
    let reply = news.reply
    guard let spawn = shared.withLock({ $0.spawns[reply.id] }) else { return }
    switch reply.kind {
    case UInt32(NAOS_REPLY_SPAWNED):
      let process = GuardedProcess(news, of: spawn, bridge: self)
      spawn.process = process
      spawn.pidfd = news.pidfd
      live[spawn.id] = spawn
      for (stream, pipe) in spawn.pipes {
        naos_poller_add(
          poller.number, pipe.number, Token(stream == .standardOutput ? .output : .error, spawn.id).rawValue)
      }
      spawn.watchReport(in: poller)
      spawn.launched?.resume(returning: .success(process))
      spawn.launched = nil
    case UInt32(NAOS_REPLY_EXITED):
      spawn.leftBehind = Int(reply.left_behind)
      unsafe beginDrain(spawn, ProcessExit(reply: reply), buffer)
    default:
      refuse(spawn, LaunchError(reply: reply, of: spawn))
    }
  }

  private func refuse(_ spawn: Spawn, _ error: LaunchError) {
    _ = shared.withLock { $0.spawns.removeValue(forKey: spawn.id) }
    spawn.pipes = [:]
    spawn.launched?.resume(returning: .failure(error))
    spawn.launched = nil
  }
}

// MARK: - Output and ends

extension GuardBridge {
  private enum Reading { case some, nothingNow, closed }

  private func read(_ spawn: Spawn, _ stream: OutputStream, _ buffer: UnsafeMutableRawBufferPointer) -> Reading {
    guard let pipe = spawn.pipes[stream] else { return .closed }
    let count = unsafe Glibc.read(pipe.number, buffer.baseAddress, buffer.count)
    if count > 0 {
      unsafe spawn.output.received([UInt8](UnsafeRawBufferPointer(rebasing: buffer[..<count])), from: stream)
      return .some
    }
    if count < 0, errno == EAGAIN || errno == EINTR { return .nothingNow }
    naos_poller_remove(poller.number, pipe.number)
    spawn.pipes[stream] = nil
    return .closed
  }

  private func readOnce(_ id: UInt64, _ stream: OutputStream, _ buffer: UnsafeMutableRawBufferPointer) {
    guard let spawn = live[id] else { return }
    let reading = unsafe read(spawn, stream, buffer)
    if reading == .closed, spawn.exit != nil, spawn.pipes.isEmpty { finish(spawn) }
  }

  private func beginDrain(_ spawn: Spawn, _ exit: ProcessExit, _ buffer: UnsafeMutableRawBufferPointer) {
    guard spawn.exit == nil else { return }
    spawn.exit = exit
    for stream in OutputStream.allCases {
      var reads = 0
      while reads < Self.finalReads, unsafe read(spawn, stream, buffer) == .some { reads += 1 }
    }
    if spawn.pipes.isEmpty {
      finish(spawn)
    } else {
      // Somebody outside the agent's processes holds the other end; it does not get to hold up the agent's end.
      spawn.drainDeadline = clock.now() + limits.drainAfterExit
      draining.insert(spawn.id)
    }
  }

  private func expireDrains() {
    guard !draining.isEmpty else { return }
    let now = clock.now()
    for spawn in draining.compactMap({ live[$0] }) {
      if let deadline = spawn.drainDeadline, deadline <= now { finish(spawn) }
    }
  }

  private func finish(_ spawn: Spawn) {
    for pipe in spawn.pipes.values { naos_poller_remove(poller.number, pipe.number) }
    spawn.pipes = [:]
    spawn.readReport(in: poller, end: true)
    spawn.pidfd = nil
    live[spawn.id] = nil
    draining.remove(spawn.id)
    _ = shared.withLock { $0.spawns.removeValue(forKey: spawn.id) }
    guard let process = spawn.process, let exit = spawn.exit else { preconditionFailure("an end without a start") }
    if spawn.leftBehind > 0 { spawn.output.said(spawn.leftBehindNotice) }
    process.finish(exit)
  }
}

// MARK: - The guard's death

extension GuardBridge {
  /// The guard is gone: its agents die with it (PDEATHSIG) and once more through their pidfds, and what moved out of
  /// their sessions is found by its mark.
  private func lose(_ connection: GuardConnection) {
    naos_poller_remove(poller.number, connection.socket.number)
    sockets[connection.generation] = nil
    endingGuards[connection.generation] = connection
    let orphans = shared.withLock { shared in
      if shared.connection?.generation == connection.generation {
        shared.connection = nil
        shared.outbox = []
      }
      return shared.spawns.values.filter { $0.generation == connection.generation }
    }
    reapGuard(connection.generation)
    var lost = LostGuard(connection: connection, at: clock.now(), patience: limits.leftoverPatience)
    for spawn in orphans {
      guard let process = spawn.process else {
        refuse(spawn, .guardLost(before: spawn.command))
        continue
      }
      guard spawn.exit == nil else { continue }
      lost.sessions.append(process.pid)
      guard let pidfd = spawn.pidfd else {
        // It got lost at our limit of open files; the sweeps of its session confirm its death instead.
        lost.dead.append(spawn.id)
        continue
      }
      naos_pidfd_signal(pidfd.number, SIGKILL)
      lost.alive.insert(spawn.id)
      naos_poller_add(poller.number, pidfd.number, Token(.agentEnd, spawn.id).rawValue)
    }
    lostGuards.append(lost)
  }

  private func noteDeath(_ id: UInt64) {
    guard let spawn = live[id], let pidfd = spawn.pidfd else { return }
    naos_poller_remove(poller.number, pidfd.number)
    for index in lostGuards.indices where lostGuards[index].alive.remove(id) != nil {
      lostGuards[index].dead.append(id)
    }
  }

  private func sweepLeftovers() {
    guard !lostGuards.isEmpty else { return }
    let now = clock.now()
    var over: [LostGuard] = []
    for index in lostGuards.indices where lostGuards[index].nextSweep <= now {
      if lostGuards[index].sweep(at: now) { over.append(lostGuards[index]) }
    }
    for lost in over {
      lostGuards.removeAll { $0.connection.generation == lost.connection.generation }
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limits.readChunkBytes, alignment: 16)
      // The kernel told its exit status to nobody; that it was killed is what is known.
      for spawn in lost.dead.compactMap({ live[$0] }) {
        spawn.leftBehind = lost.met
        var exit = ProcessExit(status: .signalled(signal: SIGKILL))
        exit.isByLostGuard = true
        unsafe beginDrain(spawn, exit, buffer)
      }
      unsafe buffer.deallocate()
    }
  }

  private func reapGuard(_ generation: UInt64) {
    guard let connection = endingGuards[generation], naos_reap(connection.pidfd.number) else { return }
    naos_poller_remove(poller.number, connection.pidfd.number)
    endingGuards[generation] = nil
  }
}
