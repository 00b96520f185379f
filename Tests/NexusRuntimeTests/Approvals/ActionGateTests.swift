// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Synchronization
import Testing

/// What stands between an agent and its actions: rules, what was done before, and people.
@Suite(.timeLimit(.minutes(1))) struct `The gate before actions` {
  private static let ann = OperatorIdentity(name: "ann", role: "ops")

  /// Permits up to a sum, asks above, and forbids a second action of one run.
  private final class Judge: ActionJudge {
    let policyHash: String
    let limit: Int
    init(policyHash: String = "p1", limit: Int = .max) {
      self.policyHash = policyHash
      self.limit = limit
    }
    var onForbidden: GovernanceSpec.OnForbidden { .stop }
    func knows(_ tool: String) -> Bool { tool == "pay" }
    func effect(of tool: String) -> EffectClass? { tool == "pay" ? .irreversible : nil }
    func judge(_ action: ProposedAction) -> ActionVerdict {
      guard action.history.count < limit else {
        return ActionVerdict(.forbidden(code: "NX-GAT-092"), boundary: "rate", effect: .irreversible)
      }
      let amount = action.arguments["amount"]?.intValue ?? 0
      return amount <= 100
        ? ActionVerdict(.permitted, effect: .irreversible)
        : ActionVerdict(.needsApproval(policy: "review"), effect: .irreversible)
    }
  }

  private static func with(
    _ judge: Judge, _ body: @Sendable (RuntimeFixture, RunID, FakeProcess) async throws -> Void
  ) async throws {
    var plan = RuntimeFixture.plan()
    plan.approvals = [ApprovalPolicy(name: "review", approvers: ["ops"], expiresIn: .seconds(1_000))]
    try await RuntimeFixture.with(plan, actions: judge) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let process = try #require(await processes.next())
      try await body(fixture, run, process)
      process.succeed("1")
      await fixture.runtime.executor.wait(for: run)
    }
  }

  private static func proposal(_ run: RunID, _ amount: Int64, _ effect: String, slot: String? = nil) -> EffectProposal {
    EffectProposal(
      caller: Caller(agent: RuntimeFixture.worker, run: run, step: .main, attempt: AttemptNumber(1)), tool: "pay",
      arguments: ["amount": .int(amount)], effect: EffectID(effect), slot: slot ?? "\(amount)#0")
  }

  private static func waits(_ ruling: EffectRuling) throws -> ApprovalID {
    guard case .waits(let wait) = ruling else {
      Issue.record("\(ruling)")
      throw RuntimeFixture.Missing()
    }
    return wait.approval
  }

  private static func permit(_ ruling: EffectRuling) -> EffectPermit? {
    if case .permitted(let permit) = ruling { permit } else { nil }
  }

  @Test func `a yes is good for one announcement of that very action`() async throws {
    try await Self.with(Judge()) { fixture, run, _ in
      let gate = fixture.runtime.gate
      let id = try Self.waits(await gate.rule(on: Self.proposal(run, 420, "eff_1")))
      // Asked again, it is the same question.
      #expect(try Self.waits(await gate.rule(on: Self.proposal(run, 420, "eff_2"))) == id)
      fixture.clock.advance(by: .seconds(1))
      _ = try await fixture.runtime.approvals.decide(id, .approve, by: Self.ann, digest: nil, reason: "")
      // Other arguments are another question.
      #expect(try Self.waits(await gate.rule(on: Self.proposal(run, 421, "eff_3"))) != id)
      // Two attempts get a permit, and one of them can announce it.
      let first = try #require(Self.permit(await gate.rule(on: Self.proposal(run, 420, "eff_4"))))
      let second = try #require(Self.permit(await gate.rule(on: Self.proposal(run, 420, "eff_5"))))
      try await fixture.store.commit(StoreTransaction(.synced, first.mutations))
      await #expect(throws: StoreError.self) {
        try await fixture.store.commit(StoreTransaction(.synced, second.mutations))
      }
      #expect(try await fixture.store.approval(id)?.machine?.effect == EffectID("eff_4"))
      // Used up, it asks anew.
      fixture.clock.advance(by: .seconds(1))
      #expect(try Self.waits(await gate.rule(on: Self.proposal(run, 420, "eff_6"))) != id)
    }
  }

  @Test func `rules that change make a yes void`() async throws {
    try await Self.with(Judge()) { fixture, run, _ in
      let gate = fixture.runtime.gate
      let id = try Self.waits(await gate.rule(on: Self.proposal(run, 420, "eff_1")))
      fixture.clock.advance(by: .seconds(1))
      _ = try await fixture.runtime.approvals.decide(id, .approve, by: Self.ann, digest: nil, reason: "")
      gate.reload(Judge(policyHash: "p2"))
      fixture.clock.advance(by: .seconds(1))
      #expect(try Self.waits(await gate.rule(on: Self.proposal(run, 420, "eff_2"))) != id)
      #expect(try await fixture.store.approval(id)?.machine?.status == .void)
    }
  }

  @Test func `what a person has written in is what is permitted`() async throws {
    try await Self.with(Judge()) { fixture, run, _ in
      let gate = fixture.runtime.gate
      let id = try Self.waits(await gate.rule(on: Self.proposal(run, 420, "eff_1")))
      fixture.clock.advance(by: .seconds(1))
      let next = try await fixture.runtime.approvals.decide(
        id, .edit(arguments: ["amount": 150]), by: Self.ann, digest: nil, reason: "less")
      #expect(next.status == .approved && next.request.replaces == id)
      let permit = try #require(Self.permit(await gate.rule(on: Self.proposal(run, 420, "eff_2"))))
      #expect(permit.arguments == ["amount": 150] && permit.mutations.count == 1)
    }
  }

  @Test func `a no stays one, and is told`() async throws {
    try await Self.with(Judge()) { fixture, run, _ in
      let gate = fixture.runtime.gate
      let id = try Self.waits(await gate.rule(on: Self.proposal(run, 420, "eff_1")))
      _ = try await fixture.runtime.approvals.decide(id, .deny, by: Self.ann, digest: nil, reason: "too much")
      for effect in ["eff_2", "eff_3"] {
        guard case .denied(let code, let message) = await gate.rule(on: Self.proposal(run, 420, effect)) else {
          Issue.record("not denied")
          return
        }
        #expect(code == "NX-APR-003" && message.contains("too much"))
      }
    }
  }

  @Test func `actions at the same moment know of each other`() async throws {
    try await Self.with(Judge(limit: 3)) { fixture, run, _ in
      let gate = fixture.runtime.gate
      let permitted = await withTaskGroup(of: Bool.self) { group in
        for number in 0..<20 {
          group.addTask {
            Self.permit(await gate.rule(on: Self.proposal(run, 1, "eff_\(number)", slot: "s\(number)"))) != nil
          }
        }
        return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(permitted == 3)
    }
  }

  @Test func `what was not announced after all does not count`() async throws {
    try await Self.with(Judge(limit: 1)) { fixture, run, _ in
      let gate = fixture.runtime.gate
      let first = Self.proposal(run, 1, "eff_1", slot: "a")
      #expect(Self.permit(await gate.rule(on: first)) != nil)
      #expect(Self.permit(await gate.rule(on: Self.proposal(run, 1, "eff_2", slot: "b"))) == nil)
      gate.withdrew(first)
      #expect(Self.permit(await gate.rule(on: Self.proposal(run, 1, "eff_3", slot: "c"))) != nil)
      // A question to people is no action until it is answered.
      gate.reload(Judge(limit: 2))
      _ = try Self.waits(await gate.rule(on: Self.proposal(run, 420, "eff_4")))
      #expect(Self.permit(await gate.rule(on: Self.proposal(run, 1, "eff_5", slot: "d"))) != nil)
    }
  }

  @Test func `a store that cannot be read permits nothing`() async throws {
    let isUnreadable = Atomic(false)
    let store = FaultyStore(
      InMemoryStore(), fate: { _ in .done }, isUnreadable: { isUnreadable.load(ordering: .relaxed) })
    var plan = RuntimeFixture.plan()
    plan.approvals = [ApprovalPolicy(name: "review", approvers: ["ops"])]
    try await RuntimeFixture.with(plan, store: store, actions: Judge()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let process = try #require(await processes.next())
      isUnreadable.store(true, ordering: .relaxed)
      guard case .denied(let code, _) = await fixture.runtime.gate.rule(on: Self.proposal(run, 1, "eff_1")) else {
        Issue.record("not denied")
        return
      }
      #expect(code == "NX-GAT-095")
      isUnreadable.store(false, ordering: .relaxed)
      process.succeed("1")
      await fixture.runtime.executor.wait(for: run)
    }
  }
}
