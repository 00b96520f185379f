// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore

/// Random transactions over few ids, so that guards are lost and identities collide as often as not.
package struct RandomTransactions {
  private let random: any RandomSource
  private var heads: [Int64]
  private var fences: [Int64]
  package static let runs = 4
  static let codes = ["NX-AGT-001", "NX-RUN-003", "made up"]

  package init(random: any RandomSource) {
    self.random = random
    heads = Array(repeating: 0, count: Self.runs)
    fences = Array(repeating: 1, count: Self.runs)
  }

  private func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

  package mutating func next() -> StoreTransaction {
    let commitClass: CommitClass = pick(4) == 0 ? .synced : .written
    return StoreTransaction(commitClass, (0...pick(4)).map { _ in mutation() })
  }

  /// Of what model calls write: effects and the ledger.
  package mutating func nextCall() -> StoreTransaction {
    let commitClass: CommitClass = pick(8) == 0 ? .synced : .written
    return StoreTransaction(commitClass, (0...pick(4)).map { _ in callMutation(pick(9)) })
  }

  /// Text of any length around the limit of a row, rarely long.
  private func text() -> String {
    let sizes = [0, 3, 40, StoreLimits.inlinePayloadBytes - 2, StoreLimits.inlinePayloadBytes + 3]
    return String(repeating: ["a", "é", "\u{1F600}"][pick(3)], count: sizes[min(pick(24), 4)] / (1 + pick(2)))
  }

  private func effectID() -> String { "eff_\(pick(12))" }

  private mutating func mutation() -> Mutation {
    let index = pick(Self.runs)
    let run = "run_\(index)"
    switch pick(20) {
    case 0, 1:
      return .insertRun(
        StoreSamples.run(
          run, kind: RunKind.allCases[pick(4)], status: pick(2) == 0 ? .queued : .completed,
          key: pick(3) == 0 ? "k\(pick(3))" : nil, input: .string(text()),
          parent: pick(2) == 0 ? nil : "run_\(pick(Self.runs))"))
    case 2...6: return append(index)
    case 7:
      fences[index] += 1
      return .takeFence(
        run: RunID(run), from: FencingToken(fences[index] - 1), to: FencingToken(fences[index]))
    case 8: return .deleteRun(RunID(run))
    case 9...17: return callMutation(pick(9))
    case 18 where pick(2) == 0:
      return .putComponent(
        ComponentRow(
          kind: ComponentRow.Kind.allCases[pick(2)], name: "c\(pick(3))", state: Array(text().utf8)))
    case 18: return .putAgent(AgentRow(name: AgentName("agent-\(pick(3))"), lastState: pick(2) == 0 ? nil : text()))
    default: return nodeMutation()
    }
  }

  private func callMutation(_ kind: Int) -> Mutation {
    let run = "run_\(pick(Self.runs))"
    switch kind {
    case 0, 1:
      return .insertEffect(
        StoreSamples.effect(
          effectID(), run: run, step: pick(3) == 0 ? StepPath("s") : .main, digest: "\(pick(3))", occurrence: pick(2),
          ordinal: Int64(pick(1000)),
          state: EffectState.allCases[pick(5)], request: pick(2) == 0 ? nil : Array(text().utf8)))
    case 2, 3:
      return .setOutcome(
        EffectID(effectID()), EffectState.allCases[pick(5)], StoreSamples.outcome(Array(text().utf8)))
    case 4:
      return .setEffectState((0...pick(2)).map { _ in EffectID(effectID()) }, EffectState.allCases[pick(5)])
    case 5, 6: return .placeHold(StoreSamples.hold(effectID(), run: run, counters: counters()))
    case 7: return .settleHold(StoreSamples.charge(effectID(), run: run, cost: Int64(pick(9)), counters: counters()))
    default: return .setMarks(counters().map { CounterMark(key: $0, mark: Spend(cost: NanoUSD(Int64(pick(9))))) })
    }
  }

  private func nodeMutation() -> Mutation {
    switch pick(3) {
    case 0: .deleteAgent(AgentName("agent-\(pick(3))"))
    case 1:
      .logRestart(
        RestartRow(
          supervisor: .root, child: StoreSamples.agent, at: StoreSamples.time(Int64(pick(9))), reason: text()))
    default: .putDefinition(DefinitionHash("d\(pick(2))"), Array(text().utf8))
    }
  }

  private func counters() -> [CounterKey] { (0..<pick(3)).map { _ in StoreSamples.counter(Int64(pick(3))) } }

  /// Mostly the right fence and the right head, as far as this side can know them.
  private mutating func append(_ index: Int) -> Mutation {
    let count = pick(3)
    if pick(8) == 0 { heads[index] = Int64(pick(6)) }
    let first = heads[index] + 1
    heads[index] += Int64(count)
    let status = RunStatus.allCases[pick(RunStatus.allCases.count)]
    var summary = RunSummary(status: status, updatedAt: StoreSamples.time(first))
    if pick(3) == 0 { summary.output = .string(text()) }
    if status == .paused { summary.pauseReason = PauseReason.allCases[pick(PauseReason.allCases.count)] }
    if status == .failed { summary.error = RunError(code: Self.codes[pick(3)], message: text(), exit: 3) }
    let entries = (0..<Int64(count)).map { offset in
      StoreSamples.entry(first + offset, .stepRecorded(path: StepPath("s"), value: .string(text())))
    }
    return .append(
      run: RunID("run_\(index)"), fence: FencingToken(pick(9) == 0 ? 0 : fences[index]), entries: entries,
      summary: summary)
  }
}

/// Everything that can be read from a store, for comparing two of them.
package struct StoreContents: Sendable, Equatable {
  package var runs: [RunRecord] = []
  package var requested: [RunRecord?] = []
  package var lists: [[RunID]] = []
  package var counts: [RunStatus: Int]
  package var journals: [[JournalEntry]] = []
  package var effects: [[EffectRow]] = []
  package var outcomes: [EffectOutcome?] = []
  package var requests: [[UInt8]?] = []
  package var counters: [CounterRow]
  package var holds: [HoldRow]
  package var charges: [ChargeRow]
  package var agents: [AgentRow]
  package var components: [ComponentRow]
  package var restarts: [RestartRow]
  package var definitions: [[UInt8]?] = []

  private static let queries =
    RunStatus.allCases.map { RunQuery(statuses: [$0]) } + RunKind.allCases.map { RunQuery(kinds: [$0]) }
    + PauseReason.allCases.map { RunQuery(reasons: [$0]) }
    + RandomTransactions.codes.map { RunQuery(errorCode: $0, topLevelOnly: true) }
    + (0..<RandomTransactions.runs).map { RunQuery(parent: RunID("run_\($0)")) }

  package init(of store: any Store) async throws(StoreError) {
    runs = try await store.runs(RunQuery())
    counts = try await store.runCounts()
    for query in Self.queries { lists.append(try await store.runs(query).map(\.id)) }
    for index in 0..<3 {
      requested.append(try await store.run(named: "researcher", idempotencyKey: "k\(index)"))
      definitions.append(try await store.definition(DefinitionHash("d\(index)")))
    }
    for index in 0..<RandomTransactions.runs {
      journals.append(try await store.journal(of: RunID("run_\(index)"), after: .none, limit: 10_000))
      let rows = try await store.effects(of: RunID("run_\(index)"))
      effects.append(rows.sorted { ($0.record.ordinal, $0.record.id) < ($1.record.ordinal, $1.record.id) })
    }
    for index in 0..<12 {
      outcomes.append(try await store.outcome(of: EffectID("eff_\(index)")))
      requests.append(try await store.request(of: EffectID("eff_\(index)")))
    }
    counters = try await store.counters()
    holds = try await store.openHolds()
    charges = try await store.charges(ChargeQuery(limit: 1000))
    agents = try await store.agents()
    components = []
    for kind in ComponentRow.Kind.allCases { components += try await store.components(kind) }
    restarts = try await store.restarts(since: StoreSamples.time(0))
  }
}
