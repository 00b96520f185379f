// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusKernel
import NexusStore
import Testing

@Suite struct EntryFormatTests {
  /// One of every entry that version 1 can write; new cases go to the end and to the golden file.
  static let entries: [RunEntry] =
    [
      .created(
        RunCreation(
          kind: .agent, name: "researcher", input: ["question": "why?\n\u{1F600}"], definition: DefinitionHash("d0"),
          idempotencyKey: "k")),
      .created(RunCreation(kind: .saga, name: "s", input: nil, definition: DefinitionHash("d1"))),
      .attemptStarted(step: .main, attempt: AttemptNumber(2), dropped: 4),
    ]
    + outcomes.map {
      .attemptEnded(
        step: StepPath("research[2].draft"), attempt: AttemptNumber(1),
        AttemptEnd(outcome: $0, passed: 6, replayed: 5, tokens: TokenCount(508), cost: NanoUSD(12_500_000)))
    }
    + [
      .stepRecorded(path: StepPath("a.b"), value: [1, "two", ["three": true]]), .cancelRequested(by: "a person"),
      .paused(.budget, note: "no money"), .resumed(by: "a person"), .completed(output: "a\nb"), .completed(output: nil),
      .failed(RunError(code: "NX-RUN-001", message: "it \"broke\"", isRetryable: false)), .cancelled,
      .retried(by: "a person"),
    ]

  static let outcomes: [AttemptOutcome] = [
    .succeeded, .crashed(RunError(code: "NX-AGT-001", message: "signal 9")),
    .askedRetry(RunError(code: "NX-AGT-002", message: "exit 75")), .interrupted("the node ended"),
    .budgetStopped(
      BudgetRefusal(reason: .tooBig, scope: "agent:researcher", action: .pause, message: "$0.01 is too much")),
    .cancelled, .timedOut,
  ]

  /// One of every entry that workflows, sagas and pools brought, and of every new form of an old one.
  static let flowEntries: [RunEntry] =
    RunKind.allCases.map {
      .created(RunCreation(kind: $0, name: "blog", input: ["topic": "sagas"], definition: DefinitionHash("d2")))
    }
    + [PauseReason.person, .budget, .poison, .compensation, .version, .exhausted, .unknown].map {
      .paused($0, note: "a note")
    }
    + [
      .failed(
        RunError(
          code: "NX-AGT-003", message: "busy", exit: 75, retryAfter: .milliseconds(1500), wasApplied: false)),
      .failed(RunError(code: "NX-AGT-003", message: "busy", exit: -9)),
      .failed(RunError(code: "NX-AGT-003", message: "busy", retryAfter: .zero)),
      .failed(RunError(code: "NX-AGT-003", message: "busy", wasApplied: true)), .stepBegun(path: path),
      .stepExpanded(path: StepPath("each"), count: 3), .stepCompleted(path: path, output: ["title": "Sagas"]),
      .stepCompleted(path: path, output: nil),
      .stepFailed(path: path, RunError(code: "NX-AGT-001", message: "exit 3", isRetryable: false, exit: 3)),
      .stepSkipped(path: path, .condition),
      .stepSkipped(path: path, .failed(RunError(code: "NX-AGT-001", message: "exit 3", exit: 3))),
      .stepSkipped(path: path, .person(by: "a person", reason: "not worth it")),
      .stepSkipped(path: path, .notNeeded), .stepMarkedDone(path: path, by: "a person", output: ["paid"]),
      .timerSet(path: path, until: WallTime(microseconds: 1_795_412_220_123_456)),
      .childStarted(path: path, run: RunID("run_2")),
      .eventReceived(name: "paid", id: "evt-1", payload: ["amount": 3]),
      .eventReceived(name: "paid", id: nil, payload: nil),
      .compensationStarted(RunError(code: "NX-AGT-001", message: "exit 3", isRetryable: false, wasApplied: true)),
      .compensated(isPartial: false), .compensated(isPartial: true),
      .decided(winners: [StepPath("members[0]"), StepPath("members[2]")]), .decided(winners: []),
      .killed(by: "a person", uncompensated: [path]), .killed(by: "a person", uncompensated: []),
      .forked(from: RunID("run_1"), sequence: JournalSequence(7)), .nodeTrapped, .epochRaised(by: "a person"),
      .killRequested(by: "a person"), .paused(.loop, note: "a note"), .paused(.calls, note: "a note"),
      .effectsKept(KeptEffects(origin: .fork(step: path, call: 7), count: 6, by: "a person")),
      .effectsKept(
        KeptEffects(origin: .fork(step: .main, call: 7), count: 7, edited: EffectID("eff_1"), by: "a person")),
      .effectsKept(KeptEffects(origin: .cassette(source: "run_1"), count: 3, by: "a person")),
      .effectsKept(KeptEffects(origin: .cassette(source: nil), count: 0, by: "a person")),
    ]

  /// One of every entry and form that validators brought.
  static let gateEntries: [RunEntry] = {
    let watching = GateFinding(validator: "watching", verdict: .stop, isCutOff: true, isObserved: true)
    var entries: [RunEntry] = [
      judged(.pass, .pass), judged(.warn, .warn),
      judged(.retry, .retry, retryAfter: .seconds(2), rejected: ["total": 3]),
      judged(.escalate, .escalate, rejected: "no"), judged(.stop, .stop, rejected: ["total": -1]),
      .judged(
        path: .main,
        GateJudgement(subject: .input, number: 0, findings: [watching], verdict: .pass, consequence: .pass)),
    ]
    for reason in [GateJudgement.Reason.exhausted, .noProgress, .cost, .cannotRetry] {
      entries.append(judged(.retry, .stop, reason, rejected: ["total": 3]))
    }
    entries.append(judged(.stop, .escalate, .cannotUndo, rejected: ["total": 3]))
    for decision in GateDecision.allCases {
      entries.append(.gateDecided(path: path, by: "a person", decision, note: "looks right"))
    }
    let error = RunError(
      code: "NX-GAT-070", message: "the output was stopped by validator `g`", isRetryable: false)
    return entries + [.stopped(error)]
  }()

  /// One of every entry and form that halts and checkpoints brought.
  static let integrityEntries: [RunEntry] =
    StopCondition.allCases.map { .integrity(.halted(IntegrityDoubt($0, step: path, note: "a note"))) } + [
      .created(
        RunCreation(
          kind: .saga, name: "publish", input: ["topic"], definition: DefinitionHash("d0"), policy: "p0")),
      .integrity(.halted(IntegrityDoubt(.clockRegressed))),
      .integrity(.haltAccepted(by: "a person", reason: "looked at it", policy: "p1")),
      .integrity(.haltAccepted(by: "a person", reason: "looked at it", policy: nil)),
      .integrity(.checkpointed(CheckpointSeal(number: 1, step: path, isVerified: true, digest: "d1"))),
      .integrity(.checkpointed(CheckpointSeal(number: 2, step: path, isVerified: false, digest: "d2"))),
      .integrity(.rollbackStarted(to: 1, by: "a person", reason: "wrong")),
      .integrity(.rolledBack(to: 1, standing: [path])), .integrity(.rolledBack(to: 0, standing: [])),
      .integrity(
        .contextRead(
          step: path,
          ContextItem(
            key: "orders/7", version: 3, digest: "d3", observedAt: WallTime(microseconds: 1_795_412_220_123_456),
            validUntil: WallTime(microseconds: 1_795_412_220_123_457), source: "state"))),
      .integrity(
        .contextRead(
          step: path,
          ContextItem(
            key: "weather", observedAt: WallTime(microseconds: 1_795_412_220_123_456), source: "a station"))),
    ]

  private static func judged(
    _ verdict: Verdict, _ consequence: Verdict, _ reason: GateJudgement.Reason? = nil, retryAfter: Duration? = nil,
    rejected: JSONValue? = nil
  ) -> RunEntry {
    let errors: [JSONValue] =
      verdict == .pass ? [] : [["path": "/total", "code": "ruleBroken", "keyword": "cap", "message": "too \"much\"\n"]]
    return .judged(
      path: path,
      GateJudgement(
        number: 1, findings: [GateFinding(validator: "g", verdict: verdict, errors: errors)], verdict: verdict,
        consequence: consequence, reason: reason, retryAfter: retryAfter, rejected: rejected))
  }

  private static let path = StepPath("research[2].draft")

  static let goldens: [(file: String, entries: [RunEntry])] = [
    ("entries-v1", entries), ("flow-entries-v1", flowEntries), ("gate-entries-v1", gateEntries),
    ("integrity-entries-v1", integrityEntries),
  ]

  /// The file holds one entry a line, its two parts joined by a tab, which JSON never contains bare.
  private func golden(_ file: String) throws -> [[UInt8]] {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("goldens/\(file).txt")
    return try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
      .map { Array($0.replacing("\t", with: "\n").utf8) }
  }

  @Test func `what version 1 wrote is read forever`() throws {
    for (file, entries) in Self.goldens {
      let stored = try golden(file)
      #expect(stored.count == entries.count)
      for (bytes, entry) in zip(stored, entries) { #expect(try EntryFormat.decode(bytes) == entry) }
    }
  }

  @Test func `the present version writes the same bytes`() throws {
    for (file, entries) in Self.goldens {
      let written = try entries.map { String(decoding: try EntryFormat.encode($0), as: UTF8.self) }
      #expect(written == (try golden(file).map { String(decoding: $0, as: UTF8.self) }))
    }
  }

  /// A new case of `RunEntry` stops this from compiling, or stays out of the goldens and fails it.
  @Test func `the goldens hold every kind of entry`() {
    var missing: Set<Int> = Set(0..<33)
    for entry in Self.entries + Self.flowEntries + Self.gateEntries + Self.integrityEntries {
      missing.remove(Self.number(of: entry))
    }
    #expect(missing == [])
  }

  private static func number(of entry: RunEntry) -> Int {
    switch entry {
    case .created: 0
    case .attemptStarted: 1
    case .attemptEnded: 2
    case .stepRecorded: 3
    case .cancelRequested: 4
    case .paused: 5
    case .resumed: 6
    case .completed: 7
    case .failed: 8
    case .cancelled: 9
    case .retried: 10
    case .stepBegun: 11
    case .stepExpanded: 12
    case .stepCompleted: 13
    case .stepFailed: 14
    case .stepSkipped: 15
    case .stepMarkedDone: 16
    case .timerSet: 17
    case .childStarted: 18
    case .eventReceived: 19
    case .compensationStarted: 20
    case .compensated: 21
    case .decided: 22
    case .killed: 23
    case .forked: 24
    case .nodeTrapped: 25
    case .epochRaised: 26
    case .killRequested: 27
    case .effectsKept: 28
    case .judged: 29
    case .gateDecided: 30
    case .stopped: 31
    case .integrity: 32
    }
  }

  @Test(arguments: [
    "", "{}", "[]", #"{"v":1}"#, #"{"v":2,"type":"cancelled"}"#, #"{"v":1,"type":"exploded"}"#,
    #"{"v":1,"type":"cancelled","more":1}"#, #"{"v":1,"type":"retried"}"#, #"{"v":1,"type":"retried","by":1}"#,
    #"{"v":1,"type":"completed"}"#, "{\"v\":1,\"type\":\"cancelled\"}\n1", "{\"v\":1,\"type\":\"completed\"}\n",
    "{\"v\":1,\"type\":\"completed\"}\n1\n2", #"{"v":1,"type":"paused","reason":"whim","note":""}"#,
    #"{"v":1.0,"type":"cancelled"}"#, #"{"v":1,"type":"failed","error":{"code":"a","message":"b","isRetryable":1}}"#,
    #"{"v":1,"v":1,"type":"cancelled"}"#,
    #"{"v":1,"type":"failed","error":{"code":"a","message":"b","isRetryable":true,"exit":null}}"#,
    #"{"v":1,"type":"failed","error":{"code":"a","message":"b","isRetryable":true,"exit":2147483648}}"#,
    #"{"v":1,"type":"failed","error":{"code":"a","message":"b","isRetryable":true,"wasApplied":0}}"#,
    #"{"v":1,"type":"stepSkipped","path":"a","reason":{"type":"condition","more":1}}"#,
    #"{"v":1,"type":"stepSkipped","path":"a","reason":"condition"}"#, #"{"v":1,"type":"decided","winners":[1]}"#,
    #"{"v":1,"type":"decided","winners":"a"}"#, #"{"v":1,"type":"stepCompleted","path":"a"}"#,
    "{\"v\":1,\"type\":\"stepBegun\",\"path\":\"a\"}\n1", #"{"v":1,"type":"eventReceived","name":"a","id":null}"#,
    #"{"v":1,"type":"judged","path":"a","subject":"output","number":1,"verdict":"stop","consequence":"stop","findings":[]}"#,
    "{\"v\":1,\"type\":\"judged\",\"path\":\"a\",\"subject\":\"output\",\"number\":1,\"verdict\":\"pass\",\"consequence\":\"pass\",\"findings\":[]}\n1",
    #"{"v":1,"type":"gateDecided","path":"a","by":"b","decision":"maybe","note":""}"#,
  ])
  func `an entry that is not understood whole is refused`(_ text: String) {
    let error = #expect(throws: StoreError.self) { try EntryFormat.decode(Array(text.utf8)) }
    #expect(error?.code == .corrupt)
  }

  @Test func `every cut of an entry is refused`() throws {
    for bytes in try Self.goldens.flatMap({ try golden($0.file) }) {
      for end in 0..<bytes.count {
        // A cut behind the line break of a value that is a number would be another number; no golden value is one.
        #expect(throws: StoreError.self) { try EntryFormat.decode(Array(bytes[..<end])) }
      }
    }
  }
}
