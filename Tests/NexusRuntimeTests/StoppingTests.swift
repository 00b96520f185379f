// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct `Stopping what runs` {
  private static let worker = RuntimeFixture.worker
  private static let service = RuntimeFixture.plan {
    $0 = AgentSpec(name: $0.name, kind: $0.kind, mode: .service, workingDirectory: "/")
  }

  @Test func `counts as no restart, however many runs are cancelled`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      for _ in 0..<5 {
        let run = try await fixture.runtime.executor.start("worker", input: .null)
        _ = try #require(await processes.next())
        try await fixture.runtime.executor.cancel(run.id, by: "test")
        await fixture.runtime.executor.wait(for: run.id)
        #expect(try await fixture.record(run.id).summary.status == .cancelled)
      }
      #expect(await fixture.runtime.supervisors.restarts(of: Self.worker)?.count == 0)
      #expect(try await fixture.store.restarts(since: WallTime(microseconds: 0)).isEmpty)
      #expect(fixture.runtime.board.status(of: Self.worker)?.state == .idle)
    }
  }

  @Test func `takes a task back that has not yet come to wait for its service`() async throws {
    try await RuntimeFixture.with(Self.service) { fixture in
      fixture.boundary.hold()
      let run = try await fixture.runtime.executor.start("worker", input: "job")
      await fixture.boundary.waitForOpening()
      let changes = try #require(
        fixture.events.watch { event -> String? in
          if case .run(let run) = event { run.note } else { nil }
        })
      try await fixture.runtime.executor.cancel(run.id, by: "test")
      for await note in changes where note.hasPrefix("cancel asked") { break }
      fixture.boundary.release()
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .cancelled)
    }
  }

  @Test func `ends also where a service with many tasks crashed before`() async throws {
    try await RuntimeFixture.with(Self.service, starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let first = try #require(await processes.next())
      let caller = Caller(agent: Self.worker, run: nil, step: .main, attempt: AttemptNumber(1))
      for number in 0..<5 {
        _ = try await fixture.runtime.executor.start("worker", input: .int(Int64(number)))
        _ = await fixture.runtime.agentCalls.handle(.next(caller))
      }
      first.end(.signalled(signal: 9))
      _ = try #require(await processes.next())
      // The tasks are there again, and only the one restart of the process was counted.
      for _ in 0..<5 { #expect(await fixture.runtime.agentCalls.handle(.next(caller)).status == 200) }
      #expect(await fixture.runtime.supervisors.restarts(of: Self.worker)?.count == 1)
      #expect(fixture.runtime.board.status(of: Self.worker)?.state == .running)
    }
  }

  @Test func `ends a run whose node was killed, although no node has claimed it`() async throws {
    let store = InMemoryStore()
    try await RuntimeFixture.with(store: store) { fixture in
      let run = try await Self.unfinished(in: store)
      try await fixture.runtime.executor.cancel(run, by: "test")
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .cancelled)
    }
  }

  @Test func `goes on with an unfinished run that is asked for again by its key`() async throws {
    let store = InMemoryStore()
    try await RuntimeFixture.with(store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await Self.unfinished(in: store)
      let again = try await fixture.runtime.executor.start("worker", input: .null, idempotencyKey: "k")
      #expect(again.id == run)
      try #require(await processes.next()).end(.exited(code: 0))
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .completed)
    }
  }

  @Test func `ends the process of a run that somebody else has taken over`() async throws {
    try await RuntimeFixture.with { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      try await fixture.store.commit(
        StoreTransaction(.synced, [.takeFence(run: run.id, from: run.fence, to: run.fence.next)]))
      try await fixture.runtime.executor.cancel(run.id, by: "test")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(process.signals == [.kill])
    }
  }

  @Test func `does not wait for ever for a disk that stays full`() async throws {
    let store = FaultyStore(InMemoryStore(), .full, at: 3, lasts: true)
    try await RuntimeFixture.with(store: store, shutdown: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await fixture.runtime.executor.start("worker", input: .null)
      try #require(await processes.next()).end(.exited(code: 0))
      await fixture.clock.waitForSleepers(1)
      let isDown = Flag()
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          await fixture.runtime.shutdown()
          isDown.raise()
        }
        while !isDown.isRaised {
          if fixture.clock.sleeping > 0 { fixture.clock.advance(by: .seconds(1)) }
          await Task.yield()
        }
      }
    }
  }

  /// A run that a killed node has left with an open attempt.
  private static func unfinished(in store: any Store) async throws -> RunID {
    let at = WallTime(microseconds: 1_790_000_000_000_000)
    let creation = RunCreation(
      kind: .agent, name: "worker", input: .null, definition: DefinitionHash("d"), idempotencyKey: "k")
    let entries: [RunEntry] = [
      .created(creation), .attemptStarted(step: .main, attempt: AttemptNumber(1), dropped: 0),
    ]
    var state = RunState()
    for entry in entries { state.apply(entry) }
    var summary = RunSummary(status: state.status, updatedAt: at)
    summary.attempts = state.attempts
    let record = RunRecord(
      id: RunID("run_left"), kind: .agent, name: "worker", definition: creation.definition, input: .null,
      idempotencyKey: "k", createdAt: at, fence: FencingToken(1), head: .none, summary: summary)
    let journal = entries.enumerated().map {
      JournalEntry(sequence: JournalSequence(Int64($0.offset) + 1), at: at, entry: $0.element)
    }
    try await store.commit(
      StoreTransaction(
        .synced,
        [.insertRun(record), .append(run: record.id, fence: record.fence, entries: journal, summary: summary)]))
    return record.id
  }
}

@Suite(.timeLimit(.minutes(1))) struct `What an agent sends to its node` {
  private static let worker = RuntimeFixture.worker

  @Test func `cannot push the end of its own run out`() async throws {
    let store = FaultyStore(InMemoryStore(), .full, at: 3)
    try await RuntimeFixture.with(store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null)
      let process = try #require(await processes.next())
      let caller = Caller(agent: Self.worker, run: run.id, step: .main, attempt: AttemptNumber(1))
      let statuses = await withTaskGroup(of: Int.self) { group in
        for number in 0..<6_000 {
          group.addTask { await fixture.runtime.agentCalls.handle(.step("s\(number)", caller)).status }
        }
        // One waits for the disk, the others behind it; whoever is one too many is told so.
        await fixture.clock.waitForSleepers(1)
        var statuses: [Int: Int] = [:]
        for await status in group {
          statuses[status, default: 0] += 1
          if statuses[409] == 1 {
            process.end(.exited(code: 0))
          }
          if statuses[409] == 6_000 - 1_025 { fixture.clock.advance(by: .seconds(1)) }
        }
        return statuses
      }
      #expect(statuses[409, default: 0] > 0)
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `is refused if it is more than the journal takes, and its task stays its own`() async throws {
    let plan = RuntimeFixture.plan {
      $0 = AgentSpec(name: $0.name, kind: $0.kind, mode: .service, workingDirectory: "/")
    }
    try await RuntimeFixture.with(plan) { fixture in
      let caller = Caller(agent: Self.worker, run: nil, step: .main, attempt: AttemptNumber(1))
      let run = try await fixture.runtime.executor.start("worker", input: "job")
      let first = try #require(await fixture.runtime.agentCalls.handle(.next(caller)).body?["task"]?.stringValue)
      let huge = JSONValue.string(String(repeating: "x", count: 5 << 20))
      #expect(await fixture.runtime.agentCalls.handle(.answer(first, "result", ["output": huge], caller)).status == 413)
      #expect(
        await fixture.runtime.agentCalls.handle(.answer(first, "failure", ["message": huge], caller)).status == 200)
      let second = try #require(await fixture.runtime.agentCalls.handle(.next(caller)).body?["task"]?.stringValue)
      #expect(await fixture.runtime.agentCalls.handle(.answer(second, "result", ["output": 1], caller)).status == 200)
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `asks in vain for work once it has hung up, and the work goes to the next`() async throws {
    let plan = RuntimeFixture.plan {
      $0 = AgentSpec(name: $0.name, kind: $0.kind, mode: .service, workingDirectory: "/")
    }
    try await RuntimeFixture.with(plan) { fixture in
      let caller = Caller(agent: Self.worker, run: nil, step: .main, attempt: AttemptNumber(1))
      // The task waits in the desk before anyone asks.
      fixture.boundary.hold()
      _ = try await fixture.runtime.executor.start("worker", input: "job")
      await fixture.boundary.waitForOpening()
      fixture.boundary.release()
      while fixture.boundary.openKeys.isEmpty { await Task.yield() }
      let hungUp = await withTaskGroup(of: AgentReply.self) { group in
        group.cancelAll()
        group.addTask { await fixture.runtime.agentCalls.handle(.next(caller)) }
        return await group.next()
      }
      #expect(hungUp?.status == 204)
      #expect(await fixture.runtime.agentCalls.handle(.next(caller)).body?["input"] == "job")
    }
  }
}

private final class Flag: Sendable {
  private let value = Mutex(false)
  var isRaised: Bool { value.withLock { $0 } }
  func raise() { value.withLock { $0 = true } }
}

extension AgentCall {
  fileprivate static func next(_ caller: Caller) -> AgentCall {
    AgentCall(
      method: "GET", path: ["next"], query: ["wait": "30"], body: [], caller: caller, key: VirtualKey("k"))
  }

  fileprivate static func step(_ name: String, _ caller: Caller) -> AgentCall {
    AgentCall(
      method: "PUT", path: ["steps", name], query: [:], body: Array("1".utf8), caller: caller, key: VirtualKey("k"))
  }

  fileprivate static func answer(_ task: String, _ word: String, _ body: JSONValue, _ caller: Caller) -> AgentCall {
    AgentCall(
      method: "POST", path: ["tasks", task, word], query: [:], body: body.encoded(), caller: caller,
      key: VirtualKey("k"))
  }
}
