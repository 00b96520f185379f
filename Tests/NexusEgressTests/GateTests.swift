// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusEgress
import Testing

/// The gate with real sockets, on the loopback.
@Suite(.timeLimit(.minutes(2)))
struct GateTests {
  @Test func `a request and its answer go through, and each side hears the end of the other`() async throws {
    try await GateFixture.with { gate in
      let agent = try gate.agent()
      agent.send(gate.request)
      let host = try gate.upstream.accepted()
      #expect(host.receive(gate.request))
      agent.endOutput()
      #expect(host.receive() == [])
      // The agent has said all that it had to say, and still gets its answer.
      host.send("HTTP/1.1 200 OK\r\n\r\nhello")
      host.endOutput()
      #expect(agent.receiveAll() == "HTTP/1.1 200 OK\r\n\r\nhello")
      let report = try await gate.told.nextFlow()
      #expect(report.end == "closed" && report.requests == 1 && report.address == IPAddress("127.0.0.1"))
      #expect(report.sent == Int64(gate.request.utf8.count) && report.received == 24)
    }
  }

  @Test func `the address of a connection is looked up once, and pinned`() async throws {
    // The second answer leads into a private network, the third also there and elsewhere.
    let resolver = ScriptedResolver([["127.0.0.1"], ["10.0.0.1"], ["10.0.0.1", "127.0.0.1"]])
    try await GateFixture.with(resolver: resolver) { gate in
      let first = try gate.agent()
      first.send(gate.request)
      let host = try gate.upstream.accepted()
      #expect(host.receive(gate.request))
      first.send(gate.request)
      #expect(host.receive(gate.request))
      #expect(resolver.asked == 1)
      let second = try gate.agent()
      second.send(gate.request)
      #expect(second.receiveAll().hasPrefix("HTTP/1.1 403 "))
      let denial = try await gate.told.nextDenial()
      #expect(denial.rule == .address && denial.target == "example.test (10.0.0.1)")
      let third = try gate.agent()
      third.send(gate.request)
      #expect(try gate.upstream.accepted().receive(gate.request))
      #expect(resolver.asked == 3)
    }
  }

  @Test(arguments: ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0"])
  func `a name that leads to no public address is refused`(_ address: String) async throws {
    try await GateFixture.with(ranges: [], resolver: ScriptedResolver([[address]])) { gate in
      let agent = try gate.agent()
      agent.send(gate.request)
      #expect(agent.receiveAll().hasPrefix("HTTP/1.1 403 "))
      #expect(try await gate.told.nextDenial().rule == .address)
    }
  }

  @Test func `another host than the granted one is told so, and the second request is not answered for the first`()
    async throws
  {
    try await GateFixture.with { gate in
      let agent = try gate.agent()
      agent.send("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n")
      #expect(agent.receiveAll().hasPrefix("HTTP/1.1 403 "))
      #expect(try await gate.told.nextDenial().target == "other.test")
      #expect(try await gate.told.nextFlow().end == "denied")
      let late = try gate.agent()
      late.send(gate.request)
      let host = try gate.upstream.accepted()
      #expect(host.receive(gate.request))
      late.send("GET / HTTP/1.1\r\nHost: second.test\r\n\r\n")
      #expect(try await gate.told.nextDenial().target == "second.test")
      // It is told so once the first one is answered, and not before.
      let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
      host.send(String(answer.dropLast()))
      #expect(late.receive(String(answer.dropLast())))
      host.send("k")
      let rest = late.receiveAll()
      #expect(rest.hasPrefix("kHTTP/1.1 403 Forbidden\r\n"), "\(rest)")
    }
  }

  @Test(arguments: ["Content-Length: 2\r\n\r\nhi", "Connection: close\r\nContent-Length: 2\r\n\r\nhi"])
  func `behind a request with a body nothing goes to the host, and the agent is told so`(_ rest: String) async throws {
    try await GateFixture.with { gate in
      let agent = try gate.agent()
      agent.send(gate.request)
      let host = try gate.upstream.accepted()
      #expect(host.receive(gate.request))
      host.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
      #expect(agent.receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
      // The first one kept the connection.
      let hidden = gate.request
      let head = "POST / HTTP/1.1\r\nHost: example.test\r\nContent-Length: \(hidden.utf8.count)\r\n"
      agent.send(head + "\r\n" + hidden + gate.request)
      #expect(host.receive(head + "Connection: close\r\n\r\n" + hidden))
      host.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\(rest)")
      #expect(
        agent.receiveAll() == "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\(rest)")
      // The host has not closed it by itself.
      #expect(host.receiveAll() == "")
      #expect(try await gate.told.nextFlow().requests == 2)
    }
  }

  @Test func `TLS goes through unread after a greeting of the granted host`() async throws {
    try await GateFixture.with(.tls) { gate in
      let agent = try gate.agent()
      let hello = Hello().records()
      agent.send(Array(hello.prefix(20)))
      agent.send(Array(hello.dropFirst(20)))
      let host = try gate.upstream.accepted()
      var heard: [UInt8] = []
      while heard.count < hello.count, let some = host.receive(), !some.isEmpty { heard += some }
      #expect(heard == hello)
      host.send([22, 3, 3, 0, 1, 2])
      #expect(agent.receive() == [22, 3, 3, 0, 1, 2])
    }
  }

  @Test func `TLS for another host, for none and for a hidden one is refused with an alert`() async throws {
    try await GateFixture.with(.web) { gate in
      for (hello, target) in [
        (Hello(names: ["other.test"]), "other.test"), (Hello(names: []), "(no name)"),
        (Hello(extensions: [(0xFE0D, [0])]), "an encrypted name"),
      ] {
        let agent = try gate.agent()
        agent.send(hello.records())
        #expect(agent.receive() == [21, 3, 3, 0, 2, 2, 112])
        let denial = try await gate.told.nextDenial()
        #expect(denial.rule == .sni && denial.target == target)
      }
    }
  }

  @Test func `what is neither TLS nor HTTP is refused unless the grant is for anything`() async throws {
    try await GateFixture.with(.web) { gate in
      let agent = try gate.agent()
      agent.send("SSH-2.0-OpenSSH_9.2\r\n\r\n")
      #expect(agent.receiveAll().hasPrefix("HTTP/1.1 403 "))
      #expect(try await gate.told.nextDenial().rule == .language)
    }
    try await GateFixture.with(.tcp) { gate in
      let agent = try gate.agent()
      let host = try gate.upstream.accepted()
      // The host may be the one who speaks first.
      host.send("220 hello\r\n")
      #expect(agent.receive("220 hello\r\n"))
      agent.send("QUIT\r\n")
      #expect(host.receive("QUIT\r\n"))
    }
  }

  @Test func `over its bytes and its requests an agent gets no further`() async throws {
    try await GateFixture.with(.tcp, caps: EgressCaps(bytes: 1000)) { gate in
      let agent = try gate.agent()
      let host = try gate.upstream.accepted()
      agent.send([UInt8](repeating: 1, count: 900))
      #expect(host.receive(String(repeating: "\u{1}", count: 900)))
      host.send([UInt8](repeating: 2, count: 101))
      #expect(agent.receiveAll() == "")
      #expect(try await gate.told.nextDenial().rule == .bytes)
    }
    try await GateFixture.with(caps: EgressCaps(requests: 2)) { gate in
      let agent = try gate.agent()
      agent.send(gate.request + gate.request)
      let host = try gate.upstream.accepted()
      #expect(host.receive(gate.request + gate.request))
      let other = try gate.agent()
      other.send(gate.request)
      #expect(other.receiveAll().hasPrefix("HTTP/1.1 403 "))
      #expect(try await gate.told.nextDenial().rule == .requests)
    }
  }

  @Test func `what is in a request over the limit is no request`() async throws {
    try await GateFixture.with(caps: EgressCaps(requests: 1)) { gate in
      let agent = try gate.agent()
      agent.send(gate.request)
      let host = try gate.upstream.accepted()
      #expect(host.receive(gate.request))
      let hidden = gate.request
      agent.send(
        "POST / HTTP/1.1\r\nHost: example.test\r\nContent-Length: \(hidden.utf8.count)\r\n\r\n\(hidden)")
      #expect(try await gate.told.nextDenial().rule == .requests)
      #expect(host.receiveAll() == "")
      #expect(agent.receiveAll() == "")
    }
  }

  @Test func `a secret is added on a private network, and which one is told`() async throws {
    try await GateFixture.with(secret: "canary") { gate in
      let agent = try gate.agent()
      agent.send(gate.request)
      let host = try gate.upstream.accepted()
      #expect(host.receive(gate.request.dropLast(1) + "Connection: close\r\nX-Key: is canary\r\n\r\n"))
      // A second one is not read, and both sides are let go of once the first one is answered.
      agent.send(gate.request)
      host.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
      #expect(agent.receiveAll().hasSuffix("\r\n\r\nhi") && host.receiveAll() == "")
      let report = try await gate.told.nextFlow()
      #expect(report.secrets == ["key"] && report.requests == 1 && !"\(report)".contains("canary"))
    }
  }

  @Test func `without TLS a secret is sent to no public address`() async throws {
    try await GateFixture.with(ranges: [], resolver: ScriptedResolver([["8.8.8.8"]]), secret: "canary") { gate in
      let agent = try gate.agent()
      agent.send(gate.request)
      #expect(agent.receiveAll().hasPrefix("HTTP/1.1 403 "))
      #expect(try await gate.told.nextDenial().rule == .address)
      #expect(try await gate.told.nextFlow().secrets == [])
    }
  }

  @Test func `a secret is not told as used where nothing was sent`() async throws {
    try await GateFixture.with(resolver: ScriptedResolver([[]]), secret: "canary") { gate in
      let agent = try gate.agent()
      agent.send(gate.request)
      #expect(agent.receiveAll().hasPrefix("HTTP/1.1 502 "))
      let report = try await gate.told.nextFlow()
      #expect(report.requests == 1 && report.secrets == [])
    }
  }

  @Test func `whoever takes too long to ask is let go, and there are not endlessly many at a time`() async throws {
    var limits = EgressLimits()
    limits.greeting = .milliseconds(100)
    limits.connections = 3
    try await GateFixture.with(limits: limits) { gate in
      let slow = try (0..<3).map { _ in try gate.agent() }
      for one in slow { one.send("GET / HTTP/1.1\r\nX: ") }
      // The gate has heard of the first three when it has closed the fourth.
      let late = try gate.agent()
      #expect(late.receiveAll() == "")
      #expect(try await gate.told.nextDenial().rule == .connections)
      #expect(try await gate.told.nextDenial().rule == .time)
      for one in slow { #expect(one.receiveAll().hasPrefix("HTTP/1.1 403 ")) }
    }
  }

  @Test func `a host that is not there is said so`() async throws {
    try await GateFixture.with(resolver: ScriptedResolver([[]])) { gate in
      let agent = try gate.agent()
      agent.send(gate.request)
      let answer = agent.receiveAll()
      #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.contains("has no address"), "\(answer)")
      #expect(try await gate.told.nextFlow().end == "unreachable")
    }
  }

  @Test func `what nobody reads is not read on`() async throws {
    try await GateFixture.with(.tcp) { gate in
      let agent = try gate.agent()
      let host = try gate.upstream.accepted()
      _ = fcntl(host.number, F_SETFL, O_NONBLOCK)
      let piece = [UInt8](repeating: 7, count: 65_536)
      var written = 0
      var sawFull = 0
      // A sender whom nobody stops would go on for ever.
      while sawFull < 3, written < 256 << 20 {
        let count = unsafe send(host.number, piece, piece.count, Int32(MSG_NOSIGNAL))
        if count > 0 {
          written += count
        } else {
          var ready = pollfd(fd: host.number, events: Int16(POLLOUT), revents: 0)
          if unsafe poll(&ready, 1, 300) == 0 { sawFull += 1 }
        }
      }
      #expect(written < 64 << 20, "\(written) bytes wait for a reader who does not read")
      host.endOutput()
      var read = 0
      while let some = agent.receive(), !some.isEmpty { read += some.count }
      #expect(read == written)
    }
  }

  @Test func `names are answered from the grants, and a flood of questions is not`() async throws {
    var limits = EgressLimits()
    limits.questionBurst = 50
    limits.questionsPerSecond = 1
    let told = Told()
    let gate = EgressGate(
      watcher: told, clock: SystemClock(), resolver: ScriptedResolver([[]]), limits: limits)
    let desk = try Plug.listening(datagrams: true)
    let door = try Plug.listening()
    let enclosure = Enclosure(
      doors: [
        Enclosure.Door(place: "127.0.0.1:53", destination: .names),
        Enclosure.Door(place: "127.1.0.7:80", destination: .host(HostGrant(host: "example.test", port: 80))),
      ], holder: Caller(agent: AgentName("a"), run: nil, step: .main, attempt: AttemptNumber(1)))
    let doors = await gate.open(enclosure, sockets: [dup(desk.number), dup(door.number)])
    let asker = try Plug.connected(to: desk.port, datagrams: true)
    func ask(_ name: String, type: UInt8 = 1) -> [UInt8]? {
      asker.send(
        [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
          + name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
          + [0, 0, type, 0, 1])
      return asker.receive()
    }
    #expect(ask("example.test")?.suffix(4) == [127, 1, 0, 7])
    // It has no other address and no text.
    for type in [28, 16] as [UInt8] { #expect(ask("example.test", type: type).map { [$0[3], $0[7]] } == [0x80, 0]) }
    #expect(ask("evil.test").map { [$0[3], $0[7]] } == [0x83, 0])
    #expect(try await told.nextDenial().target == "evil.test")
    #expect(ask("sub.example.test")?[3] == 0x83)
    for _ in 0..<100 { asker.send([1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1]) }
    var rules: Set<DenialEvent.Rule> = []
    while !rules.contains(.questions) { rules.insert(try await told.nextDenial().rule) }
    doors.close()
    await gate.shutDown()
  }

  @Test func `with its doors closed a sandbox has no connections left`() async throws {
    try await GateFixture.with(.tcp) { gate in
      let agent = try gate.agent()
      let host = try gate.upstream.accepted()
      gate.doors.close()
      #expect(agent.receiveAll() == "")
      #expect(host.receiveAll() == "")
      #expect(try await gate.told.nextFlow().end == "closed")
    }
  }
}
