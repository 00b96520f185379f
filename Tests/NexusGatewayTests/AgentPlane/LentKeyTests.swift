// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Synchronization
import Testing

/// Tools that ask models in the name of the attempt that calls them.
struct LentKeyTests {
  /// Asks so many questions with a key that it is lent, and answers the statuses; then it waits, if it is to.
  final class Asker: ToolPerformer {
    private struct State {
      var bench: GatewayBench?
      var keys: [VirtualKey] = []
    }
    private let state = Mutex(State())
    let questions: [String]
    let gate: Signal?
    let asked = Signal()

    init(_ questions: [String], gate: Signal? = nil) {
      self.questions = questions
      self.gate = gate
    }

    var keys: [VirtualKey] { state.withLock { $0.keys } }

    func connect(_ bench: GatewayBench) { state.withLock { $0.bench = bench } }

    func definitions(for agent: AgentName) -> [ToolDefinition] {
      [ToolDefinition(name: "files.ask", description: "Asks.", parameters: ["type": "object"])]
    }

    func perform(
      _ tool: String, arguments: JSONValue, for caller: Caller, of attempt: any ToolAttempt
    ) async -> ToolOutcome {
      guard let bench = state.withLock({ $0.bench }) else { return ToolOutcome(succeeded: false, content: "no bench") }
      let key = attempt.openKey()
      state.withLock { $0.keys.append(key) }
      var statuses: [JSONValue] = []
      for question in questions {
        let reply = try? await bench.call(key: key, body: GatewayBench.chat(question, model: "acme/paid"))
        statuses.append(.int(Int64(reply?.status ?? 0)))
      }
      asked.set()
      await gate?.wait()
      attempt.close(key)
      return ToolOutcome(succeeded: true, content: .array(statuses))
    }
  }

  private static let tool = "/agent/v1/tools/files.ask"
  private static let prices = [
    PriceSpec(model: "acme/paid", input: .zero, output: .zero, perRequest: NanoUSD(2_000_000))
  ]

  private static func start(
    _ asker: Asker, store: any Store = InMemoryStore(), budgets: [BudgetSpec] = [], boot: String = "boot_test",
    upstream: ScriptedUpstream
  ) async throws -> GatewayBench {
    let bench = try await GatewayBench.start(
      store: store, budgets: budgets, prices: prices, tools: asker, boot: boot, upstream: upstream)
    asker.connect(bench)
    return bench
  }

  private static func statuses(_ reply: Reply) -> JSONValue? { reply.json?["content"] }

  @Test func `what a tool asks is the attempt's, and told from what the agent asks itself`() async throws {
    let asker = Asker(["one", "two"])
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("yes", model: "paid") }
    let bench = try await Self.start(asker, upstream: upstream)
    let first = try await bench.open(1)
    let called = try await bench.call("POST", Self.tool, key: first.key, body: "{}")
    #expect(Self.statuses(called) == [200, 200])
    // The same question of the agent is another one.
    let own = GatewayBench.chat("one", model: "acme/paid")
    #expect(try await bench.call(key: first.key, body: own).status == 200)
    #expect(bench.upstream.requests.count == 3)
    let key = try #require(asker.keys.first)
    #expect(key.secret != first.key.secret)
    #expect(try await bench.call(key: key, body: own).status == 401)
    #expect(bench.gateway.closeAttempt(first.key).cost == NanoUSD(6_000_000))

    let second = try await bench.open(2)
    let again = try await bench.call("POST", Self.tool, key: second.key, body: "{}")
    #expect(again.json == called.json && again.fields["x-naos-replayed"] == "true")
    #expect(try await bench.call(key: second.key, body: own).fields["x-naos-replayed"] == "true")
    #expect(bench.upstream.requests.count == 3)
    // Nothing of the record is missing, so what is new goes on behind it.
    #expect(try await bench.call(key: second.key, body: GatewayBench.chat("three", model: "acme/paid")).status == 200)
    #expect(bench.events.notes == [])
    _ = bench.gateway.closeAttempt(second.key)
    await bench.stop()
  }

  @Test func `a call that is made again after the death of its node pays for nothing twice`() async throws {
    let store = InMemoryStore()
    let gate = Signal()
    let dying = Asker(["one", "two"], gate: gate)
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("yes", model: "paid") }
    let first = try await Self.start(dying, store: store, boot: "boot_a", upstream: upstream)
    let access = try await first.open(1)
    async let lost = first.call("POST", Self.tool, key: access.key, body: "{}")
    await dying.asked.wait()
    let second = try await Self.start(
      Asker(["one", "two", "three"]), store: store, boot: "boot_b", upstream: upstream)
    let next = try await second.open(2)
    let reply = try await second.call("POST", Self.tool, key: next.key, body: "{}")
    #expect(Self.statuses(reply) == [200, 200, 200])
    #expect(upstream.requests.count == 3)
    let tally = second.gateway.closeAttempt(next.key)
    #expect(tally.cost == NanoUSD(2_000_000) && tally.replayed == 2)
    gate.set()
    _ = try? await lost
    await first.gateway.shutdown()
    await second.stop()
  }

  @Test func `the budget of the agent refuses it, and the attempt is told`() async throws {
    let asker = Asker(["one", "two"])
    let budget = BudgetSpec(scope: .agent(AgentName("tester")), maxCost: NanoUSD(3_000_000))
    let bench = try await Self.start(
      asker, budgets: [budget], upstream: ScriptedUpstream { _, _ in GatewayBench.answer("yes", model: "paid") })
    let access = try await bench.open(1)
    let reply = try await bench.call("POST", Self.tool, key: access.key, body: "{}")
    #expect(Self.statuses(reply) == [200, 429])
    let tally = bench.gateway.closeAttempt(access.key)
    #expect(tally.refusal?.isForWant == true && tally.cost == NanoUSD(2_000_000))
    await bench.stop()
  }

  @Test func `its key ends with the attempt, also where nobody closes it`() async throws {
    let gate = Signal()
    let asker = Asker([], gate: gate)
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("yes", model: "paid") }
    let bench = try await Self.start(asker, upstream: upstream)
    let access = try await bench.open(1)
    async let called = bench.call("POST", Self.tool, key: access.key, body: "{}")
    await asker.asked.wait()
    let key = try #require(asker.keys.first)
    #expect(try await bench.call("GET", "/agent/v1/tools", key: key).status == 200)
    _ = bench.gateway.closeAttempt(access.key)
    #expect(try await bench.call("GET", "/agent/v1/tools", key: key).status == 401)
    gate.set()
    _ = try? await called
    await bench.stop()
  }
}
