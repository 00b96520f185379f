// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct `A run that another one waits for` {
  private static func plan(_ close: ParentClose = .cancel) -> ProjectPlan {
    var step = FlowStep(name: "inner", action: .run("inner"))
    step.parentClose = close
    return Flows.plan(
      Flows.flow("outer", .workflow, step, Flows.step("last", of: Flows.helper, needs: [0])),
      Flows.flow("inner", .workflow, Flows.step("work")))
  }

  @Test func `is a run of its own, and its output is the step's`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("outer", input: ["n": 1])
      let work = try #require(await processes.next())
      let child = try #require(try await fixture.runs(named: "inner").first)
      #expect(work.environment("NAOS_RUN_ID") == child.id.text)
      #expect(child.idempotencyKey == "\(run.id)/inner")
      #expect(child.input == ["n": 1])
      #expect(child.parent == run.id)
      work.succeed("41")
      let last = try #require(await processes.next())
      #expect(last.request.standardInput == Array("41".utf8))
      last.succeed("42")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.output == 42)
    }
  }

  @Test func `is not over while it is paused`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("outer", input: .null)
      _ = try #require(await processes.next())
      let child = try #require(try await fixture.runs(named: "inner").first).id
      try await fixture.runtime.executor.pause(child, by: "test")
      await fixture.runtime.executor.wait(for: child)
      #expect(try await fixture.record(run.id).summary.status == .suspended)
      try await fixture.runtime.executor.resume(child, by: "test")
      try #require(await processes.next()).succeed("1")
      try #require(await processes.next()).succeed("2")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .completed)
    }
  }

  @Test func `ends with its parent, also where it is paused`() async throws {
    for isPaused in [false, true] {
      try await RuntimeFixture.with(Self.plan()) { fixture in
        var processes = fixture.launcher.processes.makeAsyncIterator()
        let run = try await fixture.runtime.executor.start("outer", input: .null)
        _ = try #require(await processes.next())
        let child = try #require(try await fixture.runs(named: "inner").first).id
        if isPaused {
          try await fixture.runtime.executor.pause(child, by: "test")
          await fixture.runtime.executor.wait(for: child)
        }
        try await fixture.runtime.executor.cancel(run.id, by: "test")
        await fixture.runtime.executor.wait(for: run.id)
        #expect(try await fixture.record(child).summary.status == .cancelled)
        #expect(try await fixture.record(run.id).summary.status == .cancelled)
      }
    }
  }

  @Test func `is killed where its step says so`() async throws {
    try await RuntimeFixture.with(Self.plan(.kill)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("outer", input: .null)
      let work = try #require(await processes.next())
      try await fixture.runtime.executor.cancel(run.id, by: "test")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(work.signals == [.kill])
    }
  }

  @Test func `goes on by itself where its step lets go of it`() async throws {
    try await RuntimeFixture.with(Self.plan(.abandon)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("outer", input: .null)
      let work = try #require(await processes.next())
      try await fixture.runtime.executor.cancel(run.id, by: "test")
      await fixture.runtime.executor.wait(for: run.id)
      #expect(try await fixture.record(run.id).summary.status == .cancelled)
      #expect(work.signals.isEmpty)
      let child = try #require(try await fixture.runs(named: "inner").first).id
      work.succeed("alone")
      await fixture.runtime.executor.wait(for: child)
      #expect(try await fixture.record(child).summary.status == .completed)
    }
  }

  @Test func `fails its step when it fails`() async throws {
    try await RuntimeFixture.with(Self.plan()) { fixture in
      fixture.launcher.failNext(LaunchError(stage: .exec, errorNumber: 2, message: "no such program"))
      let run = try await fixture.runtime.executor.start("outer", input: .null)
      await fixture.runtime.executor.wait(for: run.id)
      let summary = try await fixture.record(run.id).summary
      #expect(summary.status == .failed)
      #expect(summary.error?.code == "NX-AGT-002")
    }
  }

  @Test func `is found again after a restart of the node, not begun twice`() async throws {
    let store = try await Self.left()
    try await RuntimeFixture.with(Self.plan(), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      #expect(try await fixture.runtime.executor.recover().resumed == 2)
      let run = try #require(try await store.run(named: "outer", idempotencyKey: "k")).id
      try #require(await processes.next()).succeed("1")
      try #require(await processes.next()).succeed("2")
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.status == .completed)
      #expect(try await fixture.runs(named: "inner").count == 1)
    }
  }

  @Test func `is waited for before the node has taken it over`() async throws {
    let store = try await Self.left()
    try await RuntimeFixture.with(Self.plan(), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let executor = fixture.runtime.executor
      await executor.expectRecovery()
      let run = try #require(try await store.run(named: "outer", idempotencyKey: "k")).id
      async let end = Self.end(of: run, fixture)
      async let unknown: Void = executor.wait(for: RunID("run_unknown"))
      for _ in 0..<1_000 { await Task.yield() }
      _ = try await executor.recover()
      await unknown
      try #require(await processes.next()).succeed("1")
      try #require(await processes.next()).succeed("2")
      #expect(try await end == .completed)
    }
  }

  /// What a node has left that ended while a run and its child were under way.
  private static func left() async throws -> InMemoryStore {
    let store = InMemoryStore()
    try await RuntimeFixture.with(plan(), store: store) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      _ = try await fixture.runtime.executor.start("outer", input: .null, idempotencyKey: "k")
      _ = try #require(await processes.next())
    }
    return store
  }

  /// How the run stands for whoever has waited for it.
  private static func end(of run: RunID, _ fixture: RuntimeFixture) async throws -> RunStatus {
    await fixture.runtime.executor.wait(for: run)
    return try await fixture.record(run).summary.status
  }
}
