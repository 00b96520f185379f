// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusCore
import NexusDiagnostics
import NexusKernel
import Testing

struct FlowTests {
  private static let agents =
    "agents: { a: { command: a }, b: { command: b, retry: 7, timeout: 1m }, c: { command: c } }\n"

  private func plan(_ yaml: String) throws -> ProjectPlan {
    let result = load(Self.agents + yaml)
    return try #require(result.plan, "\(DiagnosticRenderer(files: result.files).render(result.diagnostics))")
  }

  private func codes(_ yaml: String) -> [String] { load(Self.agents + yaml).diagnostics.map(\.code) }

  // MARK: The article

  @Test(arguments: ["article", "article-flow"]) func `the article's saga and pool load as they are written`(
    _ name: String
  ) throws {
    let golden = try #require(GoldenCase.all.first { $0.name == name })
    let result = golden.load()
    #expect(result.diagnostics.allSatisfy { $0.code != "NX-CFG-301" && $0.severity == .warning })
    let plan = try #require(result.plan)
    let saga = try #require(plan.flow("publish-article"))
    #expect(saga.kind == .saga)
    #expect(saga.steps[0].action == .agent(AgentName("research-agent")))
    #expect(saga.steps[0].compensation?.agent == AgentName("delete-research-notes"))
    for (index, step) in saga.steps.enumerated().dropFirst() { #expect(step.needs == [index - 1]) }
    let pool = try #require(plan.flow("research-pool"))
    #expect(pool.decision == PoolDecision(strategy: .majority))
    #expect(pool.steps.map(\.name) == ["researcher-1", "researcher-2", "researcher-3"])
    #expect(pool.steps.allSatisfy { $0.needs.isEmpty })
  }

  // MARK: Steps

  @Test func `a step has from its agent what it does not say itself`() throws {
    let plan = try plan(
      """
      sagas:
        s:
          steps:
            - { name: one, agent: b, compensation: b }
            - { name: two, agent: b, retry: { jitter: true }, timeout: { queue: 5s }, compensation: { agent: a, retry: 2 } }
            - { name: pivot, agent: a, kind: pivot }
            - { name: last, agent: b, kind: retriable, retry: { initial: 2s } }
      """)
    let steps = try #require(plan.flow("s")).steps
    #expect(steps[0].retry.policy.maxAttempts == 7)
    #expect(steps[0].limits == StepLimits(attempt: .seconds(60)))
    #expect(steps[0].compensation?.retry.policy.maxAttempts == 7)
    #expect(steps[0].compensation?.limits == StepLimits(attempt: .seconds(60)))
    #expect(steps[1].retry.jitter == 0.2)
    #expect(steps[1].retry.policy.maxAttempts == 7)
    #expect(steps[1].limits == StepLimits(attempt: .seconds(60), queue: .seconds(5)))
    #expect(steps[1].compensation?.retry.policy.maxAttempts == 2)
    #expect(steps[1].compensation?.limits == StepLimits())
    #expect(steps[3].retry.policy.maxAttempts == RetryPolicy.endless)
    #expect(steps[3].retry.policy.initial == .seconds(2))
  }

  @Test func `a workflow is pinned to everything that it names, and so is what it runs`() throws {
    let plan = try plan(
      """
      workflows:
        outer: { steps: [ { name: x, agent: a, onUnknown: { probe: b } }, { name: y, agent: inner } ] }
        inner: { steps: [ { name: z, pool: p } ] }
      pools: { p: { agents: [a, c, a], strategy: majority, equality: { agent: b } } }
      """)
    let outer = try #require(plan.flow("outer"))
    let definitions = Dictionary(uniqueKeysWithValues: plan.agents.map { ($0.name, $0.definition) })
    #expect(outer.agents.keys.map(\.text).sorted() == ["a", "b"])
    #expect(outer.agents.allSatisfy { $0.value == definitions[$0.key] })
    #expect(outer.children == ["inner": try #require(plan.flow("inner"))])
    let pool = try #require(outer.children["inner"]?.children["p"])
    #expect(pool == plan.flow("p"))
    #expect(pool.agents.keys.map(\.text).sorted() == ["a", "b", "c"])
    #expect(pool.steps.map(\.name) == ["a", "c", "a-2"])
    #expect(outer.refusals == [])
  }

  @Test func `what restricts the whole project refuses its flows once`() throws {
    let plan = try plan("workflows: { w: { steps: [ { name: x, agent: a }, { name: y, agent: b } ] } }\ntrust: {}\n")
    #expect(plan.flow("w")?.refusals == [PlanRefusal(code: "NX-CFG-302", message: "`trust` cannot be enforced yet")])
  }

  @Test func `a flow may be written in a list, in another document and below another name`() throws {
    let plan = try plan(
      """
      workflows: [ { name: one, steps: [ { name: x, agent: a } ] } ]
      ---
      workflows: { two: { steps: [ { name: x, agent: a } ] } }
      saga: { name: three, steps: [ { name: x, action: a, compensate: b, retries: 2, stepTimeout: 5s } ] }
      """)
    #expect(plan.flows.map(\.name) == ["one", "two", "three"])
    #expect(plan.flow("three")?.steps[0].limits.attempt == .seconds(5))
  }

  @Test func `steps are as many as there may be, and one more is refused`() throws {
    func workflow(_ count: Int) -> String {
      "agents: { a: { command: a } }\nworkflow:\n  name: w\n  steps:\n"
        + (0..<count).map { "  - { name: s\($0), agent: a, input: \"{{ run.input.x }}\" }\n" }.joined()
    }
    let most = load(workflow(FlowDefinition.maxSteps))
    #expect(most.plan?.flow("w")?.steps.count == FlowDefinition.maxSteps)
    let more = load(workflow(FlowDefinition.maxSteps + 1))
    #expect(more.diagnostics.map(\.code) == ["NX-CFG-245"])
    #expect(more.diagnostics.first?.location?.line == FlowDefinition.maxSteps + 5)
  }

  @Test func `flows that would be pinned too often are refused`() {
    // Each level runs three of the next one: 3 to the seventh is more than a thousand.
    var text = "workflows:\n"
    for level in 0..<8 {
      for place in 0..<3 {
        let steps = (0..<3).map {
          level == 7 ? "{ name: s\($0), agent: a }" : "{ name: s\($0), agent: w\(level + 1)-\($0) }"
        }
        text += "  w\(level)-\(place): { steps: [ \(steps.joined(separator: ", ")) ] }\n"
      }
    }
    #expect(Set(codes(text)) == ["NX-CFG-247"])
  }

  @Test func `a reference goes to what is over, by whatever way that is needed`() throws {
    _ = try plan(
      """
      workflows:
        w:
          steps:
            - { name: one, agent: a }
            - { name: two, agent: a, needs: one }
            - { name: three, agent: a, needs: one }
            - { name: four, agent: a, needs: [two, three], input: ["{{ steps.one.output }}", "{{ steps.three.status }}"] }
      """)
    #expect(
      codes(
        """
        workflows:
          w:
            steps:
              - { name: one, agent: a, needs: [] }
              - { name: two, agent: a, input: "{{ steps.one.output }}" }
        """) == ["NX-CFG-242"])
  }

  // MARK: Pools and schedules

  @Test func `the sizes of a queue follow from those that are given`() throws {
    let plan = try plan(
      """
      pools:
        plain: { agent: a }
        sized: { agent: a, size: 4 }
        bounded: { agent: a, minSize: 2, maxSize: 4 }
        scales: { agent: a, size: 4, autoScale: true }
        grows: { agent: a, maxSize: 4, autoScale: { targetQueuePerWorker: 5, cooldown: 1m } }
        fixed: { agent: a, size: 4, autoScale: false, maxQueue: 5, capacity: 3 }
      """)
    #expect(
      plan.queuePools.map { [$0.minSize, $0.size, $0.maxSize] } == [
        [1, 1, 1], [4, 4, 4], [2, 2, 4], [1, 4, 4], [1, 1, 4], [4, 4, 4],
      ])
    #expect(plan.queuePools.map { $0.autoScale != nil } == [false, false, false, true, true, false])
    #expect(plan.queuePools[4].autoScale == AutoScaleSpec(targetQueuePerWorker: 5, cooldown: .seconds(60)))
    #expect(plan.queuePools[5].maxQueue == 5)
    #expect(plan.queuePools[5].capacity == 3)
  }

  @Test func `a time zone is one that the machine has, if it says which it has`() {
    var files = MemoryFiles([
      "nexus.config.yaml": Self.agents + "schedules: { s: { cron: \"@daily\", run: a, timezone: Europe/Berln } }"
    ])
    // That schedules are not available yet is said of each.
    func findings() -> [Diagnostic] { files.load().diagnostics.filter { $0.code != "NX-CFG-301" } }
    #expect(findings().isEmpty)
    for name in ["Europe/Berlin", "Europe/Paris", "zone.tab", "posix/Europe/Berln", "America/Argentina/Salta"] {
      files.contents["/usr/share/zoneinfo/" + name] = []
    }
    let diagnostics = findings()
    #expect(diagnostics.map(\.code) == ["NX-CFG-249"])
    #expect(diagnostics.first?.suggestion == "Europe/Berlin")
    for name in ["America/Argentina/Salta", "UTC"] {
      files.contents["/project/nexus.config.yaml"] = Array(
        (Self.agents + "schedules: { s: { cron: \"@daily\", run: a, timezone: \(name) } }").utf8)
      #expect(findings().isEmpty, "\(name)")
    }
  }

  @Test func `a schedule catches up as it says`() throws {
    let plan = try plan(
      """
      schedules:
        one: { cron: "@daily", run: a }
        none: { cron: "@daily", run: a, catchUp: none }
        all: { cron: "@daily", run: a, catchUp: all }
        both: { cron: "@daily", run: a, catchUp: { policy: all, window: 1d } }
        some: { cron: "@daily", run: a, catchUp: 2h, input: { x: [1, true, "{{ not.read }}"] } }
      """)
    #expect(
      plan.schedules.map(\.catchUp) == [
        ScheduleCatchUp(), ScheduleCatchUp(.none), ScheduleCatchUp(.all),
        ScheduleCatchUp(.all, window: .seconds(86_400)),
        ScheduleCatchUp(.one, window: .seconds(7200)),
      ])
    #expect(plan.schedules.last?.input == ["x": [1, true, "{{ not.read }}"]])
  }

  // MARK: Differences

  @Test func `a difference of plans names flows, pools and schedules`() throws {
    let old = try plan(
      """
      workflows: { w: { steps: [ { name: x, agent: a } ] }, gone: { steps: [ { name: x, agent: a } ] } }
      pools: { q: { agent: a }, p: { agents: [a, b] } }
      schedules: { s: { cron: "@daily", run: a } }
      """)
    let new = try plan(
      """
      workflows: { w: { steps: [ { name: x, agent: b } ] } }
      sagas: { added: { steps: [ { name: x, agent: a } ] } }
      pools: { q: { agent: a, size: 2 }, p: { agents: [a, b] } }
      schedules: { s: { cron: "@hourly", run: a } }
      """)
    let changes = PlanDifference(from: old, to: new).changes.map { "\($0.kind) \($0.subject) \($0.name)" }
    #expect(
      changes == [
        "changed workflow w", "removed workflow gone", "added saga added", "changed pool q", "changed schedule s",
      ])
    #expect(PlanDifference(from: old, to: old).changes.isEmpty)
  }
}
