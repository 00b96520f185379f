// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }
private typealias Action = HealthMachine.Action

private func findings(_ actions: [HealthMachine.Action]) -> [HealthMachine.Finding] {
  actions.compactMap { if case .found(let finding) = $0 { finding } else { nil } }
}

@Suite struct `The health of a process` {
  private static let unready = "the readiness probe has not passed yet"

  @Test func `without probes is started and ready at once`() {
    var health = HealthMachine(spec: HealthSpec(stuckAfter: nil))
    #expect(health.handle(.started, at: at(0)) == [.found(.started), .found(.ready)])
    #expect(health.handle(.started, at: at(1)).isEmpty)
    #expect(health.handle(.working(true), at: at(1)).isEmpty)
    #expect(health.handle(.heartbeat, at: at(1)).isEmpty)
  }

  @Test func `runs liveness and readiness from the start if nothing gates them`() {
    var health = HealthMachine(
      spec: HealthSpec(liveness: httpProbe(delay: .seconds(5)), readiness: httpProbe(), stuckAfter: nil))
    #expect(
      health.handle(.started, at: at(0)) == [
        .found(.notReady(Self.unready)), .found(.started), .wake(.probe(.liveness), at: at(5)),
        .run(.readiness, 1, deadline: at(1)), .wake(.probe(.readiness), at: at(10)),
      ])
    #expect(health.handle(.answered(.readiness, 1, .succeeded), at: at(0.5)) == [.found(.ready)])
  }

  @Test func `begins with startup, and nothing else runs before that has passed`() {
    var health = HealthMachine(
      spec: HealthSpec(
        startup: httpProbe(), liveness: httpProbe(delay: .seconds(5)), readiness: httpProbe(), heartbeat: .seconds(30)))
    #expect(health.handle(.working(true), at: at(0)).isEmpty)
    #expect(
      health.handle(.started, at: at(0)) == [
        .found(.notReady(Self.unready)), .run(.startup, 1, deadline: at(1)), .wake(.probe(.startup), at: at(10)),
      ])
    for event in [HealthMachine.Event.heartbeat, .activity, .due(.probe(.liveness)), .due(.stuck)] {
      #expect(health.handle(event, at: at(1)).isEmpty)
    }
    _ = health.handle(.answered(.startup, 1, .failed("refused")), at: at(1))
    _ = health.handle(.ended(.startup, 1), at: at(1))
    #expect(
      health.handle(.due(.probe(.startup)), at: at(10)) == [
        .run(.startup, 2, deadline: at(11)), .wake(.probe(.startup), at: at(20)),
      ])
    // The delays of the others begin now.
    #expect(
      health.handle(.answered(.startup, 2, .succeeded), at: at(10.5)) == [
        .found(.started), .wake(.probe(.liveness), at: at(15.5)), .run(.readiness, 1, deadline: at(11.5)),
        .wake(.probe(.readiness), at: at(20.5)), .wake(.stuck, at: at(610.5)), .wake(.heartbeat, at: at(40.5)),
      ])
    #expect(health.handle(.due(.probe(.startup)), at: at(20)).isEmpty)
  }

  @Test func `ends when startup fails`() {
    var health = HealthMachine(spec: HealthSpec(startup: httpProbe(failures: 1), liveness: httpProbe()))
    _ = health.handle(.started, at: at(0))
    let reason = "startup probe failed once: GET http://127.0.0.1:80/live: said 500"
    #expect(
      health.handle(.answered(.startup, 1, .failed("said 500")), at: at(0)) == [.found(.startFailed(reason))])
    for event in [HealthMachine.Event.ended(.startup, 1), .due(.probe(.startup)), .working(true), .stopping] {
      #expect(health.handle(event, at: at(20)).isEmpty)
    }
  }

  @Test func `ends routing before it ends the process when liveness fails`() {
    var health = HealthMachine(spec: HealthSpec(liveness: httpProbe()))
    _ = health.handle(.started, at: at(0))
    for (number, now) in [(1, 0.0), (2, 10), (3, 20)] {
      let actions = health.handle(.answered(.liveness, number, .timedOut), at: at(now + 1))
      let reason = "liveness probe failed 3 times: GET http://127.0.0.1:80/live: no answer in 1 s"
      #expect(findings(actions) == (number == 3 ? [.notReady(reason), .notAlive(reason)] : []))
      _ = health.handle(.ended(.liveness, number), at: at(now + 1))
      _ = health.handle(.due(.probe(.liveness)), at: at(now + 10))
    }
  }

  @Test func `of readiness changes routing and nothing else`() {
    var health = HealthMachine(spec: HealthSpec(readiness: httpProbe(failures: 2)))
    _ = health.handle(.started, at: at(0))
    var seen: [HealthMachine.Finding] = []
    for (number, answer) in "hmmmmhm".enumerated() {
      let now = at(Double(number) * 10)
      let answer = answer == "h" ? ProbeMachine.Answer.succeeded : .failed("said 503")
      seen += findings(health.handle(.answered(.readiness, number + 1, answer), at: now))
      _ = health.handle(.ended(.readiness, number + 1), at: now)
      _ = health.handle(.due(.probe(.readiness)), at: at(Double(number + 1) * 10))
    }
    let reason = "readiness probe failed 2 times: GET http://127.0.0.1:80/live: said 503"
    #expect(seen == [.ready, .notReady(reason), .ready])
  }

  @Test func `takes one heartbeat for every probe that listens`() {
    var health = HealthMachine(
      spec: HealthSpec(startup: heartbeatProbe(), liveness: heartbeatProbe(), readiness: heartbeatProbe()))
    _ = health.handle(.started, at: at(0))
    // It passed startup, and it is one for the others already.
    let actions = health.handle(.heartbeat, at: at(1))
    #expect(findings(actions) == [.started, .ready])
  }

  @Test func `finds a working agent stuck, and active again`() {
    var health = HealthMachine(spec: HealthSpec())
    _ = health.handle(.started, at: at(0))
    #expect(health.handle(.working(true), at: at(10)) == [.wake(.stuck, at: at(610))])
    #expect(health.handle(.heartbeat, at: at(600)).isEmpty, "a heartbeat is no activity")
    #expect(health.handle(.due(.stuck), at: at(610)) == [.found(.stuck("no activity for 10 min"))])
    #expect(health.handle(.activity, at: at(700)) == [.found(.active), .wake(.stuck, at: at(1300))])
  }

  @Test func `ends a stuck agent if that is wanted`() {
    var health = HealthMachine(spec: HealthSpec(stuckAfter: .seconds(90), onStuck: .restart))
    _ = health.handle(.working(true), at: at(0))
    _ = health.handle(.started, at: at(0))
    #expect(
      findings(health.handle(.due(.stuck), at: at(90))) == [
        .stuck("no activity for 90 s"), .notReady("no activity for 90 s"), .notAlive("stuck: no activity for 90 s"),
      ])
    #expect(health.handle(.activity, at: at(91)).isEmpty)
  }

  @Test func `waits for calls under way`() {
    var health = HealthMachine(spec: HealthSpec(stuckAfter: .seconds(60)))
    _ = health.handle(.started, at: at(0))
    _ = health.handle(.working(true), at: at(0))
    _ = health.handle(.callStarted, at: at(5))
    #expect(health.handle(.due(.stuck), at: at(60)) == [.wake(.stuck, at: at(120))])
    _ = health.handle(.callEnded, at: at(61))
    #expect(health.handle(.due(.stuck), at: at(120)) == [.wake(.stuck, at: at(121))])
    #expect(findings(health.handle(.due(.stuck), at: at(121))) == [.stuck("no activity for 60 s")])
  }

  @Test func `ends a working agent whose heartbeats stay away`() {
    var health = HealthMachine(spec: HealthSpec(stuckAfter: nil, heartbeat: .seconds(30)))
    _ = health.handle(.started, at: at(0))
    #expect(health.handle(.working(true), at: at(0)) == [.wake(.heartbeat, at: at(30))])
    #expect(health.handle(.activity, at: at(20)).isEmpty)
    #expect(health.handle(.heartbeat, at: at(25)).isEmpty)
    #expect(health.handle(.due(.heartbeat), at: at(30)) == [.wake(.heartbeat, at: at(55))])
    #expect(
      findings(health.handle(.due(.heartbeat), at: at(55))) == [
        .notReady("no heartbeat for 30 s"), .notAlive("no heartbeat for 30 s"),
      ])
  }

  @Test func `expects no heartbeat of who has nothing to do`() {
    var health = HealthMachine(spec: HealthSpec(stuckAfter: nil, heartbeat: .seconds(30)))
    _ = health.handle(.started, at: at(0))
    _ = health.handle(.working(true), at: at(0))
    #expect(health.handle(.working(false), at: at(20)).isEmpty)
    #expect(health.handle(.due(.heartbeat), at: at(30)).isEmpty)
  }

  @Test func `is not looked into any more once the process was asked to end`() {
    var health = HealthMachine(spec: HealthSpec(liveness: httpProbe(failures: 1), stuckAfter: .seconds(60)))
    _ = health.handle(.started, at: at(0))
    _ = health.handle(.working(true), at: at(0))
    _ = health.handle(.due(.stuck), at: at(60))
    #expect(
      health.handle(.stopping, at: at(61)) == [.found(.active), .found(.leaving)])
    #expect(health.handle(.answered(.liveness, 1, .timedOut), at: at(62)).isEmpty)
    #expect(health.handle(.stopping, at: at(63)).isEmpty)
  }

  @Test func `says nothing of a process that was asked to end before it was ready`() {
    var health = HealthMachine(spec: HealthSpec(startup: httpProbe(), readiness: httpProbe()))
    _ = health.handle(.started, at: at(0))
    #expect(health.handle(.stopping, at: at(1)).isEmpty)
    #expect(health.handle(.answered(.startup, 1, .succeeded), at: at(2)).isEmpty)
  }
}
