// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The health of one process: its probes and its silence, from its start to its end.
///
/// Startup gates everything else. Once it has found that the process must be ended, it finds nothing more.
package struct HealthMachine: Sendable {
  /// What has a timer of its own.
  package enum Source: Sendable, Hashable {
    case probe(ProbeKind)
    case stuck
    case heartbeat
  }

  package enum Event: Sendable, Hashable {
    /// The program runs.
    case started
    /// It was asked to end.
    case stopping
    case answered(ProbeKind, ProbeMachine.RunNumber, ProbeMachine.Answer)
    case ended(ProbeKind, ProbeMachine.RunNumber)
    case due(Source)
    /// `POST /agent/v1/heartbeat`.
    case heartbeat
    /// It did something that can be seen; a heartbeat is none of it.
    case activity
    case callStarted
    case callEnded
    case streamBegan
    case streamEnded
    /// Whether it has anything to do: a task always, a service while it holds tasks.
    case working(Bool)
  }

  package enum Action: Sendable, Hashable {
    case run(ProbeKind, ProbeMachine.RunNumber, deadline: Instant)
    case wake(Source, at: Instant)
    case found(Finding)
  }

  package enum Finding: Sendable, Hashable {
    /// It has started in the full sense: now its next sibling may.
    case started
    case startFailed(String)
    /// It must be ended; its supervisor decides what follows.
    case notAlive(String)
    case ready
    case notReady(String)
    /// It was asked to end: it takes no more tasks, and nobody needs to be told why.
    case leaving
    case stuck(String)
    /// It is not stuck any more.
    case active
  }

  private enum Phase: Sendable { case idle, starting, started, over }

  private var phase = Phase.idle
  private var probes: [ProbeMachine]
  private var stuck: SilenceMachine?
  private var lost: SilenceMachine?
  private let onStuck: OnStuck
  private let activityIsHeartbeat: Bool
  private var isWorking = false
  private var isReady: Bool?

  package init(spec: HealthSpec) {
    // Startup first: what it opens comes after it.
    probes = ProbeKind.allCases.compactMap { kind in spec.probe(kind).map { ProbeMachine(kind: kind, spec: $0) } }
    stuck = spec.stuckAfter.map(SilenceMachine.init(limit:))
    lost = spec.heartbeat.map(SilenceMachine.init(limit:))
    onStuck = spec.onStuck
    activityIsHeartbeat = spec.activityIsHeartbeat
  }

  package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
    guard phase != .over else { return [] }
    switch event {
    case .started:
      guard phase == .idle else { return [] }
      phase = .starting
      let unready = has(.readiness) ? report(ready: false, "the readiness probe has not passed yet") : []
      return unready + (has(.startup) ? feed(.startup, .opened, at: now) : passStartup(at: now))
    case .stopping: return stop(at: now)
    case .answered(let kind, let number, let answer): return feed(kind, .answered(number, answer), at: now)
    case .ended(let kind, let number): return feed(kind, .ended(number), at: now)
    case .due(.probe(let kind)): return feed(kind, .due, at: now)
    case .due(.stuck): return feedStuck(.due, at: now)
    case .due(.heartbeat): return feedLost(.due, at: now)
    case .heartbeat:
      var actions: [Action] = []
      for kind in ProbeKind.allCases { actions += feed(kind, .heartbeat, at: now) }
      return phase == .over ? actions : actions + feedLost(.sign, at: now)
    case .activity: return feedActivity(.sign, at: now)
    case .callStarted: return feedActivity(.callStarted, at: now)
    case .callEnded: return feedActivity(.callEnded, at: now)
    case .streamBegan: return feedActivity(.streamBegan, at: now)
    case .streamEnded: return feedActivity(.streamEnded, at: now)
    case .working(let works):
      isWorking = works
      return phase == .started ? follow(works, at: now) : []
    }
  }

  // MARK: Probes

  private func has(_ kind: ProbeKind) -> Bool { probes.contains { $0.kind == kind } }

  private mutating func feed(_ kind: ProbeKind, _ event: ProbeMachine.Event, at now: Instant) -> [Action] {
    guard phase != .over, let index = probes.firstIndex(where: { $0.kind == kind }) else { return [] }
    var actions: [Action] = []
    for action in probes[index].handle(event, at: now) {
      switch action {
      case .run(let number, let deadline): actions.append(.run(kind, number, deadline: deadline))
      case .wake(let moment): actions.append(.wake(.probe(kind), at: moment))
      case .passed: actions += passed(kind, at: now)
      case .failed(let reason): actions += failed(kind, reason, at: now)
      }
    }
    return actions
  }

  private mutating func passed(_ kind: ProbeKind, at now: Instant) -> [Action] {
    switch kind {
    case .startup: passStartup(at: now)
    case .liveness: []
    case .readiness: report(ready: true)
    }
  }

  private mutating func failed(_ kind: ProbeKind, _ reason: String, at now: Instant) -> [Action] {
    switch kind {
    case .startup: end(.startFailed(reason), reason)
    case .liveness: end(.notAlive(reason), reason)
    case .readiness: report(ready: false, reason)
    }
  }

  private mutating func passStartup(at now: Instant) -> [Action] {
    phase = .started
    var actions: [Action] = [.found(.started)]
    if !has(.readiness) { actions += report(ready: true) }
    for kind in [ProbeKind.liveness, .readiness] { actions += feed(kind, .opened, at: now) }
    return actions + follow(isWorking, at: now)
  }

  // MARK: Silence

  private mutating func follow(_ works: Bool, at now: Instant) -> [Action] {
    let actions = feedStuck(.working(works), at: now)
    return phase == .over ? actions : actions + feedLost(.working(works), at: now)
  }

  /// A sign of something that was done.
  private mutating func feedActivity(_ event: SilenceMachine.Event, at now: Instant) -> [Action] {
    let actions = feedStuck(event, at: now)
    return activityIsHeartbeat && phase != .over ? actions + feedLost(event, at: now) : actions
  }

  private mutating func feedStuck(_ event: SilenceMachine.Event, at now: Instant) -> [Action] {
    (stuck?.handle(event, at: now) ?? []).flatMap { action -> [Action] in
      switch action {
      case .wake(let moment): return [.wake(.stuck, at: moment)]
      case .heard: return [.found(.active)]
      case .silent(let length):
        let reason = "no activity for \(ProbeMachine.text(length))"
        guard onStuck == .restart else { return [.found(.stuck(reason))] }
        return [.found(.stuck(reason))] + end(.notAlive("stuck: \(reason)"), reason)
      }
    }
  }

  private mutating func feedLost(_ event: SilenceMachine.Event, at now: Instant) -> [Action] {
    (lost?.handle(event, at: now) ?? []).flatMap { action -> [Action] in
      switch action {
      case .wake(let moment): return [.wake(.heartbeat, at: moment)]
      case .heard: return []
      case .silent(let length):
        let reason = "no \(activityIsHeartbeat ? "sign of life" : "heartbeat") for \(ProbeMachine.text(length))"
        return end(.notAlive(reason), reason)
      }
    }
  }

  // MARK: Ends

  /// Routing ends before the process does.
  private mutating func end(_ finding: Finding, _ reason: String) -> [Action] {
    phase = .over
    return (isReady == true ? report(ready: false, reason) : []) + [.found(finding)]
  }

  private mutating func stop(at now: Instant) -> [Action] {
    let active = feedStuck(.working(false), at: now)
    phase = .over
    guard isReady == true else { return active }
    isReady = false
    return active + [.found(.leaving)]
  }

  private mutating func report(ready: Bool, _ reason: String = "") -> [Action] {
    guard ready != isReady else { return [] }
    isReady = ready
    return [.found(ready ? .ready : .notReady(reason))]
  }
}
