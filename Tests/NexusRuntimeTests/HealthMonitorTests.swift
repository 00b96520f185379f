// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusRuntime
import NexusTestKit
import Synchronization
import Testing

/// A monitor over fakes: its findings, in order, come through a stream.
private struct MonitorBench: Sendable {
  let clock = ManualClock()
  let launcher = FakeLauncher()
  let probes = FakeProbes()
  let process = WatchedProcess()
  let monitor: HealthMonitor

  init(_ spec: HealthSpec) {
    let request = LaunchRequest(
      arguments: ["work"], environment: [EnvironmentVariable("NAOS_TOKEN", "nk_1")], workingDirectory: "/agents",
      standardInput: [1, 2, 3], label: "worker#1")
    monitor = HealthMonitor(
      spec: spec, request: request, ports: HealthPorts(launcher: launcher, probes: probes, clock: clock))
  }

  typealias Findings = AsyncStream<HealthMachine.Finding>

  /// Watches a process for as long as the body takes.
  func with(_ body: @escaping @Sendable (MonitorBench, Findings) async throws -> Void) async throws {
    let (stream, continuation) = AsyncStream<HealthMachine.Finding>.makeStream(bufferingPolicy: .bufferingOldest(1000))
    let result: Result<Void, any Error> = await monitor.watch(process, shutdown: .timeout(.seconds(5))) { finding in
      continuation.yield(finding)
    } while: {
      do {
        try await body(self, stream)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}

/// The process that is watched; it only keeps what it was sent.
private final class WatchedProcess: LaunchedProcess {
  let pid: Int32 = 7
  private let sent = Mutex<[ProcessSignal]>([])
  var signals: [ProcessSignal] { sent.withLock { $0 } }
  func signal(_ signal: ProcessSignal) -> Bool {
    sent.withLock { $0.append(signal) }
    return true
  }
  func waitForExit() async -> ProcessExit { ProcessExit(status: .exited(code: 0)) }
}

private let target = ProbeTarget(port: 80, path: "/live")
private let live = ProbeSpec(check: .http(target), failureThreshold: 2)
private let check = ProbeSpec(check: .exec(["check", "-x"]), failureThreshold: 2)

@Suite(.timeLimit(.minutes(1))) struct `A health monitor` {
  @Test func `says at once that a process without probes has started and is ready`() async throws {
    try await MonitorBench(HealthSpec()).with { bench, found in
      var findings = found.makeAsyncIterator()
      #expect(await findings.next() == .started)
      #expect(await findings.next() == .ready)
      #expect(bench.monitor.verdict == nil)
    }
  }

  @Test func `asks at every interval, and ends what stops answering`() async throws {
    try await MonitorBench(HealthSpec(liveness: live, stuckAfter: nil)).with { bench, found in
      var findings = found.makeAsyncIterator()
      var asks = bench.probes.asks.makeAsyncIterator()
      let first = try #require(await asks.next())
      #expect(first.target == target)
      #expect(first.timeout == .seconds(1))
      first.answer(204)
      for number in 1...2 {
        // The next tick is the only thing that is waited for.
        await bench.clock.waitForSleepers(1)
        bench.clock.advance(by: .seconds(9))
        while bench.clock.sleeping > 1 { await Task.yield() }
        bench.clock.advance(by: .seconds(1))
        let ask = try #require(await asks.next())
        if number == 1 { ask.fail("refused") } else { ask.answer(503) }
      }
      let reason = "liveness probe failed 2 times: GET http://127.0.0.1:80/live: status 503"
      #expect(await findings.next() == .started)
      #expect(await findings.next() == .ready)
      #expect(await findings.next() == .notReady(reason))
      #expect(await findings.next() == .notAlive(reason))
      #expect(bench.monitor.verdict == .notAlive(reason))
      // The tick of the probe, and the time that the process has to end.
      await bench.clock.waitForSleepers(2)
      #expect(bench.process.signals == [.terminate])
      bench.clock.advance(by: .seconds(5))
      while bench.process.signals.count < 2 { await Task.yield() }
      #expect(bench.process.signals == [.terminate, .kill])
    }
  }

  @Test(arguments: [(199, false), (200, true), (302, true), (399, true), (400, false), (500, false)])
  func `takes the statuses from 200 to 399 for hits`(status: Int, isHit: Bool) async throws {
    let spec = ProbeSpec(check: .http(target), failureThreshold: 1)
    try await MonitorBench(HealthSpec(startup: spec, stuckAfter: nil)).with { bench, found in
      var findings = found.makeAsyncIterator()
      var asks = bench.probes.asks.makeAsyncIterator()
      try #require(await asks.next()).answer(status)
      let finding = await findings.next()
      #expect((finding == .started) == isHit)
      #expect((bench.monitor.verdict == nil) == isHit)
    }
  }

  @Test func `gives a request up when its time is over, and asks no second time before that`() async throws {
    let bench = MonitorBench(HealthSpec(startup: live, stuckAfter: nil))
    try await bench.with { bench, found in
      var findings = found.makeAsyncIterator()
      var asks = bench.probes.asks.makeAsyncIterator()
      for _ in 1...2 {
        _ = try #require(await asks.next())
        await bench.clock.waitForSleepers(2)
        bench.clock.advance(by: .seconds(1))
        while bench.clock.sleeping > 1 { await Task.yield() }
        bench.clock.advance(by: .seconds(9))
      }
      #expect(
        await findings.next()
          == .startFailed("startup probe failed 2 times: GET http://127.0.0.1:80/live: no answer in 1 s"))
    }
    #expect(bench.probes.cancellations == 2)
    #expect(bench.clock.sleeping == 0)
  }

  @Test func `runs a command where and how the agent runs, and kills it when its time is over`() async throws {
    try await MonitorBench(HealthSpec(liveness: check, stuckAfter: nil)).with { bench, found in
      var findings = found.makeAsyncIterator()
      var processes = bench.launcher.processes.makeAsyncIterator()
      let first = try #require(await processes.next())
      #expect(first.request.arguments == ["check", "-x"])
      #expect(first.request.workingDirectory == "/agents")
      #expect(first.environment("NAOS_TOKEN") == "nk_1")
      #expect(first.request.standardInput.isEmpty)
      #expect(first.request.label == "worker#1:liveness")
      first.write("any output", to: .standardError)
      await bench.clock.waitForSleepers(2)
      bench.clock.advance(by: .seconds(1))
      #expect(await first.waitForExit().status == .signalled(signal: 9))
      await bench.clock.waitForSleepers(1)
      bench.clock.advance(by: .seconds(9))
      try #require(await processes.next()).end(.exited(code: 3))
      let reason = "liveness probe failed 2 times: check: exit 3"
      #expect(await findings.next() == .started)
      #expect(await findings.next() == .ready)
      #expect(await findings.next() == .notReady(reason))
      #expect(await findings.next() == .notAlive(reason))
    }
  }

  @Test func `counts what the node could not start as nothing, and what does not exist as a miss`() async throws {
    let bench = MonitorBench(
      HealthSpec(startup: ProbeSpec(check: .exec(["check"]), failureThreshold: 1), stuckAfter: nil))
    bench.launcher.failNext(
      LaunchError(stage: .fork, errorNumber: 11, message: "no more processes"),
      LaunchError(stage: .lookup, errorNumber: 2, message: "no program `check` in PATH"))
    try await bench.with { bench, found in
      var findings = found.makeAsyncIterator()
      await bench.clock.waitForSleepers(1)
      while bench.clock.sleeping > 1 { await Task.yield() }
      bench.clock.advance(by: .seconds(10))
      #expect(
        await findings.next()
          == .startFailed("startup probe failed once: check: cannot start: no program `check` in PATH"))
    }
  }

  @Test func `leaves nothing behind when the process ends in the middle of a probe`() async throws {
    let bench = MonitorBench(HealthSpec(liveness: live, readiness: check, stuckAfter: nil))
    let probe = Mutex<FakeProcess?>(nil)
    try await bench.with { bench, _ in
      var asks = bench.probes.asks.makeAsyncIterator()
      var processes = bench.launcher.processes.makeAsyncIterator()
      _ = try #require(await asks.next())
      let process = try #require(await processes.next())
      probe.withLock { $0 = process }
    }
    #expect(probe.withLock { $0?.signals } == [.kill])
    #expect(bench.probes.cancellations == 1)
    #expect(bench.clock.sleeping == 0)
    #expect(bench.monitor.verdict == nil)
  }

  @Test func `hears heartbeats, and misses them`() async throws {
    let beat = ProbeSpec(check: .heartbeat, failureThreshold: 1)
    try await MonitorBench(HealthSpec(startup: beat, liveness: beat, stuckAfter: nil)).with { bench, found in
      var findings = found.makeAsyncIterator()
      await bench.clock.waitForSleepers(1)
      bench.monitor.heartbeat()
      #expect(await findings.next() == .started)
      #expect(await findings.next() == .ready)
      // The timer of startup, which nobody needs any more, and that of liveness.
      await bench.clock.waitForSleepers(2)
      bench.clock.advance(by: .seconds(10))
      #expect(await findings.next() == .notReady("liveness probe failed once: heartbeat: none for 10 s"))
    }
  }

  @Test func `finds no fault with a process that was asked to end`() async throws {
    try await MonitorBench(HealthSpec(liveness: live, stuckAfter: nil)).with { bench, found in
      var findings = found.makeAsyncIterator()
      var asks = bench.probes.asks.makeAsyncIterator()
      let ask = try #require(await asks.next())
      bench.monitor.stopping()
      ask.answer(500)
      #expect(await findings.next() == .started)
      #expect(await findings.next() == .ready)
      #expect(await findings.next() == .leaving)
      #expect(bench.monitor.verdict == nil)
    }
  }

  @Test func `keeps only the beginning of what went wrong`() async throws {
    let spec = ProbeSpec(check: .http(target), failureThreshold: 1)
    try await MonitorBench(HealthSpec(startup: spec, stuckAfter: nil)).with { bench, found in
      var findings = found.makeAsyncIterator()
      var asks = bench.probes.asks.makeAsyncIterator()
      try #require(await asks.next()).fail("e" + String(repeating: "\u{301}", count: 1_000_000))
      guard case .startFailed(let reason)? = await findings.next() else {
        Issue.record("the start did not fail")
        return
      }
      #expect(reason.unicodeScalars.count < 400)
    }
  }
}
