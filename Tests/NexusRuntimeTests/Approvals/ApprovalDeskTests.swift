// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

/// Runs that sleep until people have decided, on a clock that the test moves.
@Suite(.timeLimit(.minutes(1))) struct `A question to people` {
  private static let ann = OperatorIdentity(name: "ann", role: "ops")
  private static let lea = OperatorIdentity(name: "lea", role: "lead")

  private static func plan(_ change: (inout ApprovalPolicy) -> Void = { _ in }) -> ProjectPlan {
    var plan = RuntimeFixture.plan { $0.retry.maxAttempts = 1 }
    var policy = ApprovalPolicy(name: "review", approvers: ["ops"], expiresIn: .seconds(1_000))
    change(&policy)
    plan.approvals = [policy]
    return plan
  }

  private static func ask(_ fixture: RuntimeFixture, of run: RunID, attempt: Int = 1) async -> AgentReply {
    let body: JSONValue = ["name": "publish", "approval": "review", "arguments": ["page": 7]]
    return await fixture.runtime.agentCalls.handle(
      AgentCall(
        method: "POST", path: ["approvals"], query: [:], body: body.encoded(),
        caller: Caller(agent: RuntimeFixture.worker, run: run, step: .main, attempt: AttemptNumber(attempt)),
        key: VirtualKey("k")))
  }

  private static func id(_ reply: AgentReply) throws -> ApprovalID {
    ApprovalID(try #require(reply.body?["approval"]?.stringValue))
  }

  /// Starts a run whose agent asks; the process, the run and the question.
  private static func asked(
    _ fixture: RuntimeFixture, _ processes: inout AsyncStream<FakeProcess>.AsyncIterator
  ) async throws -> (process: FakeProcess, run: RunID, id: ApprovalID) {
    let run = try await fixture.runtime.executor.start("worker", input: .null).id
    let process = try #require(await processes.next())
    let reply = await ask(fixture, of: run)
    #expect(reply.status == 202 && reply.body?["status"] == "requested")
    return (process, run, try id(reply))
  }

  private static func approve(
    _ fixture: RuntimeFixture, _ id: ApprovalID, by who: OperatorIdentity = ann
  ) async throws -> ApprovalMachine {
    try await fixture.runtime.approvals.decide(id, .approve, by: who, digest: nil, reason: "fine")
  }

  /// The last attempt gets the answer, and ends the run.
  private static func finish(
    _ fixture: RuntimeFixture, _ process: FakeProcess, _ run: RunID, attempt: Int = 2, hears status: String
  ) async throws {
    let reply = await ask(fixture, of: run, attempt: attempt)
    #expect(reply.status == 200 && reply.body?["status"]?.stringValue == status)
    process.succeed("1")
    await fixture.runtime.executor.wait(for: run)
    let summary = try await fixture.record(run).summary
    #expect(summary.status == .completed && summary.attempts == attempt)
  }

  @Test func `a yes wakes the run before its time`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let expiry = fixture.clock.now() + .seconds(1_000)
      let (process, run, id) = try await Self.asked(fixture, &processes)
      process.end(.exited(code: 75))
      await fixture.clock.waitForSleeper(until: expiry)
      #expect(try await fixture.record(run).summary.status == .suspended)
      #expect(try await Self.approve(fixture, id).status == .approved)
      try await Self.finish(fixture, try #require(await processes.next()), run, hears: "approved")
      // Its first answer used it up, and stays what it was.
      #expect(try await fixture.store.approval(id)?.machine?.status == .consumed)
    }
  }

  @Test func `a yes that comes before the agent has left is not missed`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let (process, run, id) = try await Self.asked(fixture, &processes)
      _ = try await Self.approve(fixture, id)
      // However long it takes to leave.
      fixture.clock.advance(by: .seconds(60))
      process.end(.exited(code: 75))
      try await Self.finish(fixture, try #require(await processes.next()), run, hears: "approved")
    }
  }

  @Test func `silence is told when the time is over`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let expiry = fixture.clock.now() + .seconds(1_000)
      let (process, run, id) = try await Self.asked(fixture, &processes)
      process.end(.exited(code: 75))
      await fixture.clock.waitForSleeper(until: expiry)
      fixture.clock.advance(by: .seconds(1_000))
      let second = try #require(await processes.next())
      await #expect(throws: ApprovalProblem.self) { try await Self.approve(fixture, id) }
      try await Self.finish(fixture, second, run, hears: "expired")
    }
  }

  @Test func `others are asked when half of the time is over`() async throws {
    let plan = Self.plan { ($0.escalateAt, $0.escalateTo) = (50, ["lead"]) }
    try await RuntimeFixture.with(plan) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let half = fixture.clock.now() + .seconds(500)
      let (process, run, id) = try await Self.asked(fixture, &processes)
      process.end(.exited(code: 75))
      await fixture.clock.waitForSleeper(until: half)
      await #expect(throws: ApprovalProblem.self) { try await Self.approve(fixture, id, by: Self.lea) }
      fixture.clock.advance(by: .seconds(500))
      #expect(try await Self.approve(fixture, id, by: Self.lea).isEscalated)
      try await Self.finish(fixture, try #require(await processes.next()), run, hears: "approved")
    }
  }

  @Test(arguments: [true, false])
  func `the node after this one knows what was asked, and what was answered`(dies: Bool) async throws {
    let store = InMemoryStore()
    let clock = ManualClock()
    for life in 0..<2 {
      try await RuntimeFixture.with(Self.plan(), store: store, clock: clock, shutdown: life == 1) { fixture in
        var processes = fixture.launcher.processes.makeAsyncIterator()
        if life == 0 {
          let expiry = clock.now() + .seconds(1_000)
          let (process, _, id) = try await Self.asked(fixture, &processes)
          process.end(.exited(code: 75))
          await clock.waitForSleeper(until: expiry)
          clock.advance(by: .seconds(1))
          guard dies else { return }
          // On disk, and the node was gone before it could tell the run.
          var machine = try #require(try await store.approval(id)?.machine)
          let decision = machine.handle(
            .decide(.approve, by: Self.ann, digest: nil, reason: ""), at: clock.wallNow())
          try await store.commit(
            .noteApproval(
              ApprovalWrite(id: id, after: 1, at: clock.wallNow(), entries: decision.entries, status: machine.status)))
          return
        }
        let run = try #require(try await store.runs(RunQuery()).first).id
        let id = try #require(try await store.approvals(ApprovalQuery(limit: 1)).first?.machine?.request.id)
        _ = try await fixture.runtime.executor.recover()
        await fixture.runtime.approvals.start()
        if !dies { _ = try await Self.approve(fixture, id) }
        try await Self.finish(fixture, try #require(await processes.next()), run, hears: "approved")
      }
    }
  }

  @Test func `a run that ends takes its questions with it`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let expiry = fixture.clock.now() + .seconds(1_000)
      let (process, run, id) = try await Self.asked(fixture, &processes)
      process.end(.exited(code: 75))
      await fixture.clock.waitForSleeper(until: expiry)
      try await fixture.runtime.executor.cancel(run, by: "ann")
      await fixture.runtime.executor.wait(for: run)
      while try await fixture.store.approval(id)?.machine?.status.isOpen == true { await Task.yield() }
      #expect(try await fixture.store.approval(id)?.machine?.status == .cancelled)
    }
  }

  @Test func `of many who decide at once all are heard, one after the other`() async throws {
    try await RuntimeFixture.with(Self.plan { $0.quorum = 5 }) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let (process, run, id) = try await Self.asked(fixture, &processes)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 1...5 {
          group.addTask {
            _ = try await Self.approve(fixture, id, by: OperatorIdentity(name: "p\(number)", role: "ops"))
          }
        }
        try await group.waitForAll()
      }
      let machine = try #require(try await fixture.store.approval(id)?.machine)
      #expect(machine.status == .approved && Set(machine.agreements.map(\.by.name)).count == 5)
      process.end(.exited(code: 75))
      try await Self.finish(fixture, try #require(await processes.next()), run, hears: "approved")
    }
  }

  @Test func `what is misspelt is refused, and what belongs to others is not shown`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let (process, run, id) = try await Self.asked(fixture, &processes)
      func call(_ method: String, _ path: [String], _ body: JSONValue, step: StepPath = .main) async -> AgentReply {
        await fixture.runtime.agentCalls.handle(
          AgentCall(
            method: method, path: path, query: [:], body: body.encoded(),
            caller: Caller(agent: RuntimeFixture.worker, run: run, step: step, attempt: AttemptNumber(1)),
            key: VirtualKey("k")))
      }
      let wrong = await call("POST", ["approvals"], ["approval": "reviw"])
      #expect(wrong.status == 400 && wrong.body?["code"] == "NX-APR-008")
      #expect(await call("POST", ["approvals"], ["aproval": "review"]).status == 400)
      #expect(await call("GET", ["approvals", id.text], [:]).status == 202)
      #expect(await call("GET", ["approvals", "apr_none"], [:]).status == 404)
      #expect(await call("GET", ["approvals", id.text], [:], step: StepPath("other")).status == 404)
      process.succeed("1")
      await fixture.runtime.executor.wait(for: run)
    }
  }
}
