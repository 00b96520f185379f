// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import NexusTestKit
import Testing

/// Agents that go round in circles, seen in the bodies of their requests.
@Suite(.timeLimit(.minutes(1)))
struct LoopTests {
  private static let json = ("content-type", "application/json")

  enum API: CaseIterable {
    case chat, responses, messages, contents
    var path: String {
      switch self {
      case .chat: "/v1/chat/completions"
      case .responses: "/v1/responses"
      case .messages: "/v1/messages"
      case .contents: "/v1beta/models/gem/m:generateContent"
      }
    }

    /// The conversation after that many equal searches.
    func body(_ rounds: Int, result: (Int) -> String = { _ in "nothing" }) -> String {
      let turns = (0..<rounds).map { round -> String in
        let found = result(round)
        switch self {
        case .chat:
          // Spelled differently each time, and yet the same.
          let space = String(repeating: " ", count: round)
          return
            "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\(round)\",\"type\":\"function\",\"function\":{\"name\":\"search\",\"arguments\":\"{\(space)\\\"q\\\":1}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c\(round)\",\"content\":\"\(found)\"}"
        case .responses:
          return
            "{\"type\":\"function_call\",\"call_id\":\"c\(round)\",\"name\":\"search\",\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"c\(round)\",\"output\":\"\(found)\"}"
        case .messages:
          return
            "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c\(round)\",\"name\":\"search\",\"input\":{\"q\":1}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c\(round)\",\"content\":\"\(found)\"}]}"
        case .contents:
          return
            "{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"search\",\"args\":{\"q\":1}}}]},{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":\"search\",\"response\":{\"found\":\"\(found)\"}}}]}"
        }
      }
      let talk = turns.joined(separator: ",")
      switch self {
      case .chat:
        return
          "{\"model\":\"acme/gpt-test\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"search\"}}],\"messages\":[\(talk)]}"
      case .responses:
        return
          "{\"model\":\"acme/gpt-test\",\"tools\":[{\"type\":\"function\",\"name\":\"search\"}],\"input\":[\(talk)]}"
      case .messages:
        return
          "{\"model\":\"claudia/claude-test\",\"max_tokens\":9,\"tools\":[{\"name\":\"search\"}],\"messages\":[\(talk)]}"
      case .contents:
        return "{\"tools\":[{\"functionDeclarations\":[{\"name\":\"search\"}]}],\"contents\":[\(talk)]}"
      }
    }
  }

  private func bench(
    _ loops: LoopSpec = LoopSpec(), store: any Store = InMemoryStore(), boot: String = "boot_test",
    upstream: ScriptedUpstream = ScriptedUpstream { _, _ in GatewayBench.answer("on") }
  ) async throws -> GatewayBench {
    var agent = AgentSpec(name: AgentName("tester"), kind: .process(command: ["true"]), workingDirectory: "/")
    agent.loops = loops
    return try await GatewayBench.start(
      store: store, prices: [PriceSpec(model: "gem/m", input: .zero, output: .zero)], boot: boot, agents: [agent],
      upstream: upstream)
  }

  @Test(arguments: API.allCases)
  func `the same tool with the same result is told at three rounds and stopped at five`(api: API) async throws {
    let bench = try await bench()
    let access = try await bench.open()
    for rounds in 0..<5 {
      let reply = try await bench.call("POST", api.path, key: access.key, body: api.body(rounds))
      #expect(reply.status == 200, "\(rounds)")
      #expect(bench.events.notes.count { $0.contains("'search'") } == (rounds < 3 ? 0 : 1))
    }
    let refused = try await bench.call("POST", api.path, key: access.key, body: api.body(5))
    #expect(refused.status == 429)
    #expect(refused.fields["x-naos-code"] == "NX-GWY-052")
    #expect(refused.fields["x-should-retry"] == "false")
    #expect(bench.upstream.requests.count == 5)
    #expect(bench.notices.count == 2)
    let refusal = bench.gateway.closeAttempt(access.key).refusal
    #expect(refusal?.reason == .loop)
    #expect(refusal?.action == .pause)
    await bench.stop()
  }

  @Test(arguments: API.allCases)
  func `an agent that polls for a change goes on as long as it likes`(api: API) async throws {
    let bench = try await bench()
    let access = try await bench.open()
    for rounds in 3..<12 {
      let body = api.body(rounds) { "state \($0)" }
      #expect(try await bench.call("POST", api.path, key: access.key, body: body).status == 200)
    }
    #expect(bench.events.notes.isEmpty)
    await bench.stop()
  }

  @Test func `the configuration decides what happens at the end of the rope`() async throws {
    for (action, status) in [(OnLoop.alert, 200), (.refuse, 429)] {
      let bench = try await bench(LoopSpec(onLoop: action))
      let access = try await bench.open()
      #expect(try await bench.call(key: access.key, body: API.chat.body(6)).status == status)
      #expect(bench.notices.count == 1)
      let refusal = bench.gateway.closeAttempt(access.key).refusal
      #expect(refusal?.action == (action == .refuse ? .refuse : nil))
      await bench.stop()
    }
  }

  @Test func `replayed calls count once, also after the node was killed`() async throws {
    let store = InMemoryStore()
    let spec = LoopSpec(onLoop: .refuse, maxCalls: 4)
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("on") }
    let first = try await bench(spec, store: store, boot: "boot_a", upstream: upstream)
    let access = try await first.open(1)
    for rounds in 0..<3 { _ = try await first.call(key: access.key, body: API.chat.body(rounds)) }
    await first.gateway.shutdown()
    let second = try await bench(spec, store: store, boot: "boot_b", upstream: upstream)
    let next = try await second.open(2)
    for rounds in 0..<4 {
      let reply = try await second.call(key: next.key, body: API.chat.body(rounds))
      #expect(reply.status == 200)
      #expect(reply.fields["x-naos-replayed"] == (rounds < 3 ? "true" : nil))
    }
    // Four calls were made in all, and that is what the run may make.
    let ceiling = try await second.call(key: next.key, body: API.chat.body(4))
    #expect(ceiling.status == 429)
    #expect(ceiling.fields["x-naos-code"] == "NX-GWY-053")
    #expect(second.gateway.tally(of: next.key)?.refusal?.reason == .ceiling)
    #expect(upstream.requests.count == 4)
    await second.stop()
  }

  @Test func `the ceiling is one for all steps of a run, also after the node was killed`() async throws {
    let store = InMemoryStore()
    let spec = LoopSpec(onLoop: .refuse, maxCalls: 4)
    let upstream = ScriptedUpstream { _, _ in GatewayBench.answer("on") }
    let first = try await bench(spec, store: store, boot: "boot_a", upstream: upstream)
    func open(_ bench: GatewayBench, _ step: String, _ attempt: Int = 1) async throws -> VirtualKey {
      let caller = Caller(
        agent: AgentName("tester"), run: GatewayBench.run, step: StepPath(step), attempt: AttemptNumber(attempt))
      return try await bench.gateway.openAttempt(caller, rewind: 0).access.key
    }
    func ask(_ bench: GatewayBench, _ key: VirtualKey, _ text: String) async throws -> Int {
      try await bench.call(key: key, body: GatewayBench.chat(text)).status
    }
    let a = try await open(first, "a")
    let b = try await open(first, "b")
    #expect(try await ask(first, a, "1") == 200)
    #expect(try await ask(first, b, "1") == 200)
    #expect(try await ask(first, a, "2") == 200)
    // A step that is over still counts.
    _ = first.gateway.closeAttempt(a)
    await first.gateway.shutdown()
    let second = try await bench(spec, store: store, boot: "boot_b", upstream: upstream)
    let c = try await open(second, "c")
    #expect(try await ask(second, c, "3") == 200)
    #expect(try await ask(second, c, "4") == 429)
    // What was answered is still replayed.
    let again = try await open(second, "a", 2)
    #expect(try await ask(second, again, "2") == 200)
    #expect(try await ask(second, again, "5") == 429)
    #expect(upstream.requests.count == 4)
    await second.stop()
  }

  @Test(arguments: [false, true])
  func `who asks the same and is answered the same is told about at three and stopped at five`(streams: Bool)
    async throws
  {
    let upstream = ScriptedUpstream { number, _ in
      guard streams else {
        return .answer(
          status: 200, fields: [Self.json],
          body: GatewayBench.completion("same").replacing("\"c1\"", with: "\"c\(number)\""))
      }
      return .pieces(
        type: "text/event-stream",
        [
          "data: {\"id\":\"c\(number)\",\"object\":\"chat.completion.chunk\",\"created\":\(number),\"model\":\"gpt-test\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"same\"},\"finish_reason\":null}]}\n\n",
          "data: {\"id\":\"c\(number)\",\"object\":\"chat.completion.chunk\",\"created\":\(number),\"model\":\"gpt-test\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
          "data: {\"id\":\"c\(number)\",\"object\":\"chat.completion.chunk\",\"created\":\(number),\"model\":\"gpt-test\",\"choices\":[],\"usage\":{\"prompt_tokens\":\(number),\"completion_tokens\":1,\"total_tokens\":\(number + 1)}}\n\n",
          "data: [DONE]\n\n",
        ])
    }
    let bench = try await bench(upstream: upstream)
    let access = try await bench.open()
    let body = GatewayBench.chat("same", more: streams ? ",\"stream\":true" : "")
    for call in 1...4 {
      #expect(try await bench.call(key: access.key, body: body).status == 200, "\(call)")
      #expect(bench.events.notes.count { $0.contains("word for word") } == (call < 3 ? 0 : 1))
    }
    let refused = try await bench.call(key: access.key, body: body)
    #expect(refused.status == 429)
    #expect(refused.fields["x-naos-code"] == "NX-GWY-052")
    #expect(upstream.requests.count == 4)
    let refusal = bench.gateway.closeAttempt(access.key).refusal
    #expect(refusal?.reason == .loop && refusal?.action == .pause)
    await bench.stop()
  }

  @Test func `who asks the same word for word and is answered otherwise is told about, and may`() async throws {
    let bench = try await bench(upstream: ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") })
    let access = try await bench.open()
    for _ in 0..<6 { #expect(try await bench.call(key: access.key, body: GatewayBench.chat("same")).status == 200) }
    #expect(bench.events.notes.count { $0.contains("word for word") } == 1)
    await bench.stop()
  }

  @Test func `what equal requests were answered is known after the node was killed`() async throws {
    let store = InMemoryStore()
    let upstream = ScriptedUpstream { number, _ in
      .answer(
        status: 200, fields: [Self.json],
        body: GatewayBench.completion("same").replacing("\"c1\"", with: "\"c\(number)\""))
    }
    let first = try await bench(store: store, boot: "boot_a", upstream: upstream)
    let access = try await first.open()
    let body = GatewayBench.chat("same")
    for _ in 1...4 { #expect(try await first.call(key: access.key, body: body).status == 200) }
    await first.gateway.shutdown()
    let second = try await bench(store: store, boot: "boot_b", upstream: upstream)
    let next = try await second.open(2)
    for _ in 1...4 {
      #expect(try await second.call(key: next.key, body: body).fields["x-naos-replayed"] == "true")
    }
    let refused = try await second.call(key: next.key, body: body)
    #expect(refused.status == 429 && refused.fields["x-naos-code"] == "NX-GWY-052")
    #expect(upstream.requests.count == 4)
    await second.stop()
  }

  @Test(arguments: [false, true])
  func `a sudden pace is stopped, also when the node was killed before it`(isKilled: Bool) async throws {
    let store = InMemoryStore()
    let clock = ManualClock()
    var agent = AgentSpec(name: AgentName("tester"), kind: .process(command: ["true"]), workingDirectory: "/")
    agent.loops = LoopSpec(onSpike: .refuse)
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    func start(_ boot: String) async throws -> GatewayBench {
      try await GatewayBench.start(store: store, boot: boot, agents: [agent], clock: clock, upstream: upstream)
    }
    var bench = try await start("boot_a")
    var key = try await bench.open().key
    // One call of 15 tokens in each of six minutes.
    for minute in 0..<6 {
      #expect(try await bench.call(key: key, body: GatewayBench.chat("minute \(minute)")).status == 200)
      clock.advance(by: .seconds(60))
    }
    if isKilled {
      await bench.gateway.shutdown()
      bench = try await start("boot_b")
      key = try await bench.open(2).key
    }
    var statuses: [Int] = []
    for number in 0..<10 {
      statuses.append(try await bench.call(key: key, body: GatewayBench.chat("sudden \(number)")).status)
    }
    #expect(statuses == Array(repeating: 200, count: 8) + [429, 429])
    let refusal = bench.gateway.closeAttempt(key).refusal
    #expect(refusal?.reason == .loop && refusal?.action == .refuse)
    #expect(bench.notices.contains { $0.contains("8 times as much in this minute") }, "\(bench.notices)")
    await bench.stop()
  }
}
