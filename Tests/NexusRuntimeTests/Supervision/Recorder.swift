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
    var restarts = 0
    var answers: [CallID: SupervisorMachine.CallAnswer] = [:]
  }

  /// What has been set in motion and has not come to the tree yet.
  fileprivate struct Open {
    var starts: Set<ChildName> = []
    var ends: Set<ChildName> = []
    var living: Set<ChildName> = []
    var timers: [(timer: SupervisionTree.Timer, due: Instant)] = []
    /// Children that will end as they were asked to, but later.
    var delayed: [ChildName: Instant] = [:]
  }

  fileprivate struct State {
    var notes = Notes()
    var open = Open()
    var asks: [ChildName: AskOutcome] = [:]
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())
  private let clock: any NexusClock

  init(clock: any NexusClock) { self.clock = clock }

  func take<T>(_ body: (inout Notes) -> T) -> T { state.withLock { body(&$0.notes) } }

  /// What the child will do when it is asked; else it obeys.
  func whenAsked(_ child: ChildName, _ outcome: AskOutcome) { state.withLock { $0.asks[child] = outcome } }

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

  func saw(_ event: SupervisionTree.Event, _ actions: [SupervisionTree.Action]) {
    let now = clock.now()
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      Self.note(event, in: &state)
      for action in actions { Self.note(action, at: now, in: &state) }
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

  /// When something happens next by itself.
  var nextDue: Instant? {
    state.withLock { ($0.open.timers.map(\.due) + Array($0.open.delayed.values)).min() }
  }

  /// Children that were asked a while ago and end now.
  func takeDelayed(at now: Instant) -> [ChildName] {
    state.withLock { state in
      let due = state.open.delayed.filter { $0.value <= now }.keys.sorted()
      for child in due {
        state.open.delayed[child] = nil
        state.open.ends.insert(child)
      }
      return due
    }
  }

  private static func note(_ event: SupervisionTree.Event, in state: inout State) {
    switch event {
    case .started(let child):
      state.open.starts.remove(child)
      state.open.living.insert(child)
    case .exited(let child, _):
      if case .agent = child { state.notes.log.append("end \(word(child))") }
      state.open.starts.remove(child)
      state.open.ends.remove(child)
      state.open.living.remove(child)
      state.open.delayed[child] = nil
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
    case .ask(let child):
      state.notes.log.append("ask \(word(child))")
      switch state.asks[child] ?? .obeys {
      case .obeys, .ends: state.open.ends.insert(child)
      case .obeysAfter(let time): state.open.delayed[child] = now + time
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
    case .changed, .removed, .logFresh, .admitAttempt, .refuseAttempt, .mayRetry, .isUp, .ended: break
    }
  }
}

extension Recorder.Open {
  fileprivate func isSettled(at now: Instant) -> Bool {
    starts.isEmpty && ends.isEmpty && !timers.contains { $0.due <= now }
  }
}
