// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

struct StoreFaultTests {
  @Test func `whichever write fails, no byte goes upstream without a written hold and intent`() async throws {
    var failing = 0
    while true {
      let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("ok") }
      let store = GatedStore(InMemoryStore())
      let bench = try await GatewayBench.start(store: store, upstream: upstream)
      let access = try await bench.open()
      store.fail([failing])
      var statuses: [Int] = []
      for question in ["a", "b"] {
        statuses.append(try await bench.call(key: access.key, body: GatewayBench.chat(question)).status)
      }
      let holds = store.written.count { transaction in
        transaction.mutations.contains { if case .placeHold = $0 { true } else { false } }
          && transaction.mutations.contains { if case .insertEffect = $0 { true } else { false } }
      }
      #expect(upstream.requests.count == holds)
      let isOver = store.submissions <= failing
      #expect(statuses.count { $0 == 503 } == (isOver ? 0 : 1))
      let settled = try await bench.store.charges(ChargeQuery()).count
      let open = try await bench.store.openHolds().count
      #expect(settled + open == holds)
      await bench.stop()
      if isOver { break }
      failing += 1
    }
    #expect(failing == 4)
  }

  @Test func `an answer that cannot be recorded is withheld and asked again by the next attempt`() async throws {
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let store = GatedStore(InMemoryStore())
    let bench = try await GatewayBench.start(store: store, upstream: upstream)
    let access = try await bench.open()
    store.fail([1])
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("q"))
    #expect(reply.status == 503)
    #expect(!reply.body.contains("answer 0"))
    _ = bench.gateway.closeAttempt(access.key)
    let next = try await bench.open(2)
    #expect(try await bench.call(key: next.key, body: GatewayBench.chat("q")).body.contains("answer 1"))
    await bench.stop()
  }

  @Test func `a rewind that cannot be written fails the start of the attempt`() async throws {
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let store = GatedStore(InMemoryStore())
    let bench = try await GatewayBench.start(store: store, upstream: upstream)
    let access = try await bench.open()
    _ = try await bench.call(key: access.key, body: GatewayBench.chat("q"))
    _ = bench.gateway.closeAttempt(access.key)
    store.fail([0])
    await #expect(throws: StoreError.self) { try await bench.open(2, rewind: 1) }
    let next = try await bench.open(2)
    #expect(try await bench.call(key: next.key, body: GatewayBench.chat("q")).body.contains("answer 0"))
    await bench.stop()
  }
}
