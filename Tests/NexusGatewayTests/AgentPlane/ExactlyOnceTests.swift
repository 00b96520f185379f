// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

struct ExactlyOnceTests {
  @Test func `an agent killed while its call is under way gets that call's answer after the restart`() async throws {
    let gate = Signal()
    let upstream = ScriptedUpstream { number, _ in
      number == 0 ? .after(gate, GatewayBench.answer("only one")) : GatewayBench.answer("another")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let first = try await bench.open(1)
    let dying = try await AgentClient.connect(bench.gateway.boundPort)
    try await dying.send(GatewayBench.request(key: first.key.secret, body: GatewayBench.chat("q")))
    await upstream.received(1)
    await dying.close()
    _ = bench.gateway.closeAttempt(first.key)

    let second = try await bench.open(2)
    async let joined = bench.call(key: second.key, body: GatewayBench.chat("q"))
    // The join is made before the provider answers, or after it: the outcome is the same.
    gate.set()
    #expect(try await joined.body == GatewayBench.completion("only one"))
    #expect(upstream.requests.count == 1)
    let tally = bench.gateway.closeAttempt(second.key)
    #expect(tally.passed == 1)
    // The call of the dead attempt is paid by the one that got its answer.
    #expect(tally.tokens == TokenCount(15))
    await bench.stop()
  }

  @Test(.timeLimit(.minutes(1)))
  func `the retry of a client that gave up waiting is answered by its first call`() async throws {
    let gate = Signal()
    let upstream = ScriptedUpstream { _, _ in .after(gate, GatewayBench.answer("late")) }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open()
    let impatient = try await AgentClient.connect(bench.gateway.boundPort)
    try await impatient.send(GatewayBench.request(key: access.key.secret, body: GatewayBench.chat("q")))
    await upstream.received(1)
    await impatient.close()
    while bench.gateway.abandonedCalls == 0 { await Task.yield() }
    async let again = bench.call(key: access.key, body: GatewayBench.chat("q"))
    gate.set()
    #expect(try await again.body == GatewayBench.completion("late"))
    #expect(upstream.requests.count == 1)
    await bench.stop()
  }

  @Test func `ten calls with a crash after every one reach the provider ten times`() async throws {
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let bench = try await GatewayBench.start(upstream: upstream)
    var answers: [String] = []
    for attempt in 1...11 {
      let access = try await bench.open(attempt)
      var seen: [String] = []
      for question in 0..<min(attempt, 10) {
        seen.append(try await bench.call(key: access.key, body: GatewayBench.chat("question \(question)")).body)
      }
      #expect(seen.starts(with: answers))
      answers = seen
      let tally = bench.gateway.closeAttempt(access.key)
      #expect(tally.passed == seen.count)
      #expect(tally.made == (attempt == 11 ? 0 : 1))
    }
    #expect(upstream.requests.count == 10)
    await bench.stop()
  }

  @Test func `another node over the same store replays what the first one recorded`() async throws {
    let store = InMemoryStore()
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let first = try await GatewayBench.start(store: store, boot: "boot_a", upstream: upstream)
    let access = try await first.open(1)
    let answer = try await first.call(key: access.key, body: GatewayBench.chat("q"))
    await first.gateway.shutdown()

    let second = try await GatewayBench.start(store: store, boot: "boot_b", upstream: upstream)
    let next = try await second.open(2)
    #expect(try await second.call(key: next.key, body: GatewayBench.chat("q")).body == answer.body)
    #expect(upstream.requests.count == 1)
    await second.stop()
  }

  @Test func `a rewind asks the last answers again and keeps the dropped ones in the journal`() async throws {
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let first = try await bench.open(1)
    for question in ["a", "b", "c"] { _ = try await bench.call(key: first.key, body: GatewayBench.chat(question)) }
    _ = bench.gateway.closeAttempt(first.key)

    let opened = try await bench.gateway.openAttempt(
      Caller(agent: AgentName("tester"), run: GatewayBench.run, step: .main, attempt: AttemptNumber(2)), rewind: 2)
    #expect(opened.dropped == 2)
    var answers: [String] = []
    for question in ["a", "b", "c"] {
      answers.append(try await bench.call(key: opened.access.key, body: GatewayBench.chat(question)).body)
    }
    #expect(answers == [0, 3, 4].map { GatewayBench.completion("answer \($0)") })
    let effects = try await bench.store.effects(of: GatewayBench.run)
    #expect(effects.map(\.record.state) == [.succeeded, .rewound, .rewound, .succeeded, .succeeded])
    await bench.stop()
  }

  @Test func `an upstream error is not replayed to an agent that crashed on it`() async throws {
    let upstream = ScriptedUpstream { number, _ in
      number == 0
        ? .answer(status: 500, fields: [("content-type", "application/json")], body: "{\"error\":{\"message\":\"no\"}}")
        : GatewayBench.answer("well")
    }
    let bench = try await GatewayBench.start(upstream: upstream)
    let first = try await bench.open(1)
    let failed = try await bench.call(key: first.key, body: GatewayBench.chat("q"))
    #expect(failed.status == 500)
    #expect(failed.body == "{\"error\":{\"message\":\"no\"}}")
    _ = bench.gateway.closeAttempt(first.key)
    let second = try await bench.open(2)
    #expect(try await bench.call(key: second.key, body: GatewayBench.chat("q")).status == 200)
    await bench.stop()
  }

  @Test func `calls with a service's own key are metered and never recorded`() async throws {
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let bench = try await GatewayBench.start(upstream: upstream)
    let access = try await bench.open(1, run: nil)
    _ = try await bench.call(key: access.key, body: GatewayBench.chat("q"))
    _ = try await bench.call(key: access.key, body: GatewayBench.chat("q"))
    #expect(upstream.requests.count == 2)
    let tally = bench.gateway.closeAttempt(access.key)
    #expect(tally.made == 2)
    #expect(tally.tokens == TokenCount(30))
    #expect(try await bench.store.charges(ChargeQuery()).count == 2)
    #expect(try await bench.store.effects(of: GatewayBench.run).isEmpty)
    await bench.stop()
  }
}
