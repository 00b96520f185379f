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
    let processes = RealProcesses(folder: "/tmp/naos-conformance-\(getpid())-\(UInt64.random(in: 0 ... .max))")
    try Files.makeDirectory(processes.folder, mode: 0o700)
    let agents = each.agents
    defer {
      for agent in agents { try? Files.remove("\(processes.folder)/\(agent)") }
      _ = unsafe rmdir(processes.folder)
    }
    for agent in agents { try processes.whenAsked(agent, "143") }
    try await RuntimeFixture.with(Self.plan(agents), launcher: processes, clock: clock) { fixture in
      let world = RealWorld(host: fixture.runtime.supervisors, processes: processes, clock: clock)
      if let obstacle = each.obstacle(in: world) {
        try Test.cancel("\(each.name) needs what is not there: \(obstacle)")
      }
      let complaints = await each.run(in: world)
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
      let obstacle = each.steps.contains(.start) ? RealWorld.obstacle(of: each) : "nothing is started"
      return "| `\(each.name)` | \(each.shows) | yes | \(obstacle ?? "yes") |"
    }
    for row in expected where !rows.contains(row) { Issue.record("the page lacks: \(row)") }
    for row in rows.subtracting(expected) where row.hasSuffix("yes |") { Issue.record("no such case: \(row)") }
  }

  private static func plan(_ agents: Set<AgentName>) -> ProjectPlan {
    var plan = ProjectPlan(name: "test")
    plan.agents = agents.map {
      AgentSpec(name: $0, kind: .process(command: ["child"]), mode: .service, workingDirectory: "/")
    }
    return plan
  }
}

extension SupervisionCase {
  /// Every agent that occurs in the case.
  fileprivate var agents: Set<AgentName> {
    var found: Set<AgentName> = []
    func add(_ branches: [SupervisionTree.Branch]) {
      for branch in branches { found.formUnion(branch.children.compactMap(\.name.agent)) }
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
}
