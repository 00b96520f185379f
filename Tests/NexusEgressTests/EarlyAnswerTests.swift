// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusEgress
import Testing

/// Bodies whose request is answered before they have come.
@Suite(.timeLimit(.minutes(2)))
struct EarlyAnswerTests {
  private static let asking = "Expect: 100-continue\r\n"

  /// A head of a request with a body, as the agent writes it and as the host gets it.
  private static func head(_ body: String, _ more: String = "") -> (said: String, heard: String) {
    let head = "POST / HTTP/1.1\r\nHost: example.test\r\n"
    let length = "Content-Length: \(body.utf8.count)\r\n"
    return (head + more + length + "\r\n", head + more + length + "Connection: close\r\n\r\n")
  }

  @Test
  func `a body that the host does not want goes nowhere, and no second answer comes back`() async throws {
    var limits = EgressLimits()
    limits.draining = .milliseconds(100)
    try await GateFixture.with(limits: limits) { gate in
      let agent = try gate.agent()
      let head = Self.head(gate.request, Self.asking)
      agent.send(head.said)
      let host = try gate.upstream.accepted()
      #expect(host.receive(head.heard))
      host.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
      #expect(agent.receive("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"))
      agent.send(gate.request)
      #expect(host.receiveAll() == "")
      host.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      #expect(agent.receiveAll() == "")
      #expect(try await gate.told.nextFlow().requests == 1)
    }
  }

  @Test func `an answer before the end of the body ends the connection with that`() async throws {
    try await GateFixture.with { gate in
      let agent = try gate.agent()
      let head = Self.head("abcd")
      agent.send(head.said + "ab")
      let host = try gate.upstream.accepted()
      #expect(host.receive(head.heard + "ab"))
      host.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      #expect(agent.receive("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
      // The rest is read, so that it does not take the answer along, and thrown away.
      agent.send("cd" + gate.request)
      #expect(agent.receiveAll() == "")
      #expect(host.receiveAll() == "")
    }
  }

  @Test func `the head of an answer that is no success ends the body, and the answer still comes`() async throws {
    try await GateFixture.with { gate in
      let agent = try gate.agent()
      let head = Self.head("abcd")
      agent.send(head.said + "ab")
      let host = try gate.upstream.accepted()
      #expect(host.receive(head.heard + "ab"))
      host.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nno")
      #expect(agent.receive("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 4\r\n\r\nno"))
      agent.send("cd")
      host.send("no")
      #expect(agent.receiveAll() == "no")
      #expect(host.receiveAll() == "")
    }
  }

  @Test func `a body goes on while an answer comes that is a success`() async throws {
    try await GateFixture.with { gate in
      let agent = try gate.agent()
      let head = Self.head("abcd")
      agent.send(head.said + "ab")
      let host = try gate.upstream.accepted()
      #expect(host.receive(head.heard + "ab"))
      host.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nAB")
      #expect(agent.receive("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nAB"))
      agent.send("cd")
      #expect(host.receive("cd"))
      host.send("CD")
      #expect(agent.receiveAll() == "CD")
    }
  }

  @Test(arguments: [true, false])
  func `a body that is asked for first goes on when the host says so, or says nothing`(isAnswered: Bool) async throws {
    var limits = EgressLimits()
    limits.expecting = isAnswered ? .seconds(60) : .milliseconds(200)
    try await GateFixture.with(limits: limits) { gate in
      let agent = try gate.agent()
      let head = Self.head("abcd", Self.asking)
      // Some send it at once.
      agent.send(head.said + "ab")
      let host = try gate.upstream.accepted()
      #expect(host.receive(head.heard))
      agent.send("cd")
      agent.endOutput()
      if isAnswered {
        host.send("HTTP/1.1 103 Early Hints\r\n\r\n")
        #expect(agent.receive("HTTP/1.1 103 Early Hints\r\n\r\n"))
        host.send("HTTP/1.1 100 Continue\r\n\r\n")
        #expect(agent.receive("HTTP/1.1 100 Continue\r\n\r\n"))
      }
      #expect(host.receive("abcd"))
      #expect(host.receiveAll() == "")
      host.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
      #expect(agent.receiveAll() == "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")
    }
  }

  @Test func `behind the last answer nothing comes back, in whatever pieces`() async throws {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    for second in ["", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"] {
      try await GateFixture.with { gate in
        let agent = try gate.agent()
        let head = Self.head("ab")
        agent.send(head.said + "ab")
        let host = try gate.upstream.accepted()
        #expect(host.receive(head.heard + "ab"))
        host.send(answer + second)
        #expect(agent.receiveAll() == "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi")
        #expect(host.receiveAll() == "")
      }
    }
  }
}
