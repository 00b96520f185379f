// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }
private let a = AgentName("a")
private let b = AgentName("b")

private func machine(
  _ name: SupervisorName = SupervisorName("team"), restart: RestartPolicy = .permanent, maxRestarts: Int = 3,
  within: Duration = .seconds(60), backoff: BackoffPolicy? = nil
) -> SupervisorMachine {
  SupervisorMachine(
    name: name, intensity: RestartIntensity(maxRestarts: maxRestarts, within: within),
    children: [a, b].map { SupervisorMachine.Child(name: $0, restart: restart, backoff: backoff) })
}

@Suite struct `The restart window` {
  @Test func `counts a stamp that is exactly as old as the window`() {
    var window = RestartWindow(intensity: RestartIntensity(maxRestarts: 1, within: .seconds(1)))
    let first = window.count(at: at(10))
    #expect(first)
    let late = window.count(at: at(11.9))
    #expect(!late)  // whole seconds: 11 - 10 = 1, still inside
  }

  @Test func `forgets a stamp that is older`() {
    var window = RestartWindow(intensity: RestartIntensity(maxRestarts: 1, within: .seconds(1)))
    let first = window.count(at: at(10))
    #expect(first)
    let later = window.count(at: at(12))
    #expect(later)
  }

  @Test func `with intensity zero tolerates none`() {
    var window = RestartWindow(intensity: RestartIntensity(maxRestarts: 0, within: .seconds(5)))
    let first = window.count(at: at(0))
    #expect(!first)
  }
}

@Suite struct `A one-for-one supervisor` {
  @Test(arguments: [
    (RestartPolicy.permanent, SupervisorMachine.Exit.normal, true), (.permanent, .abnormal("x"), true),
    (.transient, .normal, false), (.transient, .abnormal("x"), true), (.temporary, .normal, false),
    (.temporary, .abnormal("x"), false), (.permanent, .refused("budget"), false), (.transient, .refused("b"), false),
  ])
  func `restarts by the restart type`(policy: RestartPolicy, exit: SupervisorMachine.Exit, restarts: Bool) {
    var supervisor = machine(restart: policy)
    #expect(supervisor.handle(.start(a), at: at(0)) == [.start(a)])
    let actions = supervisor.handle(.exited(a, exit), at: at(1))
    #expect(actions.contains(.start(a)) == restarts)
    #expect(actions.contains(.childEnded(a)) == !restarts)
  }

  @Test func `logs a restart before it makes it`() {
    var supervisor = machine()
    _ = supervisor.handle(.start(a), at: at(0))
    #expect(
      supervisor.handle(.exited(a, .abnormal("signal 9")), at: at(1)) == [
        .logRestart(a, reason: "signal 9"), .start(a),
      ])
  }

  @Test func `gives up over its intensity and stops the others in reverse order`() {
    var supervisor = machine(maxRestarts: 2)
    _ = supervisor.handle(.start(a), at: at(0))
    _ = supervisor.handle(.start(b), at: at(0))
    for second in 1...2 {
      #expect(supervisor.handle(.exited(a, .abnormal("x")), at: at(Double(second))).contains(.start(a)))
    }
    let actions = supervisor.handle(.exited(a, .abnormal("x")), at: at(3))
    #expect(!actions.contains(.start(a)))
    #expect(actions.contains(.stop(b)))
    #expect(supervisor.hasGivenUp)
    #expect(supervisor.childStatus(a) == .failed)
    #expect(supervisor.childStatus(b) == .failed)
    // The end that was asked for starts nothing.
    #expect(supervisor.handle(.exited(b, .abnormal("signal 15")), at: at(4)) == [.childEnded(b)])
  }

  @Test func `counts all its children in one window`() {
    var supervisor = machine(maxRestarts: 1)
    _ = supervisor.handle(.start(a), at: at(0))
    _ = supervisor.handle(.start(b), at: at(0))
    #expect(supervisor.handle(.exited(a, .abnormal("x")), at: at(1)).contains(.start(a)))
    _ = supervisor.handle(.exited(b, .abnormal("x")), at: at(2))
    #expect(supervisor.hasGivenUp)
  }

  @Test func `that is the root never gives up, and gives each agent a window of its own`() {
    var root = machine(.root, maxRestarts: 1)
    _ = root.handle(.start(a), at: at(0))
    _ = root.handle(.start(b), at: at(0))
    _ = root.handle(.exited(a, .abnormal("x")), at: at(1))
    let over = root.handle(.exited(a, .abnormal("x")), at: at(2))
    #expect(over.count == 1)
    #expect(root.childStatus(a) == .failed)
    #expect(!root.hasGivenUp)
    #expect(root.handle(.exited(b, .abnormal("x")), at: at(3)).contains(.start(b)))
  }

  @Test func `forgives an agent that a person starts again`() {
    var root = machine(.root, maxRestarts: 0)
    _ = root.handle(.start(a), at: at(0))
    _ = root.handle(.exited(a, .abnormal("x")), at: at(1))
    #expect(root.handle(.start(a), at: at(2)) == [.start(a)])
    #expect(root.restarts(of: a, at: at(2)).count == 0)
  }

  @Test func `yields to its mailbox when a restart fails to start`() {
    var supervisor = machine()
    _ = supervisor.handle(.start(a), at: at(0))
    let actions = supervisor.handle(.exited(a, .startFailed("no such file")), at: at(0))
    #expect(actions == [.logRestart(a, reason: "no such file"), .restartAfter(a, .zero)])
    #expect(supervisor.handle(.stop(a), at: at(0)) == [.childEnded(a)])
    #expect(supervisor.handle(.restartDue(a), at: at(0)).isEmpty)
  }

  @Test func `waits longer from restart to restart, and forgets that after a healthy time`() {
    let backoff = BackoffPolicy(initial: .seconds(10), factor: 2, max: .seconds(30), resetAfter: .seconds(600))
    var supervisor = machine(maxRestarts: 100, backoff: backoff)
    _ = supervisor.handle(.start(a), at: at(0))
    var waits: [Duration] = []
    var now = 1.0
    for _ in 0..<3 {
      for case .restartAfter(_, let wait) in supervisor.handle(.exited(a, .abnormal("x")), at: at(now)) {
        waits.append(wait)
      }
      now += 1
      _ = supervisor.handle(.restartDue(a), at: at(now))
    }
    for case .restartAfter(_, let wait) in supervisor.handle(.exited(a, .abnormal("x")), at: at(now + 600)) {
      waits.append(wait)
    }
    #expect(waits == [.seconds(10), .seconds(20), .seconds(30), .seconds(10)])
  }

  @Test func `stops in reverse order of start`() {
    var supervisor = machine()
    _ = supervisor.handle(.start(a), at: at(0))
    _ = supervisor.handle(.start(b), at: at(0))
    #expect(supervisor.handle(.shutdown, at: at(1)) == [.stop(b), .stop(a)])
  }

  @Test func `counts the restarts of tasks in the same window`() {
    var supervisor = machine(maxRestarts: 2)
    #expect(supervisor.taskRestart(a, reason: "x", at: at(0)) == [.logRestart(a, reason: "x")])
    #expect(supervisor.taskRestart(b, reason: "x", at: at(1)) == [.logRestart(b, reason: "x")])
    #expect(supervisor.taskRestart(a, reason: "x", at: at(2)).contains { if case .gaveUp = $0 { true } else { false } })
    #expect(
      !supervisor.taskRestart(b, reason: "x", at: at(900)).contains { if case .logRestart = $0 { true } else { false } }
    )
  }

  @Test func `remembers the restarts of earlier boots`() {
    var supervisor = machine(maxRestarts: 2)
    supervisor.restore(child: a, at: at(-30))
    supervisor.restore(child: a, at: at(-20))
    _ = supervisor.handle(.start(a), at: at(0))
    _ = supervisor.handle(.exited(a, .abnormal("x")), at: at(1))
    #expect(supervisor.hasGivenUp)
  }
}

@Suite struct `Any supervisor` {
  @Test(arguments: 0..<300) func `never restarts more often than its intensity allows`(seed: UInt64) {
    var generator = SplitMix(seed: seed)
    let maxRestarts = Int.random(in: 0...4, using: &generator)
    var supervisor = machine(maxRestarts: maxRestarts, within: .seconds(10))
    var now = 0.0
    var starts: [Double] = []
    _ = supervisor.handle(.start(a), at: at(now))
    _ = supervisor.handle(.start(b), at: at(now))
    for _ in 0..<200 where !supervisor.hasGivenUp {
      now += Double.random(in: 0...6, using: &generator)
      let child = Bool.random(using: &generator) ? a : b
      for case .start in supervisor.handle(.exited(child, .abnormal("x")), at: at(now)) { starts.append(now) }
    }
    for (index, start) in starts.enumerated() {
      let inside = starts[index...].prefix { $0 - start < 10 }
      #expect(inside.count <= maxRestarts, "seed \(seed)")
    }
    if supervisor.hasGivenUp {
      #expect(supervisor.childStatus(a) != .running)
      #expect(supervisor.childStatus(b) != .running)
    }
  }
}
