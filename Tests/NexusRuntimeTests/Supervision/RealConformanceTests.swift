// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusKernel
import NexusRuntime
import NexusSupervisionKit
import NexusTestKit
import Testing

@Suite(.timeLimit(.minutes(5))) struct RealConformanceTests {
  @Test(arguments: SupervisionCases.all) func `a case of OTP's own suite comes out the same with real processes`(
    case each: SupervisionCase
  ) async throws {
    let clock = ManualClock()
    let recorder = Recorder(clock: clock)
    let folder = "/tmp/naos-conformance-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    let processes = RealProcesses(folder: folder, recorder: recorder)
    let probes = RealProbes(processes, recorder)
    try Files.makeDirectory(folder, mode: 0o700)
    defer { processes.removeFiles() }
    let plan = Self.plan(of: each)
    try await RuntimeFixture.with(plan, launcher: processes, probes: probes, clock: clock) { fixture in
      let world = RealWorld(fixture, processes, probes, recorder, specs: plan.agents)
      let complaints = await withTaskGroup(of: [String].self) { group in
        group.addTask {
          await world.work.run()
          return []
        }
        group.addTask { await each.run(in: world) }
        return await group.reduce(into: []) { $0 += $1 }
      }
      #expect(complaints.isEmpty, "\(each.name):\n\(complaints.joined(separator: "\n"))")
    }
  }

  /// `docs/internals/otp-conformance.md` says of every case what it shows and where it runs.
  @Test func `the page about the suite has every case as it is`() throws {
    let root = #filePath.split(separator: "/Tests/NexusRuntimeTests/").first.map(String.init) ?? ""
    let page = String(
      decoding: try Files.read(root + "/docs/internals/otp-conformance.md", limit: 1_000_000), as: UTF8.self)
    let rows = Set(page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init))
    let expected = SupervisionCases.all.map { each in
      "| `\(each.name)` | \(each.shows) | yes | yes |"
    }
    for row in expected where !rows.contains(row) { Issue.record("the page lacks: \(row)") }
    for row in rows.subtracting(expected) where row.contains("| yes |") { Issue.record("no such case: \(row)") }
    #expect(page.contains("all \(SupervisionCases.all.count) cases run in both"))
  }

  /// Services of one command; those whose starts take time are asked whether they have come up.
  private static func plan(of each: SupervisionCase) -> ProjectPlan {
    var plan = ProjectPlan(name: "test")
    let probed = each.probed
    plan.agents = each.agents.sorted().map { agent in
      var spec = AgentSpec(name: agent, kind: .process(command: ["child"]), mode: .service, workingDirectory: "/")
      // In its own time nothing of it is due.
      let time = Duration.seconds(100_000_000)
      let target = ProbeTarget(port: 1, path: "/\(agent)")
      let probe = ProbeSpec(check: .http(target), interval: time, timeout: time)
      spec.health = HealthSpec(startup: probed.contains(agent) ? probe : nil, stuckAfter: nil)
      return spec
    }
    return plan
  }
}

extension SupervisionCase {
  /// Every agent that occurs in the case.
  fileprivate var agents: Set<AgentName> {
    var found: Set<AgentName> = []
    func add(_ branches: [SupervisionTree.Branch]) {
      for branch in branches {
        found.formUnion((branch.children + [branch.template].compactMap { $0 }).compactMap(\.name.agent))
      }
    }
    add(tree)
    for case .perform(let stimulus) in steps {
      switch stimulus {
      case .startChild(_, let spec, _): if let agent = spec.name.agent { found.insert(agent) }
      case .reconfigure(let branches): add(branches)
      default: break
      }
    }
    return found
  }

  /// The agents that have to be asked whether they have come up.
  fileprivate var probed: Set<AgentName> {
    var found: Set<AgentName> = []
    for case .perform(.nextStarts(let child, let outcomes)) in steps {
      let takesTime = outcomes.contains { outcome in
        switch outcome {
        case .succeeds, .fails, .isIgnored: false
        case .comesUpAfter, .failsAfter, .isRefused, .hangs: true
        }
      }
      if takesTime, let agent = child.agent { found.insert(agent) }
    }
    return found
  }
}
