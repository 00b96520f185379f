// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Dispatch
import Glibc
import NexusCore
import NexusEgress
import Synchronization
import Testing

/// A socket of a test, which waits for ten seconds at most.
final class Plug: Sendable {
  let number: Int32

  private init(_ number: Int32) {
    self.number = number
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    unsafe setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { Glibc.close(number) }

  /// One that listens at a free port of the loopback, or that takes datagrams there.
  static func listening(datagrams: Bool = false, queue: Int32 = 64) throws -> Plug {
    let plug = Plug(socket(AF_INET, Int32((datagrams ? SOCK_DGRAM : SOCK_STREAM).rawValue), 0))
    try #require(unsafe Self.with(0) { unsafe bind(plug.number, $0, $1) } == 0)
    if !datagrams { try #require(listen(plug.number, queue) == 0) }
    return plug
  }

  static func connected(to port: Int, datagrams: Bool = false) throws -> Plug {
    let plug = Plug(socket(AF_INET, Int32((datagrams ? SOCK_DGRAM : SOCK_STREAM).rawValue), 0))
    try #require(unsafe Self.with(port) { unsafe connect(plug.number, $0, $1) } == 0)
    return plug
  }

  /// One that calls at a port, whoever answers.
  static func calling(_ port: Int) -> Plug {
    let plug = Plug(socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0))
    _ = unsafe Self.with(port) { unsafe connect(plug.number, $0, $1) }
    return plug
  }

  /// Whether it has been answered after so many milliseconds.
  func isAnswered(within time: Int32) -> Bool {
    var ready = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
    return unsafe poll(&ready, 1, time) > 0
  }

  private static func with(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = in_port_t(port).bigEndian
    place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return unsafe withUnsafePointer(to: &place) { place in
      unsafe place.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  var port: Int {
    var place = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = unsafe withUnsafeMutablePointer(to: &place) { place in
      unsafe place.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(number, $0, &size) }
    }
    return Int(in_port_t(bigEndian: place.sin_port))
  }

  func accepted() throws -> Plug {
    let one = accept(number, nil, nil)
    try #require(one >= 0, "nobody came")
    return Plug(one)
  }

  func send(_ text: String) { send(Array(text.utf8)) }
  func send(_ bytes: [UInt8]) { _ = unsafe Glibc.send(number, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
  /// Breaks the connection off: what was on its way is lost, and the other side hears so.
  func reset() {
    var end = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(number, SOL_SOCKET, SO_LINGER, &end, socklen_t(MemoryLayout<linger>.size))
    var nowhere = sockaddr()
    nowhere.sa_family = sa_family_t(AF_UNSPEC)
    _ = unsafe connect(number, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
  }
  func endOutput() { shutdown(number, Int32(SHUT_WR)) }

  /// What comes next; empty at the end, nil where the connection was broken or nothing came in time.
  func receive() -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(number, &bytes, bytes.count, 0)
    return count < 0 ? nil : Array(bytes.prefix(count))
  }

  /// All that comes until the end.
  func receiveAll() -> String {
    var all: [UInt8] = []
    while let some = receive(), !some.isEmpty { all += some }
    return String(decoding: all, as: UTF8.self)
  }

  func receive(_ text: String) -> Bool {
    var all: [UInt8] = []
    while all.count < text.utf8.count, let some = receive(), !some.isEmpty { all += some }
    return String(decoding: all, as: UTF8.self) == text
  }
}

/// Answers as it is told, one answer after the other, and counts who asks.
final class ScriptedResolver: NameResolver {
  private let state: Mutex<(answers: [[String]], asked: Int)>

  init(_ answers: [[String]]) { state = Mutex((answers, 0)) }

  var asked: Int { state.withLock { $0.asked } }

  func addresses(of host: String) -> [IPAddress] {
    state.withLock { state in
      defer { state.asked += 1 }
      return state.answers[min(state.asked, state.answers.count - 1)].compactMap { IPAddress($0) }
    }
  }
}

/// Answers for names at once, but for those that begin with `slow`: they wait until they are let go.
final class StuckResolver: NameResolver {
  private let gate = DispatchSemaphore(value: 0)
  private let asked = Mutex<[String]>([])

  var names: [String] { asked.withLock { $0 } }

  func addresses(of host: String) -> [IPAddress] {
    asked.withLock { $0.append(host) }
    if host.hasPrefix("slow") {
      gate.wait()
      gate.signal()
    }
    return IPAddress("127.0.0.1").map { [$0] } ?? []
  }

  func letGo() { gate.signal() }
}

/// What a gate tells, in the order in which it tells it.
final class Told: EgressWatcher {
  enum News: Sendable {
    case flow(EgressFlow)
    case denied(DenialEvent)
  }

  private let news: AsyncStream<News>
  private let sink: AsyncStream<News>.Continuation

  init() { (news, sink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(10_000)) }

  func flow(_ report: EgressFlow, of caller: Caller) { sink.yield(.flow(report)) }
  func denied(_ denial: DenialEvent) { sink.yield(.denied(denial)) }

  func nextFlow() async throws -> EgressFlow {
    for await one in news { if case .flow(let report) = one { return report } }
    throw CancellationError()
  }

  func nextDenial() async throws -> DenialEvent {
    for await one in news { if case .denied(let denial) = one { return denial } }
    throw CancellationError()
  }
}

/// A gate with the door of one host, and a host behind it.
struct GateFixture {
  let gate: EgressGate
  let doors: any OpenDoors
  let told: Told
  let upstream: Plug
  /// Where the sandbox connects to.
  let port: Int

  static func with(
    _ language: HostGrant.Language = .http, ranges: [String] = ["127.0.0.0/8"], resolver: ScriptedResolver? = nil,
    caps: EgressCaps = EgressCaps(), limits: EgressLimits = EgressLimits(), secret: String? = nil,
    upstream: Plug? = nil, _ body: (GateFixture) async throws -> Void
  ) async throws {
    let upstream = try upstream ?? Plug.listening()
    let door = try Plug.listening()
    var grant = HostGrant(
      host: "example.test", port: upstream.port, language: language, ranges: ranges.compactMap { AddressRange($0) })
    if secret != nil { grant.secrets = [SecretInjection(name: "key", header: "X-Key", prefix: "is ")] }
    let told = Told()
    let gate = EgressGate(
      watcher: told, clock: SystemClock(), resolver: resolver ?? ScriptedResolver([["127.0.0.1"]]), limits: limits)
    var enclosure = Enclosure(
      doors: [Enclosure.Door(place: "127.1.0.1:\(grant.port)", destination: .host(grant))],
      holder: Caller(agent: AgentName("a"), run: nil, step: .main, attempt: AttemptNumber(1)), egress: caps)
    if let secret { enclosure.secrets = ["key": SecretText(secret)] }
    let doors = await gate.open(enclosure, sockets: [dup(door.number)])
    let fixture = GateFixture(gate: gate, doors: doors, told: told, upstream: upstream, port: door.port)
    let outcome = await Result { try await body(fixture) }
    doors.close()
    await gate.shutDown()
    try outcome.get()
  }

  func agent() throws -> Plug { try Plug.connected(to: port) }

  var request: String { "GET / HTTP/1.1\r\nHost: example.test:\(upstream.port)\r\n\r\n" }
}

extension Result where Failure == any Error {
  init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
