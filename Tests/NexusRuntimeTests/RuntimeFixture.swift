// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusFlowKit
import NexusKernel
import NexusRuntime
import NexusStore
import NexusTestKit

/// A runtime over fakes and the in-memory store, running for the length of a test body.
struct RuntimeFixture: Sendable {
  let runtime: AgentRuntime
  let services: RuntimeServices
  let store: any Store
  let launcher: FakeLauncher
  let boundary: FakeBoundary
  let captures: FakeCaptures
  let probes: FakeProbes
  let clock: ManualClock
  let events: EventHub
  let directory: String

  static let worker = AgentName("worker")

  static func plan(_ change: (inout AgentSpec) -> Void = { _ in }) -> ProjectPlan {
    var plan = ProjectPlan(name: "test")
    var spec = AgentSpec(name: worker, kind: .process(command: ["work"]), workingDirectory: "/")
    // Tests tell by the sleeps of the clock how far things are; a timer beside them would be counted too.
    spec.health = HealthSpec(stuckAfter: nil)
    change(&spec)
    plan.agents = [spec]
    return plan
  }

  /// Builds a runtime, starts its supervisors without services unless the body does that, runs the body and shuts down.
  static func with(
    _ plan: ProjectPlan = plan(), store: (any Store)? = nil, launcher processes: (any ProcessLauncher)? = nil,
    probes client: (any ProbeClient)? = nil, clock: ManualClock = ManualClock(), shutdown: Bool = true,
    starts: Bool = true, gate: (any SchemaGate)? = nil,
    _ body: @Sendable (RuntimeFixture) async throws -> Void
  ) async throws {
    let directory = "/tmp/naos-runtime-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    try Files.makeDirectory(directory, mode: 0o700)
    let store = store ?? InMemoryStore()
    let launcher = FakeLauncher()
    let boundary = FakeBoundary()
    let captures = FakeCaptures()
    let probes = FakeProbes()
    let events = EventHub()
    var services = RuntimeServices(
      store: store, boundary: boundary, launcher: processes ?? launcher, captures: captures,
      probes: client ?? probes,
      clock: clock,
      ids: IdentifierSource(clock: clock, random: SeededRandom(seed: 7)), events: events, stateDirectory: directory,
      inherited: [EnvironmentVariable("PATH", "/bin")], ownCommand: ["naos"])
    // Every sleeper of the clock is one that a test knows of.
    services.restartLogPause = .zero
    services.judge = SampleJudge()
    services.gate = gate
    services.prunePause = .zero
    let runtime = AgentRuntime(plan: plan, services: services) { DefinitionHash("h\($0.hashValue)") }
    try await runtime.prepare()
    let fixture = RuntimeFixture(
      runtime: runtime, services: services, store: store, launcher: launcher, boundary: boundary, captures: captures,
      probes: probes,
      clock: clock, events: events, directory: directory)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await runtime.run() }
      if starts { await runtime.start(services: false) }
      try await body(fixture)
      if shutdown { await runtime.shutdown() } else { group.cancelAll() }
    }
  }

  func record(_ run: RunID) async throws -> RunRecord {
    guard let record = try await store.run(run) else { throw Missing() }
    return record
  }

  struct Missing: Error {}
}
