// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// The same numbers for the same seed (SplitMix64).
struct HealthSeed: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite struct `Probes under any schedule` {
  /// How a process answers one run after the other.
  private struct Script {
    var spec: ProbeSpec
    var kind: ProbeKind
    var runs: [(latency: Int64, succeeds: Bool)]

    init(seed: UInt64) {
      var random = HealthSeed(state: seed)
      // Ticks lie at whole seconds and nothing else does, so that no two things happen at once.
      func nanoseconds(_ seconds: ClosedRange<Int64>) -> Int64 {
        Int64.random(in: seconds, using: &random) * 1_000_000_000 + Int64.random(in: 1...999_999_999, using: &random)
      }
      let timeout = nanoseconds(2...12)
      kind = ProbeKind.allCases.randomElement(using: &random) ?? .liveness
      spec = ProbeSpec(
        check: .exec(["x"]), initialDelay: .seconds(Int64.random(in: 0...6, using: &random)),
        interval: .seconds(Int64.random(in: 2...16, using: &random)), timeout: .nanoseconds(timeout),
        failureThreshold: Int.random(in: 1...4, using: &random),
        successThreshold: kind == .readiness ? Int.random(in: 1...3, using: &random) : 1)
      let likely = Int.random(in: 0...10, using: &random)
      runs = (0..<60).map { _ in
        (nanoseconds(0...(timeout / 500_000_000)), Int.random(in: 0..<10, using: &random) < likely)
      }
    }
  }

  private struct Trace: Equatable {
    var starts: [Int64] = []
    /// The times at which the verdict became another.
    var verdicts: [String] = []
  }

  /// The rules, written down a second time: one loop over the runs, as Kubernetes has it.
  private static func expected(_ script: Script) -> Trace {
    var trace = Trace()
    let interval = script.spec.interval.wholeNanoseconds
    let timeout = script.spec.timeout.wholeNanoseconds
    let origin = script.spec.initialDelay.wholeNanoseconds
    var (start, row, last, verdict) = (origin, 0, false, Bool?.none)
    /// False once the probe is over.
    func count(_ hit: Bool, at moment: Int64) -> Bool {
      row = hit == last ? row + 1 : 1
      last = hit
      guard row >= (hit ? script.spec.successThreshold : script.spec.failureThreshold), verdict != hit else {
        return true
      }
      verdict = hit
      trace.verdicts.append("\(moment) \(hit)")
      return script.kind == .readiness || (hit && script.kind == .liveness)
    }
    for run in script.runs {
      trace.starts.append(start)
      let end = start + run.latency
      let inTime = run.latency < timeout
      guard count(inTime && run.succeeds, at: min(end, start + timeout)) else { return trace }
      var tick = origin + ((start - origin) / interval + 1) * interval
      let first = tick
      while tick < end {
        // What has timed out and goes on for a whole interval is missed again at each tick.
        if !inTime, tick > start + timeout + interval, !count(false, at: tick) { return trace }
        tick += interval
      }
      start = first < end ? end : first
    }
    return trace
  }

  private static func actual(_ script: Script) -> Trace {
    var trace = Trace()
    var probe = ProbeMachine(kind: script.kind, spec: script.spec)
    var agenda: [(at: Int64, event: ProbeMachine.Event)] = [(0, .opened)]
    while let index = agenda.indices.min(by: { agenda[$0].at < agenda[$1].at }) {
      let (now, event) = agenda.remove(at: index)
      for action in probe.handle(event, at: Instant(nanoseconds: now)) {
        switch action {
        case .run(let number, let deadline):
          guard number <= script.runs.count else { return trace }
          trace.starts.append(now)
          let run = script.runs[number - 1]
          let limit = deadline.nanoseconds
          let answer: ProbeMachine.Answer = run.succeeds ? .succeeded : .failed("no")
          #expect(!agenda.contains { if case .ended = $0.event { true } else { false } }, "two runs at once")
          agenda.append(
            now + run.latency < limit
              ? (now + run.latency, .answered(number, answer)) : (limit, .answered(number, .timedOut)))
          // An answer that comes too late is told all the same.
          agenda.append((now + run.latency, .answered(number, answer)))
          agenda.append((now + run.latency, .ended(number)))
        case .wake(let moment):
          #expect(!agenda.contains { $0.event == .due }, "two timers at once")
          agenda.append((moment.nanoseconds, .due))
        case .passed: trace.verdicts.append("\(now) true")
        case .failed: trace.verdicts.append("\(now) false")
        }
      }
    }
    return trace
  }

  @Test(arguments: 0..<400) func `run and judge as a second reading of the rules says`(_ seed: UInt64) {
    let script = Script(seed: seed)
    #expect(Self.actual(script) == Self.expected(script))
  }

  @Test func `come to every kind of verdict in these schedules`() {
    let all = (0..<400).map { Self.expected(Script(seed: UInt64($0))) }
    #expect(all.contains { $0.verdicts.count > 4 })
    #expect(all.count { $0.verdicts.last?.hasSuffix("false") == true } > 50)
    #expect(all.count { $0.verdicts.last?.hasSuffix("true") == true } > 50)
  }

  /// Events in any order, also such as no shell would send.
  @Test(arguments: 0..<300) func `keep their promises under any events`(_ seed: UInt64) {
    var random = HealthSeed(state: seed &+ 1000)
    func probe() -> ProbeSpec? {
      switch Int.random(in: 0..<4, using: &random) {
      case 0: nil
      case 1: heartbeatProbe(failures: Int.random(in: 1...3, using: &random))
      default: httpProbe(delay: .seconds(Int.random(in: 0...9, using: &random)), failures: 2)
      }
    }
    var health = HealthMachine(
      spec: HealthSpec(
        startup: probe(), liveness: probe(), readiness: probe(),
        stuckAfter: Bool.random(using: &random) ? nil : .seconds(60),
        onStuck: Bool.random(using: &random) ? .report : .restart,
        heartbeat: Bool.random(using: &random) ? nil : .seconds(40)))
    var watch = Watch()
    var now: Int64 = 0
    for _ in 0..<400 {
      now += Int64.random(in: 0...5, using: &random) * 1_000_000_000
      let event = watch.event(using: &random)
      watch.take(event, health.handle(event, at: Instant(nanoseconds: now)))
    }
  }

  /// What the shell has outstanding, and what it was told.
  private struct Watch {
    var timers: Set<HealthMachine.Source> = []
    var runs: [ProbeKind: Int] = [:]
    var isStarted = false
    var isOver = false
    var isReady: Bool?
    var isStuck = false

    func event(using random: inout HealthSeed) -> HealthMachine.Event {
      let kind = ProbeKind.allCases.randomElement(using: &random) ?? .startup
      let number = Bool.random(using: &random) ? runs[kind] ?? 1 : Int.random(in: 0...9, using: &random)
      let answers: [ProbeMachine.Answer] = [.succeeded, .succeeded, .failed("no"), .timedOut, .unknown("?")]
      switch Int.random(in: 0..<20, using: &random) {
      case 0, 1: return .started
      case 2: return Int.random(in: 0..<8, using: &random) == 0 ? .stopping : .activity
      case 3, 4, 5: return .answered(kind, number, answers.randomElement(using: &random) ?? .succeeded)
      case 6, 7, 8: return .ended(kind, number)
      case 9...14: return timers.randomElement(using: &random).map { .due($0) } ?? .due(.probe(kind))
      case 15: return .heartbeat
      case 16: return .callStarted
      case 17: return .callEnded
      case 18: return .working(Bool.random(using: &random))
      default: return .activity
      }
    }

    mutating func take(_ event: HealthMachine.Event, _ actions: [HealthMachine.Action]) {
      if isOver { #expect(actions.isEmpty) }
      if case .due(let source) = event { timers.remove(source) }
      if case .ended(let kind, let number) = event, runs[kind] == number { runs[kind] = nil }
      for action in actions {
        switch action {
        case .wake(let source, _):
          let isNew = timers.insert(source).inserted
          #expect(isNew, "two timers of \(source)")
        case .run(let kind, let number, _):
          #expect(kind == .startup || isStarted)
          #expect(runs.updateValue(number, forKey: kind) == nil, "two runs of \(kind)")
        case .found(let finding):
          #expect(!isOver)
          take(finding)
        }
      }
      if event == .stopping { isOver = true }
    }

    mutating func take(_ finding: HealthMachine.Finding) {
      switch finding {
      case .started:
        #expect(!isStarted)
        isStarted = true
      case .startFailed:
        #expect(!isStarted)
        isOver = true
      case .notAlive:
        #expect(isStarted && isReady != true)
        isOver = true
      case .ready:
        #expect(isStarted && isReady != true)
        isReady = true
      case .notReady:
        #expect(isReady != false)
        isReady = false
      case .leaving:
        #expect(isReady == true)
        isReady = false
      case .stuck:
        #expect(isStarted && !isStuck)
        isStuck = true
      case .active:
        #expect(isStuck)
        isStuck = false
      }
    }
  }
}
