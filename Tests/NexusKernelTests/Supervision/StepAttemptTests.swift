// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

/// Attempts of the steps of flows, whose own `retry` says how often they are made.
@Suite struct `An attempt that its step retries` {
  private static let agent = AgentName("writer")
  private static let sibling = AgentName("sibling")
  private static let now = Instant(nanoseconds: 0)
  private static let attempt = ChildName.attempt(agent, RunID("run_1"), StepPath("draft"))

  private static func tree(
    _ strategy: RestartStrategy = .oneForOne, max: Int, _ over: OverIntensity = .escalate
  ) -> SupervisionTree {
    let team = SupervisorName("team")
    var tree = SupervisionTree([
      SupervisionTree.Branch(.root, flags: .root, children: [ChildSpec(.supervisor(team), restart: .transient)]),
      SupervisionTree.Branch(
        team,
        flags: SupervisorFlags(
          strategy: strategy, intensity: RestartIntensity(maxRestarts: max), overIntensity: over),
        children: [
          ChildSpec(.agent(agent), restart: .transient, startsWithSupervisor: false), ChildSpec(.agent(sibling)),
        ]),
    ])
    _ = tree.handle(.start, at: now)
    _ = tree.handle(.started(.agent(sibling)), at: now)
    return tree
  }

  private static func crash(_ tree: inout SupervisionTree, counts: Bool) -> [SupervisionTree.Action] {
    let wanted = tree.handle(.attemptWanted(attempt), at: now)
    #expect(wanted.contains(.admitAttempt(attempt)))
    return tree.handle(.attemptCrashed(attempt, reason: "exit 1", counts: counts), at: now)
  }

  @Test(arguments: OverIntensity.allCases)
  func `uses up nothing of what its agent may, and is never refused`(over: OverIntensity) {
    var tree = Self.tree(max: 1, over)
    for _ in 0..<20 { #expect(Self.crash(&tree, counts: false).contains(.mayRetry(Self.attempt))) }
    #expect(tree.restarts(of: .agent(Self.agent), at: Self.now)?.count == 0)
    // What counts still finds the whole window.
    #expect(Self.crash(&tree, counts: true).contains(.mayRetry(Self.attempt)))
    #expect(!Self.crash(&tree, counts: true).contains(.mayRetry(Self.attempt)))
  }

  @Test func `restarts its siblings as often as the intensity allows, and then leaves them alone`() {
    var tree = Self.tree(.oneForAll, max: 2)
    for round in 0..<5 {
      let actions = Self.crash(&tree, counts: false)
      #expect(actions.contains(.mayRetry(Self.attempt)))
      #expect(actions.contains(.ask(.agent(Self.sibling))) == (round < 2), "\(round)")
      guard round < 2 else { continue }
      _ = tree.handle(.exited(.agent(Self.sibling), .shutdown("asked")), at: Self.now)
      _ = tree.handle(.started(.agent(Self.sibling)), at: Self.now)
    }
  }
}
