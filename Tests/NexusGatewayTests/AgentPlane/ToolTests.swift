// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Synchronization
import Testing

struct ToolTests {
  /// Counts what it does.
  final class Shed: ToolPerformer {
    private let calls = Mutex<[String]>([])
    let gate: Signal?
    let began = Signal()
    init(gate: Signal? = nil) { self.gate = gate }
    var performed: [String] { calls.withLock { $0 } }

    func definitions(for agent: AgentName) -> [ToolDefinition] {
      ["files.read", "mail.send", "files.broken"].map {
        ToolDefinition(name: $0, description: "A tool.", parameters: ["type": "object"])
      }
    }

    func perform(
      _ tool: String, arguments: JSONValue, for caller: Caller, of attempt: any ToolAttempt
    ) async -> ToolOutcome {
      let count = calls.withLock {
        $0.append("\(tool) \(arguments.text())")
        return $0.count
      }
      began.set()
      await gate?.wait()
      return ToolOutcome(succeeded: tool != "files.broken", content: .string("\(tool) \(count)"))
    }
  }

  @Test func `a tool call is done once and replayed to the next attempt`() async throws {
    let shed = Shed()
    let bench = try await GatewayBench.start(tools: shed, upstream: ScriptedUpstream { _, _ in .close })
    let first = try await bench.open(1)
    let tools = try await bench.call("GET", "/agent/v1/tools", key: first.key)
    #expect(tools.json?["tools"]?.arrayValue?.first?["name"] == "files.read")
    let body = "{\"arguments\":{\"path\":\"a.md\"}}"
    let reply = try await bench.call("POST", "/agent/v1/tools/files.read", key: first.key, body: body)
    #expect(reply.json == ["succeeded": true, "content": "files.read 1"])
    let mail = try await bench.call("POST", "/agent/v1/tools/mail.send", key: first.key, body: body)
    #expect(mail.json == ["succeeded": true, "content": "mail.send 2"])
    let broken = try await bench.call("POST", "/agent/v1/tools/files.broken", key: first.key, body: body)
    #expect(broken.status == 200)
    #expect(broken.json?["succeeded"] == false)
    _ = try await bench.call(
      "POST", "/agent/v1/tools/mail.send", key: first.key, body: "{\"arguments\":{\"to\":\"x\"}}")
    _ = bench.gateway.closeAttempt(first.key)

    let second = try await bench.open(2, rewind: 8)
    let again = try await bench.call("POST", "/agent/v1/tools/files.read", key: second.key, body: body)
    #expect(again.json == reply.json)
    #expect(again.fields["x-naos-replayed"] == "true")
    #expect(try await bench.call("POST", "/agent/v1/tools/mail.send", key: second.key, body: body).json == mail.json)
    #expect(shed.performed.count == 4)
    let tally = bench.gateway.closeAttempt(second.key)
    #expect(tally.replayed == 2)
    await bench.stop()
  }

  @Test func `a tool call that may do harm is not repeated when nobody knows whether it was done`() async throws {
    let store = InMemoryStore()
    let gate = Signal()
    let shed = Shed(gate: gate)
    let upstream = ScriptedUpstream { _, _ in .close }
    let first = try await GatewayBench.start(store: store, tools: shed, boot: "boot_a", upstream: upstream)
    let access = try await first.open(1)
    async let lost = first.call("POST", "/agent/v1/tools/mail.send", key: access.key, body: "{}")
    await shed.began.wait()
    // A second node takes over, as if the first had died with the call under way.
    let second = try await GatewayBench.start(store: store, tools: Shed(), boot: "boot_b", upstream: upstream)
    let next = try await second.open(2)
    let refused = try await second.call("POST", "/agent/v1/tools/mail.send", key: next.key, body: "{}")
    #expect(refused.status == 409)
    #expect(refused.json?["code"] == "NX-GWY-013")
    gate.set()
    _ = try? await lost
    await first.gateway.shutdown()
    await second.stop()
  }

  /// Permits everything, but not before it is told to.
  final class HeldGate: EffectGate {
    let asked = Signal()
    let go = Signal()
    let withdrawn = Signal()
    var isClosed: Bool { true }

    func knows(_ tool: String) -> Bool { true }
    func rule(on proposal: EffectProposal) async -> EffectRuling {
      asked.set()
      await go.wait()
      return .permitted(EffectPermit(arguments: proposal.arguments))
    }
    func withdrew(_ proposal: EffectProposal) { withdrawn.set() }
    func isUncertain(_ tool: String, of caller: Caller) async {}
  }

  /// Returns when the gateway has read whatever came before: one loop reads all connections in turn.
  private func settle(_ bench: GatewayBench, _ access: AttemptAccess) async throws {
    for _ in 0..<2 { _ = try await bench.call("GET", "/agent/v1/tools", key: access.key) }
  }

  @Test(arguments: ["/agent/v1/tools/mail.send", "/agent/v1/call/other"])
  func `nothing is done for an agent that has gone while the rules were asked`(path: String) async throws {
    let (shed, gate) = (Shed(), HeldGate())
    let upstream = ScriptedUpstream { _, _ in .close }
    let bench = try await GatewayBench.start(tools: shed, threads: 1, gate: gate, upstream: upstream)
    let access = try await bench.open()
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    try await client.send(GatewayBench.request("POST", path, key: access.key.secret, body: "{}"))
    await gate.asked.wait()
    await client.close()
    try await settle(bench, access)
    gate.go.set()
    await gate.withdrawn.wait()
    try await settle(bench, access)
    #expect(shed.performed.isEmpty)
    #expect(try await bench.store.effects(of: GatewayBench.run).isEmpty)
    await bench.stop()
  }

  @Test func `a call whose agent has gone is done for whoever asked the same meanwhile`() async throws {
    let (shed, gate) = (Shed(), HeldGate())
    let upstream = ScriptedUpstream { _, _ in .close }
    let bench = try await GatewayBench.start(tools: shed, threads: 1, gate: gate, upstream: upstream)
    let first = try await bench.open(1)
    let client = try await AgentClient.connect(bench.gateway.boundPort)
    let path = "/agent/v1/tools/mail.send"
    try await client.send(GatewayBench.request("POST", path, key: first.key.secret, body: "{}"))
    await gate.asked.wait()
    let second = try await bench.open(2)
    let heir = try await AgentClient.connect(bench.gateway.boundPort)
    try await heir.send(GatewayBench.request("POST", path, key: second.key.secret, body: "{}"))
    try await settle(bench, second)
    await client.close()
    try await settle(bench, second)
    gate.go.set()
    await heir.wait { text, _ in text.contains("mail.send 1") }
    #expect(shed.performed.count == 1)
    await heir.close()
    await bench.stop()
  }

  @Test func `a tool that the agent has not got is no tool`() async throws {
    let bench = try await GatewayBench.start(tools: Shed(), upstream: ScriptedUpstream { _, _ in .close })
    let access = try await bench.open(1)
    let reply = try await bench.call("POST", "/agent/v1/tools/rm", key: access.key, body: "{}")
    #expect(reply.status == 404)
    #expect(reply.fields["content-type"] == "application/problem+json")
    #expect(reply.json?["code"] == "NX-GWY-015")
    let malformed = try await bench.call("POST", "/agent/v1/tools/files.read", key: access.key, body: "{")
    #expect(malformed.status == 400)
    await bench.stop()
  }

  @Test func `a rewind stops at a step that the agent recorded, and repeating the step leaves no second mark`()
    async throws
  {
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let bench = try await GatewayBench.start(upstream: upstream)
    for attempt in 1...2 {
      let access = try await bench.open(attempt)
      _ = try await bench.call(key: access.key, body: GatewayBench.chat("a"))
      #expect(try await bench.call("PUT", "/agent/v1/steps/one", key: access.key, body: "{}").status == 200)
      _ = try await bench.call(key: access.key, body: GatewayBench.chat("b"))
      _ = try await bench.call("POST", "/agent/v1/heartbeat", key: access.key, body: "{}")
      _ = bench.gateway.closeAttempt(access.key)
    }
    #expect(try await bench.store.effects(of: GatewayBench.run).map(\.record.kind) == [.model, .request, .model])
    let third = try await bench.gateway.openAttempt(
      Caller(agent: AgentName("tester"), run: GatewayBench.run, step: .main, attempt: AttemptNumber(3)), rewind: 8)
    #expect(third.dropped == 1)
    await bench.stop()
  }

  @Test func `other agent calls reach the node decoded`() async throws {
    let bench = try await GatewayBench.start(upstream: ScriptedUpstream { _, _ in .close })
    let access = try await bench.open(3)
    let reply = try await bench.call(
      "PUT", "/agent/v1/steps/a%20b%2Fc?wait=30&x=%C3%A9+y", key: access.key, body: "{\"v\":1}")
    #expect(
      reply.json == [
        "method": "PUT", "path": ["steps", "a b/c"], "query": ["wait": "30", "x": "é y"], "body": "{\"v\":1}",
        "attempt": 3,
      ])
    #expect(try await bench.call("GET", "/agent/v1/steps/%FF", key: access.key).status == 400)
    #expect(try await bench.call("GET", "/agent/v1/steps/%+1", key: access.key).status == 400)
    await bench.stop()
  }

  @Test func `a node that goes down waits for a tool under way and records what it did`() async throws {
    let gate = Signal()
    let shed = Shed(gate: gate)
    let bench = try await GatewayBench.start(tools: shed, upstream: ScriptedUpstream { _, _ in .close })
    let key = try await bench.open().key.secret
    let port = bench.gateway.boundPort
    let client = try await AgentClient.connect(port)
    try await client.send(GatewayBench.request("POST", "/agent/v1/tools/mail.send", key: key, body: "{}"))
    await shed.began.wait()
    async let stopping: Void = bench.gateway.shutdown()
    // Deaf is the first thing that a node going down becomes.
    while let other = try? await AgentClient.connect(port) { await other.close() }
    gate.set()
    await stopping
    #expect(try await bench.store.effects(of: GatewayBench.run).map(\.record.state) == [.succeeded])
    #expect(Reply(await client.untilClosed())?.status == 200)
    await bench.upstream.stop()
  }
}
