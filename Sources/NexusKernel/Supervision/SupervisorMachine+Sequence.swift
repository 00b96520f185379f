// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore

// Starting and stopping, one confirmed step after the other.
extension SupervisorMachine {
  mutating func begin(_ purpose: Sequence.Purpose, _ steps: [Sequence.Step], at now: Instant) {
    sequence = Sequence(purpose: purpose, steps: .init(steps), waiting: nil)
    advance(at: now)
  }

  /// Takes steps until one has to be waited for, or the last one is done.
  mutating func advance(at now: Instant) {
    sequence?.waiting = nil
    while let step = sequence?.steps.popFirst() {
      let mustWait =
        switch step {
        case .stop(let child): stop(child, rest: .bySupervisor, at: now)
        case .start(let child): startStep(child, at: now)
        }
      switch step {
      case .stop(let child), .start(let child):
        if mustWait {
          sequence?.waiting = child
          return
        }
      }
    }
    finish(at: now)
  }

  mutating func advance(after child: ChildName, at now: Instant) {
    if sequence?.waiting == child { advance(at: now) }
  }

  private mutating func finish(at now: Instant) {
    guard let purpose = sequence?.purpose else { return }
    sequence = nil
    switch purpose {
    case .start:
      phase = .isUp
      actions.append(.isUp)
    case .restart, .call: break
    case .undoStart(let reason):
      phase = .down(nil)
      actions.append(.startFailed(reason: reason))
    case .end(let end):
      phase = .down(end)
      actions.append(.ended(end))
    }
  }

  /// True if the start has to be waited for.
  private mutating func startStep(_ child: ChildName, at now: Instant) -> Bool {
    guard let record = records[child], !disabled.contains(child) else { return false }
    if case .stopped(let rest) = record.state {
      // Somebody stopped it before it was its turn.
      if rest == .byOperator, sequence?.purpose == .start { return false }
      // What a budget or a policy refused would only run into the same wall; what has failed waits for a person.
      if case .refused = rest { return false }
      if case .failed = rest { return false }
      launch(child)
      return true
    }
    if case .restarting = record.state {
      launch(child)
      return true
    }
    return false
  }

  mutating func launch(_ child: ChildName) {
    records[child]?.wasStarted = true
    records[child]?.exitSeen = nil
    set(child, .starting)
    actions.append(.start(child))
  }

  /// Stops a child.
  ///
  /// - Returns: true if its end has to be waited for.
  mutating func stop(_ child: ChildName, rest: ChildState.Rest, at now: Instant) -> Bool {
    guard let record = records[child] else { return false }
    switch record.state {
    case .stopped: return false
    case .restarting:
      stopped(child, rest)
      return false
    case .stopping:
      records[child]?.restAfterStop = rest
      return true
    case .starting, .running:
      records[child]?.restAfterStop = rest
      if let exit = record.exitSeen {
        // It was quicker: its end is taken for the one that was asked for, as OTP does.
        confirmStop(child, exit)
        return false
      }
      set(child, .stopping)
      let policy = record.spec.shutdown
      actions.append(policy == .brutalKill ? .kill(child) : .ask(child))
      if case .timeout(let limit) = policy {
        actions.append(.setTimer(timer(.kill, child), after: limit))
      }
      return true
    }
  }

  func timer(_ kind: Timer.Kind, _ child: ChildName) -> Timer {
    Timer(child: child, kind: kind, generation: records[child]?.generation ?? 0)
  }

  /// The stop of a child is confirmed.
  mutating func confirmStop(_ child: ChildName, _ exit: ChildExit) {
    guard let record = records[child] else { return }
    if !exit.isExpected(of: record.spec) { report(.shutdownError, child, exit.reason) }
    if record.crashReason != nil {
      // It ended as one of those that are stopped for a sibling's sake: no failure of its own.
      mailbox.removeAll { if case .event(.attemptCrashed(child, _, _)) = $0 { true } else { false } }
      actions.append(.mayRetry(child))
    }
    stopped(child, record.restAfterStop)
  }

  mutating func stopped(_ child: ChildName, _ rest: ChildState.Rest) {
    guard let record = records[child] else { return }
    records[child]?.exitSeen = nil
    records[child]?.crashReason = nil
    records[child]?.retryReason = nil
    set(child, .stopped(rest))
    for call in record.calls {
      actions.append(.answer(call.id, call.isStart ? .startFailed("it was stopped") : .ok))
    }
    for (id, call) in record.later { mailbox.append(.event(.call(id, call))) }
    records[child]?.calls = []
    records[child]?.later = []
    if record.spec.restart == .temporary || record.isNew { remove(child) }
  }
}
