// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusLocalModels
import NexusStore
import Testing

/// Calls of every dialect and frame, recorded from a provider that also fails, played back without it.
struct CassetteTests {
  /// What a provider does with a call.
  enum Turn: String, Sendable, CaseIterable {
    case answers, refuses, fails, breaksOff, hangsUp, writesNonsense, sendsAway, tellsKey

    func act(_ fixture: UsageFixtureTests.Fixture) -> ScriptedUpstream.Act {
      let json = [("content-type", "application/json")]
      switch self {
      case .answers: return fixture.answer
      case .refuses:
        return .answer(
          status: 429, fields: json + [("retry-after-ms", "1"), ("x-request-id", "r")],
          body: "{\"error\":{\"message\":\"slow down\"}}")
      case .fails: return .answer(status: 500, fields: json, body: "{\"error\":{\"message\":\"oh no\"}}")
      case .breaksOff:
        guard let pieces = fixture.pieces else { return .close }
        return .cut(type: fixture.content["type"]?.stringValue ?? "text/event-stream", Array(pieces.prefix(2)))
      case .hangsUp: return .close
      case .writesNonsense: return .answer(status: 200, fields: json, body: "{\"choices\":[")
      case .sendsAway: return .answer(status: 302, fields: [("location", "http://elsewhere")], body: "")
      case .tellsKey:
        return .answer(status: 400, fields: json, body: "{\"error\":{\"message\":\"bad key k-secret-1\"}}")
      }
    }
  }

  static let secondRun = RunID("run_0000000000000000000000play")

  private func bench(_ act: @escaping @Sendable (Int) -> ScriptedUpstream.Act) async throws -> GatewayBench {
    let upstream = ScriptedUpstream { number, _ in act(number) }
    try await upstream.start()
    let key = SecretText("k-secret-1")
    let providers = [
      ProviderSpec(name: "openai", dialect: .openai, baseURL: upstream.baseURL + "/v1", apiKey: key),
      ProviderSpec(name: "anthropic", dialect: .anthropic, baseURL: upstream.baseURL, apiKey: key),
      ProviderSpec(name: "gemini", dialect: .gemini, baseURL: upstream.baseURL, apiKey: key),
    ]
    let price = PriceSpec(model: "openai/gpt-test", input: .zero, output: .zero)
    return try await GatewayBench.start(prices: [price], providers: providers, upstream: upstream)
  }

  /// What a run recorded, on a cassette.
  private func export(_ bench: GatewayBench, secrets: [String] = []) async throws -> Cassette {
    var cassette = Cassette(name: "tester", run: GatewayBench.run.text, calls: [])
    let rows = try await bench.store.effects(of: GatewayBench.run)
    let answered = Set(RecordedCalls.answered(rows.map(\.record)).map(\.id))
    for row in rows where answered.contains(row.record.id) {
      let outcome = try #require(try await bench.store.outcome(of: row.record.id))
      cassette.calls.append(
        try CassetteCopy.call(
          row, request: try await bench.store.request(of: row.record.id), outcome: outcome,
          redaction: Redaction(secrets: secrets)))
    }
    return cassette
  }

  /// The key of an attempt of a second run that begins with a cassette.
  private func play(_ cassette: Cassette, _ bench: GatewayBench) async throws -> AttemptAccess {
    var record = GatewayBench.record
    record.id = Self.secondRun
    var mutations = [Mutation.insertRun(record)]
    let effects = try CassetteCopy.effects(
      of: cassette, agent: AgentName("tester"), at: WallTime(microseconds: 0))
    for (index, effect) in effects.enumerated() {
      var effect = effect
      effect.row.record.id = EffectID("eff_played_\(index)")
      mutations += effect.mutations(for: Self.secondRun)
    }
    try await bench.store.commit(StoreTransaction(.synced, mutations))
    return try await open(1, bench)
  }

  private func open(_ attempt: Int, _ bench: GatewayBench) async throws -> AttemptAccess {
    try await bench.gateway.openAttempt(
      Caller(
        agent: AgentName("tester"), run: Self.secondRun, step: .main, attempt: AttemptNumber(attempt), isRecorded: true),
      rewind: 0
    ).access
  }

  /// What an agent can tell of an answer.
  private func seen(_ reply: Reply) -> [String] {
    let fields = ["content-type", "retry-after-ms", "x-request-id", "x-should-retry"]
    return ["\(reply.status)", reply.body] + fields.map { reply.fields[$0] ?? "" }
  }

  @Test(arguments: UsageFixtureTests.Fixture.all)
  func `a recorded run plays back byte for byte, whatever the provider did, and asks nobody`(
    fixture: UsageFixtureTests.Fixture
  ) async throws {
    let turns = Turn.allCases.filter { $0 != .tellsKey }
    let bench = try await bench { turns[$0 % turns.count].act(fixture) }
    let first = try await bench.open()
    // The last call is the one that ends the run, so that a failure before it is one that the agent got past.
    let calls = turns.count + 1
    var made: [[String]] = []
    for _ in 0..<calls {
      made.append(seen(try await bench.call("POST", fixture.path, key: first.key, body: fixture.request)))
    }
    _ = bench.gateway.closeAttempt(first.key)
    let asked = bench.upstream.requests.count
    let cassette = try await export(bench)
    #expect(cassette.calls.count == calls)
    let second = try await play(cassette, bench)
    for index in 0..<calls {
      let reply = try await bench.call("POST", fixture.path, key: second.key, body: fixture.request)
      #expect(seen(reply) == made[index], "call \(index + 1), \(turns[index % turns.count])")
      #expect(reply.fields["x-naos-replayed"] == "true")
    }
    let tally = bench.gateway.closeAttempt(second.key)
    #expect(tally.unplayed == 0)
    #expect(tally.cost == .zero)
    #expect(tally.refusal == nil)
    #expect(bench.upstream.requests.count == asked)
    await bench.stop()
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `random conversations of all dialects play back in any order of their branches`(seed: UInt64) async throws {
    var random = SplitMix(seed: seed)
    let fixtures = UsageFixtureTests.Fixture.all
    let picks = (0..<Int.random(in: 1...6, using: &random)).map { _ in
      (fixtures.randomElement(using: &random) ?? fixtures[0], Turn.allCases.randomElement(using: &random) ?? .answers)
    }
    let bench = try await bench { picks[min($0, picks.count - 1)].1.act(picks[min($0, picks.count - 1)].0) }
    let first = try await bench.open()
    var made: [(String, String, [String])] = []
    for (index, (fixture, _)) in picks.enumerated() {
      // Each asks something of its own, so that only its own answer fits it.
      let body = fixture.request.replacing("\"hi\"", with: "\"hi \(index)\"")
      let reply = try await bench.call("POST", fixture.path, key: first.key, body: body)
      made.append((fixture.path, body, seen(reply)))
    }
    _ = bench.gateway.closeAttempt(first.key)
    let asked = bench.upstream.requests.count
    let second = try await play(try await export(bench), bench)
    // Branches may come in any order; equal requests keep theirs.
    var expected: [String: [[String]]] = [:]
    for (path, body, answer) in made { expected[path + body, default: []].append(answer) }
    for (path, body, _) in made.shuffled(using: &random) {
      let answer = expected[path + body]?.removeFirst()
      #expect(seen(try await bench.call("POST", path, key: second.key, body: body)) == answer, "seed \(seed)")
    }
    #expect(bench.gateway.closeAttempt(second.key).unplayed == 0)
    #expect(bench.upstream.requests.count == asked)
    await bench.stop()
  }

  private func chat(_ text: String) -> String { GatewayBench.chat(text, model: "openai/gpt-test") }

  /// A bench that has recorded these questions.
  private func recorded(_ texts: String...) async throws -> (GatewayBench, Cassette) {
    let bench = try await bench { _ in GatewayBench.answer("well") }
    let access = try await bench.open()
    for text in texts {
      #expect(try await bench.call(key: access.key, body: chat(text)).status == 200)
    }
    _ = bench.gateway.closeAttempt(access.key)
    let cassette = try await export(bench)
    try #require(cassette.calls.count == texts.count)
    return (bench, cassette)
  }

  @Test func `a request that differs is refused with the place, and the attempt knows`() async throws {
    let (bench, cassette) = try await recorded("one", "two")
    let access = try await play(cassette, bench)
    let reply = try await bench.call(key: access.key, body: chat("three"))
    #expect(reply.status == 400)
    #expect(reply.fields["x-should-retry"] == "false")
    #expect(reply.fields["x-naos-code"] == "NX-GWY-054")
    #expect(reply.body.contains("$.messages[0].content"))
    #expect(reply.body.contains("one"))
    // Only the next one counts: what was asked in between is not on it.
    #expect(try await bench.call(key: access.key, body: chat("one")).status == 200)
    let other = try await bench.call(key: access.key, body: chat("one"))
    #expect(other.status == 400)
    let tally = bench.gateway.closeAttempt(access.key)
    #expect(tally.refusal?.reason == .cassette)
    #expect(tally.refusal?.message.contains("$.messages[0].content") == true)
    #expect(tally.unplayed == 1)
    #expect(bench.upstream.requests.count == 2)
    await bench.stop()
  }

  @Test func `a request of another dialect, or beyond the end, is refused`() async throws {
    let (bench, cassette) = try await recorded("one")
    let access = try await play(cassette, bench)
    let message = "{\"model\":\"anthropic/c\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"one\"}]}"
    let wrong = try await bench.call("POST", "/v1/messages", key: access.key, body: message)
    #expect(wrong.status == 400)
    #expect(wrong.json?["type"] == "error")
    #expect(wrong.body.contains("POST /v1/chat/completions"))
    #expect(try await bench.call(key: access.key, body: chat("one")).status == 200)
    let beyond = try await bench.call(key: access.key, body: chat("two"))
    #expect(beyond.body.contains("no more calls"))
    await bench.stop()
  }

  @Test func `a model that no provider offers any more is answered all the same`() async throws {
    let (bench, cassette) = try await recorded("one")
    var changed = cassette
    changed.calls[0].request = Array(GatewayBench.chat("one", model: "gone/model").utf8)
    let access = try await play(changed, bench)
    let reply = try await bench.call(key: access.key, body: GatewayBench.chat("one", model: "gone/model"))
    #expect(reply.status == 200)
    await bench.stop()
  }

  @Test func `a second attempt gets the whole cassette again`() async throws {
    let (bench, cassette) = try await recorded("one")
    let access = try await play(cassette, bench)
    #expect(try await bench.call(key: access.key, body: chat("one")).status == 200)
    _ = bench.gateway.closeAttempt(access.key)
    let again = try await open(2, bench)
    #expect(try await bench.call(key: again.key, body: chat("one")).status == 200)
    #expect(bench.gateway.closeAttempt(again.key).unplayed == 0)
    await bench.stop()
  }

  @Test func `secrets are taken out, and where one stood any may stand`() async throws {
    let secret = "hunter-22-secret"
    let (bench, _) = try await recorded("my password is \(secret), twice \(secret)")
    let cassette = try await export(bench, secrets: [secret])
    #expect(!cassette.text.contains(secret))
    #expect(cassette.text.contains("[redacted]"))
    #expect(cassette.calls[0].isRedacted)
    let access = try await play(cassette, bench)
    let wrong = try await bench.call(key: access.key, body: chat("my pass is x, twice y"))
    #expect(wrong.status == 400)
    let reply = try await bench.call(key: access.key, body: chat("my password is other, twice another"))
    #expect(reply.status == 200)
    let used = try await bench.call(key: access.key, body: chat("my password is \(secret), twice \(secret)"))
    #expect(used.status == 400)
    await bench.stop()
  }

  @Test func `a secret in the pieces of a streamed answer keeps it off the cassette`() async throws {
    let secret = "hunter-22-secret"
    let pieces = [
      StreamTests.chunk("it is hunter-"), StreamTests.chunk("22-secret"), StreamTests.usage, StreamTests.done,
    ]
    let bench = try await bench { _ in .pieces(type: StreamTests.type, pieces) }
    let access = try await bench.open()
    let body = GatewayBench.chat("q", model: "openai/gpt-test", more: ",\"stream\":true")
    #expect(try await bench.call(key: access.key, body: body).status == 200)
    _ = bench.gateway.closeAttempt(access.key)
    await #expect(throws: AnswerProblem.self) { try await export(bench, secrets: [secret]) }
    _ = try await export(bench, secrets: ["another-secret"])
    await bench.stop()
  }

  @Test func `keys of the agent plane are taken out without being known`() async throws {
    let (bench, _) = try await recorded("x")
    let access = try await bench.open(2)
    #expect(try await bench.call(key: access.key, body: chat("my key is \(access.key.secret)")).status == 200)
    _ = bench.gateway.closeAttempt(access.key)
    let cassette = try await export(bench)
    try #require(cassette.calls.count == 2)
    #expect(!cassette.text.contains(access.key.secret))
    await bench.stop()
  }

  @Test func `a request that was too long to be recorded is known by its digest`() async throws {
    let text = String(repeating: "long ", count: 80_000)
    let (bench, cassette) = try await recorded(text)
    #expect(cassette.calls[0].request == nil)
    let access = try await play(cassette, bench)
    #expect(try await bench.call(key: access.key, body: chat(text + "x")).status == 400)
    #expect(try await bench.call(key: access.key, body: chat(text)).status == 200)
    await bench.stop()
  }

  @Test func `a call whose path is of another API is no cassette`() async throws {
    let (bench, cassette) = try await recorded("one")
    var changed = cassette
    changed.calls[0].api = .anthropicMessages
    #expect(throws: AnswerProblem.self) {
      try CassetteCopy.effects(of: changed, agent: AgentName("a"), at: WallTime(microseconds: 0))
    }
    await bench.stop()
  }

  private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var word = state
      word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
      return word ^ (word >> 31)
    }
  }
}
