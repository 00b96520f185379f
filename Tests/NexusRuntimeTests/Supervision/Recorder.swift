// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusSupervisionKit
import Synchronization

/// Writes down what the host's tree heard and decided, and knows what is still to come.
final class Recorder: Sendable {
  struct Notes {
    var log: [String] = []
    var reports: [String] = []
    var failed: [String] = []
    var attempts: [String] = []
    var restarts = 0
    var answers: [CallID: SupervisorMachine.CallAnswer] = [:]
  }

  /// What a child does later by itself.
  enum Later: Sendable {
    /// It ends as it was asked to.
    case obeys
    /// It ends before it has come up.
    case fails
    case comesUp
  }

  /// What has been set in motion and has not come to the tree yet.
  fileprivate struct Open {
    var starts: Set<ChildName> = []
    var ends: Set<ChildName> = []
    var wants: Set<ChildName> = []
    var living: Set<ChildName> = []
    var timers: [(timer: SupervisionTree.Timer, due: Instant)] = []
    var later: [ChildName: (due: Instant, what: Later)] = [:]
  }

  fileprivate struct State {
    var notes = Notes()
    var open = Open()
    var asks: [ChildName: AskOutcome] = [:]
    /// How the starts that are still to come go.
    var starts: [ChildName: [StartOutcome]] = [:]
    /// How the start under way goes.
    var outcomes: [ChildName: StartOutcome] = [:]
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())
  private let clock: any NexusClock

  init(clock: any NexusClock) { self.clock = clock }

  func take<T>(_ body: (inout Notes) -> T) -> T { state.withLock { body(&$0.notes) } }

  // MARK: What is going to happen

  /// What the child will do when it is asked; else it obeys.
  func whenAsked(_ child: ChildName, _ outcome: AskOutcome) { state.withLock { $0.asks[child] = outcome } }

  /// How the next starts of the child go; those after them go well.
  func nextStarts(_ child: ChildName, _ outcomes: [StartOutcome]) {
    state.withLock { $0.starts[child, default: []] += outcomes }
  }

  /// The agents whose next start, of one of their children, needs no process.
  var needless: Set<AgentName> {
    state.withLock { state in Set(state.starts.filter { $0.value.first == .isIgnored }.keys.compactMap(\.agent)) }
  }

  /// How the start under way goes.
  func outcome(of child: ChildName) -> StartOutcome { state.withLock { $0.outcomes[child] ?? .succeeds } }

  /// The child is about to be told to end.
  ///
  /// - Returns: false if it has no process.
  func isEnding(_ child: ChildName) -> Bool {
    state.withLock { state in
      guard state.open.living.contains(child) else { return false }
      state.open.ends.insert(child)
      return true
    }
  }

  /// A run is about to ask for an attempt.
  func wants(_ attempt: ChildName) { state.withLock { _ = $0.open.wants.insert(attempt) } }

  /// When something happens next by itself.
  var nextDue: Instant? {
    state.withLock { ($0.open.timers.map(\.due) + $0.open.later.values.map(\.due)).min() }
  }

  /// What children do by themselves now.
  func takeDue(at now: Instant) -> [(child: ChildName, what: Later)] {
    state.withLock { state in
      let due = state.open.later.filter { $0.value.due <= now }.sorted { $0.key < $1.key }
      for (child, later) in due {
        state.open.later[child] = nil
        switch later.what {
        case .obeys, .fails: state.open.ends.insert(child)
        case .comesUp: state.open.starts.insert(child)
        }
      }
      return due.map { ($0.key, $0.value.what) }
    }
  }

  // MARK: What happens

  /// The process of an attempt runs.
  func runs(_ attempt: ChildName) {
    change { state in
      state.open.starts.remove(attempt)
      state.open.living.insert(attempt)
    }
  }

  /// The process of a child runs, and is asked whether it has come up: nothing goes on by itself any more.
  func hangs(_ child: ChildName) {
    let now = clock.now()
    change { state in
      state.open.starts.remove(child)
      switch state.outcomes[child] {
      case .comesUpAfter(let time): state.open.later[child] = (now + time, .comesUp)
      case .failsAfter(let time): state.open.later[child] = (now + time, .fails)
      default: break
      }
    }
  }

  func saw(_ event: SupervisionTree.Event, _ actions: [SupervisionTree.Action]) {
    let now = clock.now()
    change { state in
      Self.note(event, in: &state)
      for action in actions { Self.note(action, at: now, in: &state) }
    }
  }

  private func change(_ body: (inout State) -> Void) {
    let now = clock.now()
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      body(&state)
      guard state.open.isSettled(at: now) else { return nil }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Returns when everything that needs no time has come to the tree.
  func settle() async {
    let now = clock.now()
    await withCheckedContinuation { waiter in
      let isSettled = state.withLock { state in
        let isSettled = state.open.isSettled(at: now)
        if !isSettled { state.waiter = waiter }
        return isSettled
      }
      if isSettled { waiter.resume() }
    }
  }

  var isSettled: Bool {
    let now = clock.now()
    return state.withLock { $0.open.isSettled(at: now) }
  }

  private static func note(_ event: SupervisionTree.Event, in state: inout State) {
    switch event {
    case .started(let child):
      state.open.starts.remove(child)
      state.open.living.insert(child)
    case .ignored(let child): state.open.starts.remove(child)
    case .exited(let child, _), .attemptCrashed(let child, _, _):
      state.notes.log.append("end \(word(child))")
      state.open.starts.remove(child)
      state.open.ends.remove(child)
      state.open.living.remove(child)
      state.open.later[child] = nil
    case .attemptWanted(let child): state.open.wants.remove(child)
    case .timer(let timer):
      if let index = state.open.timers.firstIndex(where: { $0.timer == timer }) { state.open.timers.remove(at: index) }
    default: break
    }
  }

  private static func note(_ action: SupervisionTree.Action, at now: Instant, in state: inout State) {
    switch action {
    case .start(let child):
      state.notes.log.append("start \(word(child))")
      state.open.starts.insert(child)
      let outcomes = state.starts[child] ?? []
      state.outcomes[child] = outcomes.first
      state.starts[child] = Array(outcomes.dropFirst())
    case .ask(let child):
      state.notes.log.append("ask \(word(child))")
      switch state.asks[child] ?? .obeys {
      case .obeys, .ends: state.open.ends.insert(child)
      case .obeysAfter(let time): state.open.later[child] = (now + time, .obeys)
      case .ignores: break
      }
    case .kill(let child):
      state.notes.log.append("kill \(word(child))")
      state.open.ends.insert(child)
    case .setTimer(let timer, let delay): state.open.timers.append((timer, now + delay))
    case .logRestart: state.notes.restarts += 1
    case .failed(let child, _): state.notes.failed.append(word(child))
    case .report(let report): state.notes.reports.append("\(report.kind.rawValue) \(word(report.offender))")
    case .answer(let id, let answer): state.notes.answers[id] = answer
    case .admitAttempt(let child):
      state.notes.attempts.append("admit \(word(child))")
      state.open.starts.insert(child)
    case .refuseAttempt(let child, _): state.notes.attempts.append("refuse \(word(child))")
    case .mayRetry(let child): state.notes.attempts.append("retry \(word(child))")
    case .changed, .removed, .logFresh, .logApart, .isUp, .ended: break
    }
  }
}

extension Recorder.Open {
  fileprivate func isSettled(at now: Instant) -> Bool {
    starts.isEmpty && ends.isEmpty && wants.isEmpty && !timers.contains { $0.due <= now }
  }
}
