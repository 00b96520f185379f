// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusSupervisionKit
import Testing

/// The cases of OTP's suite about how things grow; here it is not time that is measured but what is done.
@Suite struct SupervisionScaleTests {
  private static let now = Instant(nanoseconds: 0)

  private func tree(
    _ template: ChildSpec? = nil, _ children: [ChildSpec] = [], _ strategy: RestartStrategy = .oneForOne
  )
    -> SupervisionTree
  {
    let top = SupervisionTree.Branch(
      SupervisorName("top"),
      flags: SupervisorFlags(strategy: strategy, intensity: RestartIntensity(maxRestarts: 1_000_000)),
      children: children, template: template)
    return SupervisionTree([
      SupervisionTree.Branch(.root, flags: .root, children: [child("top", .transient)]), top,
    ])
  }

  /// Quadratic behaviour would take minutes, and thus fail.
  @Test(.timeLimit(.minutes(5)))
  func `simple_one_for_one_scale_many_temporary_children: 100,000 instances cost no more each than the first`() {
    var tree = tree(child("w", .temporary))
    _ = tree.handle(.start, at: Self.now)
    let count = 100_000
    for number in 1...count {
      let starting = tree.handle(
        .startInstance(CallID(number), under: SupervisorName("top"), arguments: []), at: Self.now)
      let up = tree.handle(.started(named("w#\(number)")), at: Self.now)
      if starting.count != 2 || up.count != 2 { Issue.record("instance \(number): \(starting) \(up)") }
    }
    #expect(tree.counts(of: SupervisorName("top"))?.active == count)
    for number in 1...count / 2 {
      let name = named("w#\(number)")
      let asked = tree.handle(.call(CallID(count + number), .terminateChild(name)), at: Self.now)
      let ended = tree.handle(.exited(name, .shutdown("asked")), at: Self.now)
      if asked.count != 3 || ended.count != 3 { Issue.record("instance \(number): \(asked) \(ended)") }
    }
    #expect(tree.counts(of: SupervisorName("top"))?.workers == count / 2)
    // The others go with their supervisor: all are asked at once, with one timer for all of them.
    let actions = tree.handle(.shutdown, at: Self.now)
    #expect(actions.count { if case .ask = $0 { true } else { false } } == count / 2)
    #expect(actions.count { if case .setTimer = $0 { true } else { false } } == 1)
    var reports: [String] = []
    for number in count / 2 + 1...count {
      for action in tree.handle(.exited(named("w#\(number)"), .abnormal("exit 1")), at: Self.now) {
        if case .report(let report) = action { reports.append(report.reason) }
      }
    }
    #expect(reports == ["exit 1 (\(count / 2) of them)"])
    #expect(tree.phase(of: .root) == .down(.asked))
  }

  @Test(.timeLimit(.minutes(5))) func `scale_start_stop_many_children: 20,000 children by call cost no more each`() {
    var tree = tree()
    _ = tree.handle(.start, at: Self.now)
    let count = 20_000
    for number in 1...count {
      let name = ChildName.agent(AgentName("a\(number)"))
      let starting = tree.handle(
        .startChild(CallID(number), ChildSpec(name), under: SupervisorName("top")), at: Self.now)
      let up = tree.handle(.started(name), at: Self.now)
      if starting.count != 2 || up.count != 2 { Issue.record("child \(number): \(starting) \(up)") }
    }
    for number in 1...count {
      let name = ChildName.agent(AgentName("a\(number)"))
      let asked = tree.handle(.call(CallID(count + number), .terminateChild(name)), at: Self.now)
      let ended = tree.handle(.exited(name, .shutdown("asked")), at: Self.now)
      if asked.count != 3 || ended.count != 2 { Issue.record("child \(number): \(asked) \(ended)") }
    }
    #expect(tree.counts(of: SupervisorName("top"))?.active == 0)
  }

  @Test(.timeLimit(.minutes(5))) func `a crash among many children is decided without looking at the others`() {
    let children = (0..<1000).map { ChildSpec(.agent(AgentName("a\($0)"))) }
    var tree = tree(nil, children)
    var waiting = tree.handle(.start, at: Self.now)
    for spec in children { waiting += tree.handle(.started(spec.name), at: Self.now) }
    for round in 0..<20_000 {
      let name = children[round % children.count].name
      let crashed = tree.handle(.exited(name, .abnormal("exit 1")), at: Self.now)
      let up = tree.handle(.started(name), at: Self.now)
      if crashed.count != 4 || up.count != 1 { Issue.record("\(name): \(crashed) \(up)") }
    }
  }
}
