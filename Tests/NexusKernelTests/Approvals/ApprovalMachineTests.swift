// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Who may answer a question, when enough have, and what its answer is good for.
@Suite struct `An approval` {
  static let start = WallTime(microseconds: 1_000_000_000)
  static let ann = OperatorIdentity(name: "ann", role: "ops")
  static let bob = OperatorIdentity(name: "bob", role: "ops")
  static let lea = OperatorIdentity(name: "lea", role: "lead")
  static let eve = OperatorIdentity(name: "eve", role: "viewer")

  static func at(_ seconds: Int64) -> WallTime { start + .seconds(seconds) }

  static func machine(
    quorum: Int = 1, life: Int64? = 1000, _ change: (inout ApprovalPolicy) -> Void = { _ in }
  ) -> ApprovalMachine {
    var policy = ApprovalPolicy(name: "review", approvers: ["ops"], expiresIn: life.map { .seconds($0) })
    policy.quorum = quorum
    change(&policy)
    let subject = ApprovalSubject(
      run: RunID("run_1"), step: .main, epoch: 0, tool: "payments.refund", arguments: ["amount": 420],
      effect: .irreversible, policyHash: "p", requester: "agent:clerk")
    return ApprovalMachine(
      ApprovalRequest(
        id: ApprovalID("apr_1"), subject: subject, agent: AgentName("clerk"), slot: "d#0", nonce: "n", digest: "good",
        policy: policy, reason: "", requestedAt: start, expiresAt: life.map { at($0) }))
  }

  private static func approve(_ who: OperatorIdentity, digest: String? = nil) -> ApprovalMachine.Event {
    .decide(.approve, by: who, digest: digest, reason: "")
  }
  private static func deny(_ who: OperatorIdentity) -> ApprovalMachine.Event {
    .decide(.deny, by: who, digest: nil, reason: "no")
  }

  @Test func `one of the approvers says yes, and it is good for one action`() {
    var machine = Self.machine()
    #expect(
      machine.handle(Self.approve(Self.ann), at: Self.at(1)).entries == [.agreed(by: Self.ann, reason: ""), .approved])
    #expect(machine.status == .approved)
    let use = ApprovalMachine.Event.use(EffectID("eff_1"), digest: "good")
    #expect(machine.handle(use, at: Self.at(2)).entries == [.consumed(EffectID("eff_1"))])
    let again = machine.handle(.use(EffectID("eff_2"), digest: "good"), at: Self.at(3))
    #expect(again.entries.isEmpty && again.refusal == .used)
    #expect(machine.effect == EffectID("eff_1"))
  }

  @Test func `it does not fit another action`() {
    var machine = Self.machine()
    _ = machine.handle(Self.approve(Self.ann), at: Self.at(1))
    let used = machine.handle(.use(EffectID("eff_1"), digest: "other"), at: Self.at(2))
    #expect(used.refusal == .otherDigest)
    #expect(machine.status == .void)
    #expect(machine.handle(.use(EffectID("eff_1"), digest: "good"), at: Self.at(3)).refusal == .notApproved)
  }

  @Test func `nothing is used that nobody approved`() {
    var machine = Self.machine()
    #expect(machine.handle(.use(EffectID("eff_1"), digest: "good"), at: Self.at(1)).refusal == .notApproved)
    _ = machine.handle(Self.deny(Self.ann), at: Self.at(2))
    #expect(machine.handle(.use(EffectID("eff_1"), digest: "good"), at: Self.at(3)).refusal == .notApproved)
  }

  @Test func `a quorum counts different names`() {
    var machine = Self.machine(quorum: 2)
    _ = machine.handle(Self.approve(Self.ann), at: Self.at(1))
    #expect(machine.status == .requested && machine.missing == 1)
    // The same name with another role is the same person.
    let twice = OperatorIdentity(name: "ann", role: "ops")
    #expect(machine.handle(Self.approve(twice), at: Self.at(2)).entries.isEmpty)
    #expect(machine.status == .requested)
    _ = machine.handle(Self.approve(Self.bob), at: Self.at(3))
    #expect(machine.status == .approved)
  }

  @Test func `the owner stands in for every role, once`() {
    var machine = Self.machine(quorum: 2)
    _ = machine.handle(Self.approve(.owner), at: Self.at(1))
    _ = machine.handle(Self.approve(.owner), at: Self.at(2))
    #expect(machine.status == .requested)
    _ = machine.handle(Self.approve(Self.ann), at: Self.at(3))
    #expect(machine.status == .approved)
  }

  @Test func `one no is enough, and the first end stands`() {
    var machine = Self.machine(quorum: 2)
    _ = machine.handle(Self.approve(Self.ann), at: Self.at(1))
    _ = machine.handle(Self.deny(Self.bob), at: Self.at(2))
    #expect(machine.status == .denied && machine.reason == "no" && machine.decider == Self.bob)
    #expect(machine.handle(Self.deny(Self.bob), at: Self.at(3)).refusal == nil)
    let late = machine.handle(Self.approve(Self.ann), at: Self.at(4))
    #expect(late.refusal == .settled && late.entries == [.rejected(by: Self.ann, .settled)])
    #expect(machine.status == .denied)
  }

  @Test func `whoever may not decide is written down, and changes nothing`() {
    var machine = Self.machine()
    #expect(machine.handle(Self.approve(Self.eve), at: Self.at(1)).refusal == .notApprover)
    #expect(machine.handle(Self.approve(Self.lea), at: Self.at(1)).refusal == .notApprover)
    #expect(machine.handle(Self.approve(Self.ann, digest: "old"), at: Self.at(1)).refusal == .otherDigest)
    #expect(machine.rejections == 3 && machine.status == .requested && machine.agreements.isEmpty)
  }

  @Test func `rejected decisions are written down up to a limit`() {
    var machine = Self.machine()
    var written = 0
    for _ in 0..<(ApprovalLimits.rejections * 2) {
      written += machine.handle(Self.approve(Self.eve), at: Self.at(1)).entries.count
    }
    #expect(written == ApprovalLimits.rejections)
  }

  @Test(arguments: [false, true])
  func `whoever asks answers only if the policy lets them`(mayApprove: Bool) {
    var machine = Self.machine { $0.requesterMayApprove = mayApprove }
    let same = OperatorIdentity(name: "agent:clerk", role: "ops")
    let decision = machine.handle(Self.approve(same), at: Self.at(1))
    #expect(decision.refusal == (mayApprove ? nil : .ownRequest))
    #expect(machine.status == (mayApprove ? .approved : .requested))
  }

  @Test func `time warns, escalates and at last denies`() {
    var machine = Self.machine {
      ($0.warnAt, $0.escalateAt, $0.escalateTo) = ([75, 95], 50, ["lead"])
    }
    #expect(machine.deadline == Self.at(500))
    #expect(machine.handle(.tick, at: Self.at(499)).entries.isEmpty)
    #expect(machine.handle(.tick, at: Self.at(500)).entries == [.escalated(percent: 50)])
    #expect(machine.status == .escalated && machine.deadline == Self.at(750))
    #expect(machine.handle(.tick, at: Self.at(750)).entries == [.warned(percent: 75)])
    #expect(machine.handle(.tick, at: Self.at(960)).entries == [.warned(percent: 95)])
    #expect(machine.deadline == Self.at(1000))
    #expect(machine.handle(.tick, at: Self.at(1000)).entries == [.expired])
    #expect(machine.status == .expired && machine.deadline == nil)
    #expect(machine.handle(Self.approve(Self.ann), at: Self.at(1001)).refusal == .expired)
  }

  @Test func `after the escalation the others decide as well`() {
    var machine = Self.machine { ($0.escalateAt, $0.escalateTo) = (50, ["lead"]) }
    #expect(machine.handle(Self.approve(Self.lea), at: Self.at(499)).refusal == .notApprover)
    let decision = machine.handle(Self.approve(Self.lea), at: Self.at(501))
    #expect(decision.entries == [.escalated(percent: 50), .agreed(by: Self.lea, reason: ""), .approved])
  }

  @Test func `an answer is good no longer than its question`() {
    var machine = Self.machine()
    _ = machine.handle(Self.approve(Self.ann), at: Self.at(1))
    #expect(machine.deadline == Self.at(1000))
    #expect(machine.handle(.use(EffectID("eff_1"), digest: "good"), at: Self.at(1000)).refusal == .expired)
    #expect(machine.status == .expired)
  }

  @Test func `without an end it waits for ever`() {
    var machine = Self.machine(life: nil)
    #expect(machine.deadline == nil)
    #expect(machine.handle(.tick, at: Self.at(1_000_000_000)).entries.isEmpty)
    _ = machine.handle(Self.approve(Self.ann), at: Self.at(1_000_000_001))
    #expect(machine.status == .approved)
  }

  @Test func `an edit ends it, and names what takes its place`() {
    var machine = Self.machine()
    let next = ApprovalID("apr_2")
    _ = machine.handle(.decide(.edit(next: next), by: Self.ann, digest: nil, reason: "less"), at: Self.at(1))
    #expect(machine.status == .edited && machine.next == next)
    #expect(machine.handle(Self.approve(Self.bob), at: Self.at(2)).refusal == .settled)
  }

  @Test(arguments: [1, 2])
  func `whoever may decide after the escalation may also edit, which says yes to what they wrote`(quorum: Int) {
    var machine = Self.machine(quorum: quorum) { ($0.escalateAt, $0.escalateTo) = (50, ["lead"]) }
    let edit = ApprovalMachine.Verdict.edit(next: ApprovalID("apr_2"))
    #expect(machine.handle(.decide(edit, by: Self.lea, digest: nil, reason: "less"), at: Self.at(600)).refusal == nil)
    var request = machine.request
    (request.id, request.replaces, request.requestedAt) = (ApprovalID("apr_2"), machine.request.id, Self.at(600))
    let (successor, first) = machine.successor(request, by: Self.lea, reason: "less", at: Self.at(600))
    #expect(first.refusal == nil)
    let yes: [ApprovalEntry] = [
      .requested(request), .escalated(percent: 50), .agreed(by: Self.lea, reason: "less"),
    ]
    #expect(first.entries == yes + (quorum == 1 ? [.approved] : []))
    #expect(successor.status == (quorum == 1 ? .approved : .escalated) && successor.missing == quorum - 1)
    #expect(ApprovalMachine(first.entries.map { (Self.at(600), $0) }) == successor)
    // Nobody else's word counts for that.
    #expect(machine.successor(request, by: Self.eve, reason: "", at: Self.at(600)).first.refusal == .notApprover)
  }

  // MARK: Seeds

  /// Whatever happens in whatever order: the record alone leads to the same state, and nothing is ever used twice,
  /// without enough yeses, with another digest or after its time.
  @Test(arguments: 0..<500 as Range<UInt64>)
  func `no order of events breaks its promises`(seed: UInt64) {
    var random = SplitMix(seed: seed)
    func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
    let quorum = 1 + pick(3)
    var machine = Self.machine(quorum: quorum) { ($0.warnAt, $0.escalateAt, $0.escalateTo) = ([20, 80], 50, ["lead"]) }
    var record: [(at: WallTime, entry: ApprovalEntry)] = [(Self.start, .requested(machine.request))]
    var time: Int64 = 0
    var uses = 0
    let people = [Self.ann, Self.bob, Self.lea, Self.eve, .owner]
    for _ in 0..<40 {
      time += Int64(pick(40))
      let who = people[pick(people.count)]
      let digest = pick(4) == 0 ? "other" : "good"
      let event: ApprovalMachine.Event =
        switch pick(8) {
        case 0...3: Self.approve(who, digest: digest)
        case 4: pick(6) == 0 ? Self.deny(who) : .tick
        case 5: pick(12) == 0 ? .decide(.edit(next: ApprovalID("apr_2")), by: who, digest: digest, reason: "") : .tick
        case 6: .use(EffectID("eff_\(time)"), digest: digest)
        default: pick(20) == 0 ? .cancel(reason: "over") : .tick
        }
      let before = machine
      let decision = machine.handle(event, at: Self.at(time))
      record += decision.entries.map { (Self.at(time), $0) }
      if !before.status.isLive { #expect(machine.status == before.status) }
      guard decision.entries.contains(where: { if case .consumed = $0 { true } else { false } }) else { continue }
      uses += 1
      #expect(before.status == .approved && digest == "good" && time < 1000)
      #expect(Set(before.agreements.map(\.by.name)).count >= quorum)
      #expect(before.agreements.allSatisfy { $0.by != Self.eve })
    }
    #expect(uses <= 1)
    #expect(ApprovalMachine(record) == machine)
  }

  // MARK: What it is bound to

  @Test func `every part of the action is bound`() {
    let subject = Self.machine().request.subject
    func bytes(_ change: (inout ApprovalSubject) -> Void) -> [UInt8] {
      var changed = subject
      change(&changed)
      return changed.boundBytes(nonce: "n", expiresAt: Self.at(1))
    }
    let same = bytes { _ in }
    #expect(bytes { $0.arguments = ["amount": .double(420)] } == same)
    let others = [
      bytes { $0.run = RunID("run_2") }, bytes { $0.step = StepPath("other") }, bytes { $0.epoch = 1 },
      bytes { $0.tool = "payments.refunds" }, bytes { $0.arguments = ["amount": 421] },
      bytes { $0.arguments = ["amount": 420, "to": "eve"] }, bytes { $0.effect = .readOnly },
      bytes { $0.policyHash = "q" }, bytes { $0.requester = "agent:other" }, bytes { $0.readSet = ["k": "1"] },
      subject.boundBytes(nonce: "m", expiresAt: Self.at(1)), subject.boundBytes(nonce: "n", expiresAt: Self.at(2)),
      subject.boundBytes(nonce: "n", expiresAt: nil),
    ]
    #expect(Set(others).count == others.count && !others.contains(same))
    #expect(same.prefix(8) == [0, 0, 0, 0, 0, 0, 0, 16])
    #expect(String(decoding: same[8..<24], as: UTF8.self) == "naos/approval/v1")
    #expect(
      String(decoding: same[24...], as: UTF8.self).hasPrefix(#"{"arguments":{"amount":420},"effect":"irreversible""#))
  }
}
