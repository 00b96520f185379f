// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore

/// Small valid rows for tests of stores; each function takes what the test is about.
package enum StoreSamples {
  package static let boot = BootID("boot_1")
  package static let agent = AgentName("researcher")

  package static func time(_ seconds: Int64) -> WallTime { WallTime(microseconds: seconds * 1_000_000) }

  package static func run(
    _ id: String, kind: RunKind = .agent, name: String = "researcher", status: RunStatus = .queued, fence: Int64 = 1,
    key: String? = nil, input: JSONValue = ["question": "why?"], parent: String? = nil
  ) -> RunRecord {
    RunRecord(
      id: RunID(id), kind: kind, name: name, definition: DefinitionHash("d0"), input: input, idempotencyKey: key,
      createdAt: time(1), fence: FencingToken(fence), head: .none,
      summary: RunSummary(status: status, updatedAt: time(1)), parent: parent.map(RunID.init(_:)))
  }

  package static func entry(_ sequence: Int64, _ entry: RunEntry = .resumed(by: "a person")) -> JournalEntry {
    JournalEntry(sequence: JournalSequence(sequence), at: time(sequence), entry: entry)
  }

  package static func append(
    _ run: String, fence: Int64 = 1, from first: Int64, count: Int = 1, status: RunStatus = .running
  ) -> Mutation {
    .append(
      run: RunID(run), fence: FencingToken(fence),
      entries: (0..<Int64(count)).map { entry(first + $0) }, summary: RunSummary(status: status, updatedAt: time(first))
    )
  }

  package static func effect(
    _ id: String, run: String, step: StepPath = .main, digest: String = "aa", occurrence: Int = 0, ordinal: Int64 = 1,
    state: EffectState = .intent, request: [UInt8]? = Array("ask".utf8)
  ) -> EffectRow {
    EffectRow(
      record: EffectRecord(
        id: EffectID(id), kind: .model, digest: RequestDigest(digest), occurrence: occurrence, ordinal: ordinal,
        attempt: AttemptNumber(1), state: state),
      run: RunID(run), step: step, agent: agent, name: "local/scripted", detail: "a question", startedAt: time(2),
      request: request)
  }

  package static func outcome(_ body: [UInt8] = Array("answer".utf8), cost: Int64 = 7) -> EffectOutcome {
    EffectOutcome(
      status: 200, headers: [EnvironmentVariable("content-type", "application/json")], body: body, isStream: false,
      endedAt: time(3), inputTokens: TokenCount(11), outputTokens: TokenCount(5), cost: NanoUSD(cost))
  }

  package static func counter(_ index: Int64 = 20_780) -> CounterKey {
    CounterKey(scope: "agent:researcher", window: "day", index: index)
  }

  package static func hold(
    _ id: String, run: String? = nil, counters: [CounterKey] = [counter()], price: ChargePrice? = nil
  ) -> HoldRow {
    HoldRow(
      id: EffectID(id), boot: boot, agent: agent, run: run.map(RunID.init(_:)), model: "local/scripted",
      bound: Spend(cost: NanoUSD(100), tokens: TokenCount(50), requests: 1), counters: counters, at: time(2),
      price: price)
  }

  package static func charge(
    _ id: String, run: String? = nil, agent: AgentName = agent, cost: Int64 = 40, counters: [CounterKey] = [counter()],
    price: ChargePrice? = nil
  ) -> ChargeRow {
    ChargeRow(
      id: EffectID(id), agent: agent, run: run.map(RunID.init(_:)), model: "local/scripted", basis: .usage,
      inputTokens: TokenCount(11), outputTokens: TokenCount(5), cachedTokens: TokenCount(1),
      spend: Spend(cost: NanoUSD(cost), tokens: TokenCount(16), requests: 1), counters: counters, at: time(3),
      price: price)
  }
}
