// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension StoreConformance {
  private static func request(_ id: String, run: String = "run_1", slot: String = "d#0") -> ApprovalRequest {
    var policy = ApprovalPolicy(name: "review", approvers: ["ops"], expiresIn: .seconds(9))
    (policy.warnAt, policy.escalateAt, policy.escalateTo) = ([75], 50, ["lead"])
    var subject = ApprovalSubject(
      run: RunID(run), step: .main, epoch: 1, tool: "payments.refund", arguments: ["amount": 420, "to": "a\u{0}b"],
      effect: .irreversible, policyHash: "p", requester: "agent:clerk")
    subject.readSet = ["orders": "7"]
    return ApprovalRequest(
      id: ApprovalID(id), subject: subject, agent: AgentName("clerk"), slot: slot, nonce: "n", digest: "d",
      policy: policy, reason: "much", evidence: ["why": "x"], requestedAt: StoreSamples.time(1),
      expiresAt: StoreSamples.time(10), replaces: id == "apr_1" ? nil : ApprovalID("apr_0"))
  }

  private static func write(
    _ id: String, after: Int, _ entries: [ApprovalEntry], _ status: ApprovalStatus
  ) -> Mutation {
    .noteApproval(
      ApprovalWrite(
        id: ApprovalID(id), after: after, at: StoreSamples.time(Int64(after + 1)), entries: entries, status: status))
  }

  private static func begin(_ id: String, run: String = "run_1", slot: String = "d#0") -> Mutation {
    write(id, after: 0, [.requested(request(id, run: run, slot: slot))], .requested)
  }

  static let approvalCases: [Case] = [
    Case("the record of an approval reads as it was written") { store in
      let ann = OperatorIdentity(name: "ann", role: "ops")
      let entries: [ApprovalEntry] =
        [
          .warned(percent: 75), .escalated(percent: 50), .agreed(by: ann, reason: "fine"), .approved,
          .denied(by: ann, reason: "no"), .edited(by: ann, next: ApprovalID("apr_2"), reason: ""), .expired,
          .cancelled(reason: "over"), .voided(reason: "other"), .consumed(EffectID("eff_1")),
        ] + ApprovalRefusal.allCases.map { .rejected(by: ann, $0) }
      try await store.commit(begin("apr_1"), write("apr_1", after: 1, entries, .consumed))
      let found = try await store.approval(ApprovalID("apr_1"))
      try expect(found?.notes.map(\.entry), [.requested(request("apr_1"))] + entries)
      try expect(found?.notes.map(\.at).prefix(2), [StoreSamples.time(1), StoreSamples.time(2)])
      try expect(try await store.approval(ApprovalID("apr_2")), nil)
    },
    Case("of two who write about an approval at once, one comes too late") { store in
      try await store.commit(begin("apr_1"))
      try await store.commit(write("apr_1", after: 1, [.approved], .approved))
      try await store.expectRefusal(.staleGuard, write("apr_1", after: 1, [.expired], .expired))
      try await store.expectRefusal(.staleGuard, write("apr_2", after: 1, [.expired], .expired))
      try await store.expectRefusal(.duplicate, begin("apr_1"))
      try expect(try await store.approval(ApprovalID("apr_1"))?.machine?.status, .approved)
    },
    Case("an approval is used up with what it allows, or neither happens") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")), begin("apr_1"))
      try await store.commit(write("apr_1", after: 1, [.approved], .approved))
      let use = write("apr_1", after: 2, [.consumed(EffectID("eff_1"))], .consumed)
      try await store.commit(use, .insertEffect(StoreSamples.effect("eff_1", run: "run_1")))
      let again = write("apr_1", after: 2, [.consumed(EffectID("eff_2"))], .consumed)
      try await store.expectRefusal(
        .staleGuard, again, .insertEffect(StoreSamples.effect("eff_2", run: "run_1", ordinal: 2)))
      try expect(try await store.effects(of: RunID("run_1")).map(\.record.id), [EffectID("eff_1")])
    },
    Case("approvals are listed by what is asked for, the newest first") { store in
      try await store.commit(
        begin("apr_1"), begin("apr_2", slot: "d#1"), begin("apr_3", run: "run_2"), begin("apr_4"),
        write("apr_2", after: 1, [.expired], .expired))
      func ids(_ query: ApprovalQuery) async throws -> [String] {
        try await store.approvals(query).compactMap { $0.machine?.request.id.text }
      }
      try expect(try await ids(ApprovalQuery(limit: 9)), ["apr_4", "apr_3", "apr_2", "apr_1"])
      try expect(try await ids(ApprovalQuery(limit: 2)), ["apr_4", "apr_3"])
      try expect(try await ids(ApprovalQuery(before: ApprovalID("apr_3"), limit: 9)), ["apr_2", "apr_1"])
      try expect(try await ids(ApprovalQuery(statuses: [.expired, .denied], limit: 9)), ["apr_2"])
      try expect(
        try await ids(ApprovalQuery(statuses: ApprovalQuery.live, run: RunID("run_1"), limit: 9)), ["apr_4", "apr_1"])
      let place = ApprovalQuery.Place(step: .main, slot: "d#0")
      try expect(try await ids(ApprovalQuery(run: RunID("run_1"), place: place, limit: 1)), ["apr_4"])
      try expect(try await ids(ApprovalQuery(limit: 0)), [])
      try expect(try await store.approvalCount([.requested, .expired]), 4)
      try expect(try await store.approvalCount([.denied]), 0)
    },
    Case("approvals go with their run") { store in
      try await store.commit(
        .insertRun(StoreSamples.run("run_1", status: .completed)), begin("apr_1"), begin("apr_2", run: "run_2"))
      try await store.commit(.deleteRun(RunID("run_1")))
      try expect(try await store.approval(ApprovalID("apr_1")), nil)
      try expect(try await store.approvals(ApprovalQuery(limit: 9)).count, 1)
    },
  ]
}
