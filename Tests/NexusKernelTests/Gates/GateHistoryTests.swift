// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// What follows from verdicts: counting, progress, limits.
@Suite struct `The history of a gate` {
  private static func judge(
    _ value: JSONValue, _ history: GateHistory, by gates: [GateDefinition], spent: Int64 = 0,
    leeway: GateLeeway = GateLeeway()
  ) -> GateJudgement {
    let findings = gates.map { gate in
      SampleJudge().judge(
        GateQuestion(gate: gate, value: value, variables: [:], now: WallTime(microseconds: 0)))
    }
    return history.judgement(
      of: value, .output, by: gates, findings, spent: NanoUSD(spent), leeway: leeway)
  }

  /// What becomes of outputs that come one after the other, until one is not asked for anew.
  private static func fates(
    _ values: [JSONValue], _ gates: GateDefinition..., costs: [Int64] = [], leeway: GateLeeway = GateLeeway()
  ) -> [String] {
    var history = GateHistory()
    var fates: [String] = []
    for (index, value) in values.enumerated() {
      let judgement = judge(
        value, history, by: gates, spent: index < costs.count ? costs[index] : 0, leeway: leeway)
      history.apply(judgement)
      fates.append(judgement.consequence.rawValue + (judgement.reason.map { " \($0.rawValue)" } ?? ""))
      if judgement.consequence != .retry { break }
    }
    return fates
  }

  /// An odd value that is odd at a place of its own, so that each is another mistake.
  private static func odd(_ place: String) -> JSONValue { ["kind": "odd", "path": .string("/" + place)] }

  @Test func `each verdict has its consequence`() {
    #expect(Self.fates(["good"], .sample()) == ["pass"])
    #expect(Self.fates(["plain"], .sample()) == ["warn"])
    #expect(Self.fates(["faint"], .sample()) == ["escalate"])
    #expect(Self.fates(["wild"], .sample()) == ["stop"])
    #expect(Self.fates(["odd", "good"], .sample()) == ["retry", "pass"])
  }

  @Test(arguments: 1...4)
  func `the first try counts`(attempts: Int) {
    let gate = GateDefinition.sample { $0.retry.maxAttempts = attempts }
    let fates = Self.fates((0..<10).map { Self.odd("\($0)") }, gate)
    #expect(fates.count == attempts)
    #expect(fates.last == "stop exhausted")
    #expect(fates.dropLast().allSatisfy { $0 == "retry" })
  }

  @Test func `a person is asked when the tries are used up, if the gate says so`() {
    let gate = GateDefinition.sample {
      $0.retry.maxAttempts = 2
      $0.onExhausted = .escalate
    }
    #expect(Self.fates([Self.odd("a"), Self.odd("b")], gate) == ["retry", "escalate exhausted"])
  }

  @Test(arguments: [
    (NoProgress.stop, ["retry", "stop noProgress"]), (.escalate, ["retry", "escalate noProgress"]),
    (.ignore, ["retry", "retry", "stop exhausted"]),
  ])
  func `the same output again is no progress`(policy: NoProgress, fates: [String]) {
    #expect(Self.fates(["odd", "odd", "odd"], .sample { $0.retry.noProgress = policy }) == fates)
  }

  @Test func `another output with the same mistakes is no progress either`() {
    let first: JSONValue = ["kind": "odd", "path": "/a", "text": "one"]
    let second: JSONValue = ["kind": "odd", "path": "/a", "text": "two"]
    #expect(Self.fates([first, second], .sample()) == ["retry", "stop noProgress"])
  }

  @Test func `no retry is begun once the attempts have cost what they may`() {
    let gate = GateDefinition.sample { $0.retry.maxCost = NanoUSD(100) }
    #expect(
      Self.fates([Self.odd("a"), Self.odd("b"), Self.odd("c")], gate, costs: [60, 100, 140]) == ["retry", "stop cost"])
  }

  @Test func `of several gates the most severe verdict holds, and of their retries the strictest limit`() {
    let patient = GateDefinition.sample("patient") { $0.retry.maxAttempts = 9 }
    let strict = GateDefinition.sample("strict") {
      $0.retry.maxAttempts = 2
      $0.onExhausted = .escalate
    }
    #expect(Self.fates([Self.odd("a"), Self.odd("b")], patient, strict) == ["retry", "escalate exhausted"])
    let hard = GateDefinition.sample("hard") { $0.program = ["odd": "stop"] }
    let judgement = Self.judge("odd", GateHistory(), by: [patient, hard])
    #expect(judgement.verdict == .stop)
    #expect(judgement.validator == "hard")
  }

  @Test func `what only observes changes nothing and is told`() {
    let watching = GateDefinition.sample("watching") { $0.observes = true }
    let judgement = Self.judge("wild", GateHistory(), by: [watching])
    #expect(judgement.verdict == .pass)
    #expect(judgement.mayProceed)
    #expect(judgement.rejected == nil)
    #expect(judgement.findings.map(\.verdict) == [.stop])
    #expect(judgement.findings.map(\.isObserved) == [true])
  }

  @Test func `what cannot be asked for anew is exhausted at once`() {
    #expect(Self.fates(["odd"], .sample(), leeway: GateLeeway(canRetry: false)) == ["stop cannotRetry"])
  }

  @Test func `what cannot be undone is stopped by nobody but a person`() {
    #expect(Self.fates(["wild"], .sample(), leeway: GateLeeway(mustAsk: true)) == ["escalate cannotUndo"])
    #expect(
      Self.fates(["odd"], .sample(), leeway: GateLeeway(canRetry: false, mustAsk: true)) == ["escalate cannotUndo"])
  }

  // MARK: Memory

  @Test func `a person's retry begins the count anew, and keys are never used twice`() {
    var history = GateHistory()
    let gate = GateDefinition.sample {
      $0.retry.maxAttempts = 2
      $0.onExhausted = .escalate
    }
    #expect(history.keySuffix == "")
    history.apply(Self.judge(Self.odd("a"), history, by: [gate]))
    #expect(history.keySuffix == "#g1")
    history.apply(Self.judge(Self.odd("b"), history, by: [gate]))
    #expect(history.isEscalated)
    #expect(history.rejections == 2)
    history.apply(.retry)
    #expect(!history.isEscalated)
    #expect(history.rejections == 0)
    #expect(history.keySuffix == "#g2")
    let next = Self.judge(Self.odd("c"), history, by: [gate])
    #expect(next.number == 1)
    #expect(next.consequence == .retry)
  }

  @Test func `the agent is told what was wrong, as data of a bounded size`() throws {
    var history = GateHistory()
    let gates = [GateDefinition.sample { $0.retry.maxAttempts = 5 }]
    #expect(history.feedback(by: gates) == nil)
    history.apply(Self.judge(Self.odd("a"), history, by: gates))
    let first = try #require(history.feedback(by: gates))
    #expect(first["validator"] == "g")
    #expect(first["attempt"] == 1)
    #expect(first["of"] == 5)
    #expect(first["errors"]?.arrayValue?.compactMap { $0["path"] } == ["/a"])
    #expect(first["earlier"] == nil)
    history.apply(Self.judge(Self.odd("b"), history, by: gates))
    let second = try #require(history.feedback(by: gates))
    #expect(second["errors"]?.arrayValue?.compactMap { $0["path"] } == ["/b"])
    #expect(second["earlier"]?.arrayValue?.count == 1)
    #expect(history.feedback(by: [.sample { $0.retry.hasFeedback = false }]) == nil)

    var long = GateHistory()
    long.apply(
      GateJudgement(
        number: 1,
        findings: [
          GateFinding(
            validator: "g", verdict: .retry,
            errors: (0..<200).map {
              ["path": "/a", "code": "c", "message": .string(String(repeating: "x", count: 100) + "\($0)")]
            })
        ], verdict: .retry, consequence: .retry, rejected: "odd"))
    let feedback = try #require(long.feedback(by: gates))
    #expect((feedback["errors"]?.arrayValue?.count ?? 0) <= GateHistory.maxFeedbackErrors)
    #expect(feedback.text().utf8.count <= GateHistory.maxFeedbackBytes + 200)
  }

  @Test func `each retry asks for more of the last model answers anew, until one is made`() {
    var history = GateHistory()
    let gates = [GateDefinition.sample { $0.retry.maxAttempts = 9 }]
    for (index, rewind) in [1, 2, 4, 8].enumerated() {
      history.apply(Self.judge(Self.odd("\(index)"), history, by: gates))
      #expect(history.pendingRewind == rewind)
      history.started()
      #expect(history.pendingRewind == 0)
    }
  }

  @Test func `the pinned form of a gate is read as it was`() throws {
    var gate = GateDefinition.sample("g")
    gate.variables = [.steps, .run]
    gate.retry = GateRetry(
      maxAttempts: 7, noProgress: .escalate, maxCost: NanoUSD(5), backoff: .seconds(3), hasFeedback: false)
    gate.onExhausted = .escalate
    gate.observes = true
    var flow = FlowDefinition.workflow([.agent("a")]).guarded(gate)
    flow.gates["other"] = .sample("other")
    #expect(FlowDefinition(pinned: flow.pinned) == flow)
    var unknown = flow
    unknown.steps[0].gates = ["nobody"]
    #expect(FlowDefinition(pinned: unknown.pinned) == nil)
    // Nothing that is rejected may pass by being rejected often.
    var lax = flow
    lax.gates["g"]?.onExhausted = .pass
    #expect(FlowDefinition(pinned: lax.pinned) == nil)
    #expect(FlowDefinition.workflow([.agent("a")]).pinned["gates"] == nil)
  }
}
