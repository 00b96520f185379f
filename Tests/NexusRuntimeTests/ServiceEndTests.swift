// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit
import Testing

/// What the end of a service's process means for its supervisor.
@Suite(.timeLimit(.minutes(1))) struct `The end of a service` {
  private static let worker = RuntimeFixture.worker
  private static let terminated = NexusCore.ExitStatus.signalled(signal: 15)

  private static func plan(_ restart: RestartPolicy) -> ProjectPlan {
    RuntimeFixture.plan {
      $0 = AgentSpec(name: $0.name, kind: $0.kind, mode: .service, workingDirectory: "/")
      $0.restart = restart
      $0.health = HealthSpec(stuckAfter: nil)
    }
  }

  /// Returns once the agent is in the state.
  private static func wait(for state: String, _ fixture: RuntimeFixture, _ act: () -> Void) async throws {
    let states = try #require(
      fixture.events.watch { event -> String? in if case .agent(let agent) = event { agent.state } else { nil } })
    act()
    for await seen in states where seen == state { break }
  }

  private static func restarts(_ fixture: RuntimeFixture) async -> Int? {
    await fixture.runtime.supervisors.restarts(of: worker)?.count
  }

  @Test(arguments: [terminated, .exited(code: 143)])
  func `that somebody else than the node asked for is no crash`(status: NexusCore.ExitStatus) async throws {
    try await RuntimeFixture.with(Self.plan(.transient), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let process = try #require(await processes.next())
      try await Self.wait(for: "stopped", fixture) { process.end(status) }
      #expect(await Self.restarts(fixture) == 0)
    }
  }

  @Test func `that somebody else asked for is the end of one of its lives where it has to be there`() async throws {
    try await RuntimeFixture.with(Self.plan(.permanent), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      try #require(await processes.next()).end(Self.terminated)
      _ = try #require(await processes.next())
      #expect(await Self.restarts(fixture) == 1)
    }
  }

  @Test func `by a ceiling is a crash, whatever signal it came by`() async throws {
    try await RuntimeFixture.with(Self.plan(.transient), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      try #require(await processes.next()).end(ProcessExit(status: Self.terminated, ceiling: .memory))
      _ = try #require(await processes.next())
      #expect(await Self.restarts(fixture) == 1)
    }
  }

  @Test func `after its budget said no is no restart, also if somebody asked for it`() async throws {
    try await RuntimeFixture.with(Self.plan(.permanent), starts: false) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      await fixture.runtime.start(services: true)
      let process = try #require(await processes.next())
      var tally = AttemptTally()
      tally.refusal = BudgetRefusal(
        reason: .exhausted, scope: "agent:worker", action: .refuse, message: "over budget")
      fixture.boundary.setLive(VirtualKey(process.environment("NAOS_TOKEN") ?? ""), tally)
      try await Self.wait(for: "exhausted", fixture) { process.end(Self.terminated) }
      #expect(await Self.restarts(fixture) == 0)
    }
  }

  /// Of a service that starts with its first work, nobody else would start the process that the task waits for.
  @Test func `while a second attempt is on its way to the queue has it started again`() async throws {
    try await RuntimeFixture.with(Self.plan(.transient)) { fixture in
      var processes = fixture.launcher.processes.makeAsyncIterator()
      let run = try await fixture.runtime.executor.start("worker", input: .null).id
      let process = try #require(await processes.next())
      let task = try await Self.call(fixture, "GET", ["next"])["task"]?.stringValue ?? ""
      fixture.boundary.hold()
      _ = try await Self.call(fixture, "POST", ["tasks", task, "failure"], ["code": "busy", "message": "once more"])
      await fixture.boundary.waitForOpening()
      try await Self.wait(for: "stopped", fixture) { process.end(.exited(code: 0)) }
      fixture.boundary.release()
      _ = try #require(await processes.next())
      let again = try await Self.call(fixture, "GET", ["next"])
      #expect(again["attempt"] == 2)
      _ = try await Self.call(fixture, "POST", ["tasks", again["task"]?.stringValue ?? "", "result"], ["output": 1])
      await fixture.runtime.executor.wait(for: run)
      #expect(try await fixture.record(run).summary.output == 1)
    }
  }

  private static func call(
    _ fixture: RuntimeFixture, _ method: String, _ path: [String], _ body: JSONValue = [:]
  ) async throws -> JSONValue {
    let service = Caller(agent: worker, run: nil, step: .main, attempt: AttemptNumber(1))
    let reply = await fixture.runtime.agentCalls.handle(
      AgentCall(
        method: method, path: path, query: ["wait": "30"], body: body.encoded(), caller: service, key: VirtualKey("k")))
    try #require(reply.status == 200)
    return reply.body ?? .null
  }
}
