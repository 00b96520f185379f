// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

/// A probe over HTTP, every 10 s, with a timeout of 1 s.
func httpProbe(
  delay: Duration = .zero, interval: Duration = .seconds(10), timeout: Duration = .seconds(1), failures: Int = 3,
  successes: Int = 1
) -> ProbeSpec {
  ProbeSpec(
    check: .http(ProbeTarget(port: 80, path: "/live")), initialDelay: delay, interval: interval, timeout: timeout,
    failureThreshold: failures, successThreshold: successes)
}

func heartbeatProbe(delay: Duration = .zero, failures: Int = 3, successes: Int = 1) -> ProbeSpec {
  ProbeSpec(
    check: .heartbeat, initialDelay: delay, failureThreshold: failures, successThreshold: successes)
}

private func machine(_ kind: ProbeKind = .liveness, _ spec: ProbeSpec = httpProbe()) -> ProbeMachine {
  ProbeMachine(kind: kind, spec: spec)
}

@Suite struct `A probe that asks` {
  @Test func `runs at once when it may begin, and then at every interval`() {
    var probe = machine()
    #expect(probe.handle(.opened, at: at(5)) == [.run(1, deadline: at(6)), .wake(at: at(15))])
    #expect(probe.handle(.answered(1, .succeeded), at: at(5.5)) == [.passed])
    #expect(probe.handle(.ended(1), at: at(5.5)).isEmpty)
    #expect(probe.handle(.due, at: at(15)) == [.run(2, deadline: at(16)), .wake(at: at(25))])
  }

  @Test func `waits its initial delay, and keeps the interval from there`() {
    var probe = machine(.liveness, httpProbe(delay: .seconds(7)))
    #expect(probe.handle(.opened, at: at(0)) == [.wake(at: at(7))])
    // The clock came late.
    #expect(probe.handle(.due, at: at(8)) == [.run(1, deadline: at(9)), .wake(at: at(17))])
  }

  @Test func `keeps one tick that comes during a run, and drops the others`() {
    var probe = machine(.liveness, httpProbe(timeout: .seconds(60)))
    _ = probe.handle(.opened, at: at(0))
    #expect(probe.handle(.due, at: at(10)) == [.wake(at: at(20))])
    #expect(probe.handle(.due, at: at(20)) == [.wake(at: at(30))])
    #expect(probe.handle(.answered(1, .succeeded), at: at(25)) == [.passed])
    #expect(probe.handle(.ended(1), at: at(25)) == [.run(2, deadline: at(85))])
    _ = probe.handle(.answered(2, .succeeded), at: at(26))
    #expect(probe.handle(.ended(2), at: at(26)).isEmpty)
    #expect(probe.handle(.due, at: at(30)) == [.run(3, deadline: at(90)), .wake(at: at(40))])
  }

  @Test func `never overlaps itself, and counts what cannot be ended as missed`() {
    var probe = machine(.liveness, httpProbe(failures: 2))
    _ = probe.handle(.opened, at: at(0))
    #expect(probe.handle(.answered(1, .timedOut), at: at(1)).isEmpty)
    #expect(probe.handle(.due, at: at(10)) == [.wake(at: at(20))])
    #expect(
      probe.handle(.due, at: at(20)) == [
        .failed("liveness probe failed 2 times: GET http://127.0.0.1:80/live: the last try has not ended")
      ])
  }

  @Test func `misses once what times out at a tick and is ended soon after`() {
    var probe = machine(.liveness, httpProbe(timeout: .seconds(10), failures: 2))
    _ = probe.handle(.opened, at: at(0))
    #expect(probe.handle(.answered(1, .timedOut), at: at(10)).isEmpty)
    #expect(probe.handle(.due, at: at(10)) == [.wake(at: at(20))])
    #expect(probe.handle(.ended(1), at: at(10.01)) == [.run(2, deadline: at(20.01))])
    #expect(probe.passes == nil)
  }

  @Test func `ignores answers of other runs, and second answers`() {
    var probe = machine(.liveness, httpProbe(failures: 2))
    _ = probe.handle(.opened, at: at(0))
    #expect(probe.handle(.answered(7, .failed("no")), at: at(0)).isEmpty)
    _ = probe.handle(.answered(1, .timedOut), at: at(1))
    #expect(probe.handle(.answered(1, .failed("late")), at: at(2)).isEmpty)
    _ = probe.handle(.ended(1), at: at(2))
    _ = probe.handle(.due, at: at(10))
    #expect(probe.handle(.answered(1, .failed("later")), at: at(10)).isEmpty)
    #expect(probe.handle(.ended(1), at: at(10)).isEmpty)
    #expect(probe.handle(.answered(2, .failed("said 500")), at: at(10)).count == 1)
    #expect(probe.passes == false)
  }

  /// Answers (h hit, m miss, t timeout, u unknown) and what is reported after each (p passed, f failed, - nothing).
  @Test(arguments: [
    (ProbeKind.liveness, 3, 1, "hhmmhmmm", "p------f"), (.liveness, 1, 1, "m", "f"), (.liveness, 2, 1, "hmt", "p-f"),
    (.liveness, 2, 1, "mum", "--f"), (.liveness, 2, 1, "uuuu", "----"), (.liveness, 2, 1, "hmmmmm", "p-f---"),
    (.startup, 3, 1, "mmhmmm", "--p---"), (.startup, 3, 1, "mmmhh", "--f--"), (.startup, 2, 1, "tt", "-f"),
    (.readiness, 3, 1, "hmmmmh", "p--f-p"), (.readiness, 1, 3, "hhhmhhmhhh", "--pf-----p"),
    (.readiness, 2, 2, "mmhuhmhmm", "-f--p---f"),
  ])
  func `changes its verdict at the thresholds`(
    kind: ProbeKind, failures: Int, successes: Int, answers: String, reports: String
  ) {
    var probe = machine(kind, httpProbe(failures: failures, successes: successes))
    var actions = probe.handle(.opened, at: at(0))
    var now = 0.0
    var seen = ""
    for letter in answers {
      let answer: ProbeMachine.Answer =
        switch letter {
        case "h": .succeeded
        case "m": .failed("said 500")
        case "t": .timedOut
        default: .unknown("no launcher")
        }
      var number = 0
      for case .run(let run, _) in actions { number = run }
      let verdicts = probe.handle(.answered(number, answer), at: at(now))
      seen += verdicts.contains(.passed) ? "p" : verdicts.isEmpty ? "-" : "f"
      _ = probe.handle(.ended(number), at: at(now))
      now += 10
      actions = probe.handle(.due, at: at(now))
    }
    #expect(seen == reports)
    // Once the process has started, or must be ended, there is nothing left to ask.
    #expect(probe.isClosed == (kind != .readiness && (reports.contains("f") || kind == .startup)))
    #expect(probe.isClosed == actions.isEmpty)
  }

  @Test func `says what was missed, and how often`() {
    func reason(_ failures: Int, _ answer: ProbeMachine.Answer, _ check: ProbeCheck) -> [ProbeMachine.Action] {
      var spec = httpProbe(timeout: .milliseconds(1500), failures: failures)
      spec.check = check
      var probe = machine(.startup, spec)
      _ = probe.handle(.opened, at: at(0))
      return probe.handle(.answered(1, answer), at: at(0))
    }
    #expect(
      reason(1, .timedOut, .exec(["check", "-x"])) == [.failed("startup probe failed once: check: no answer in 1.5 s")])
    #expect(
      reason(1, .failed("said 404"), .http(ProbeTarget(isSecure: true, host: "::1", port: 8443, path: "/a"))) == [
        .failed("startup probe failed once: GET https://[::1]:8443/a: said 404")
      ])
  }

  @Test func `does nothing before it is opened, twice opened, or after it is closed`() {
    var probe = machine()
    for event in [ProbeMachine.Event.due, .heartbeat, .answered(1, .succeeded), .ended(1)] {
      #expect(probe.handle(event, at: at(0)).isEmpty)
    }
    _ = probe.handle(.opened, at: at(0))
    #expect(probe.handle(.opened, at: at(1)).isEmpty)
    #expect(probe.handle(.heartbeat, at: at(1)).isEmpty)
    #expect(probe.handle(.closed, at: at(2)).isEmpty)
    for event in [ProbeMachine.Event.due, .answered(1, .timedOut), .ended(1), .opened] {
      #expect(probe.handle(event, at: at(3)).isEmpty)
    }
    #expect(probe.passes == nil)
  }

  @Test func `does not trap on an interval of nothing`() {
    var probe = machine(.liveness, httpProbe(interval: .zero, timeout: .zero))
    #expect(probe.handle(.opened, at: at(0)) == [.run(1, deadline: at(0)), .wake(at: at(0.001))])
    let late = Instant(nanoseconds: .max)
    #expect(probe.handle(.due, at: late) == [.wake(at: late)])
  }
}

@Suite struct `A probe that listens` {
  @Test func `passes at the first heartbeat and fails after its intervals of silence`() {
    var probe = machine(.liveness, heartbeatProbe())
    #expect(probe.handle(.opened, at: at(0)) == [.wake(at: at(10))])
    #expect(probe.handle(.heartbeat, at: at(4)) == [.passed])
    #expect(probe.handle(.heartbeat, at: at(6)).isEmpty)
    #expect(probe.handle(.due, at: at(10)) == [.wake(at: at(16))])
    #expect(probe.handle(.due, at: at(16)) == [.wake(at: at(26))])
    #expect(probe.handle(.due, at: at(26)) == [.wake(at: at(36))])
    #expect(probe.handle(.due, at: at(36)) == [.failed("liveness probe failed 3 times: heartbeat: none for 30 s")])
    #expect(probe.isClosed)
    #expect(probe.handle(.heartbeat, at: at(37)).isEmpty)
  }

  @Test func `counts silence from the initial delay on`() {
    var probe = machine(.startup, heartbeatProbe(delay: .seconds(60), failures: 1))
    #expect(probe.handle(.opened, at: at(0)) == [.wake(at: at(70))])
    #expect(probe.handle(.due, at: at(70)) == [.failed("startup probe failed once: heartbeat: none for 10 s")])
  }

  @Test func `counts no silence while the node itself was away`() {
    var probe = machine(.liveness, heartbeatProbe(failures: 2))
    _ = probe.handle(.opened, at: at(0))
    _ = probe.handle(.heartbeat, at: at(5))
    #expect(probe.handle(.due, at: at(10)) == [.wake(at: at(15))])
    // The machine slept for an hour: one interval was watched.
    #expect(probe.handle(.due, at: at(3615)) == [.wake(at: at(3625))])
    #expect(probe.handle(.heartbeat, at: at(3616)).isEmpty)
    #expect(probe.handle(.due, at: at(3625)) == [.wake(at: at(3626))])
  }

  @Test func `is content with one heartbeat in time, again and again`() {
    var probe = machine(.liveness, heartbeatProbe(failures: 2))
    _ = probe.handle(.opened, at: at(0))
    var due = at(10)
    for beat in 1...50 {
      // Just before the second interval of silence is over.
      let now = at(Double(beat) * 19.9)
      while due < now {
        for case .wake(let next) in probe.handle(.due, at: due) { due = next }
      }
      #expect(probe.handle(.heartbeat, at: now).contains(.passed) == (beat == 1))
    }
    #expect(probe.passes == true)
  }

  @Test func `of readiness goes on listening after it has failed`() {
    var probe = machine(.readiness, heartbeatProbe(failures: 1, successes: 2))
    _ = probe.handle(.opened, at: at(0))
    #expect(probe.handle(.due, at: at(10)) == [.failed("readiness probe failed once: heartbeat: none for 10 s")])
    #expect(probe.handle(.due, at: at(20)).isEmpty)
    #expect(probe.handle(.heartbeat, at: at(21)) == [.wake(at: at(31))])
    #expect(probe.handle(.heartbeat, at: at(22)) == [.passed])
    #expect(probe.handle(.due, at: at(31)) == [.wake(at: at(32))])
    #expect(probe.handle(.due, at: at(32)).count == 1)
    #expect(probe.passes == false)
  }
}
