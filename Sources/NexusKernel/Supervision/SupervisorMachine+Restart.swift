// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore

// Ends of children and what follows from them.
extension SupervisorMachine {
  mutating func started(_ child: ChildName, at now: Instant) {
    guard let record = records[child], record.state == .starting else { return }
    records[child]?.runningSince = now
    records[child]?.retryReason = nil
    records[child]?.isNew = false
    set(child, .running)
    for call in record.calls { actions.append(.answer(call.id, .ok)) }
    records[child]?.calls = []
    advance(after: child, at: now)
  }

  mutating func ignored(_ child: ChildName, at now: Instant) {
    guard let record = records[child] else { return }
    switch record.state {
    case .stopping:
      // There is nothing to stop.
      confirmStop(child, .shutdown("it needs no process"))
    case .starting:
      for call in record.calls { actions.append(.answer(call.id, .ignored)) }
      records[child]?.calls = []
      records[child]?.isNew = false
      stopped(child, .ended)
    case .running, .restarting, .stopped: return
    }
    advance(after: child, at: now)
  }

  mutating func exited(_ child: ChildName, _ exit: ChildExit, at now: Instant) {
    guard let record = records[child] else { return }
    switch record.state {
    case .stopped, .restarting: break
    case .stopping:
      confirmStop(child, exit)
      advance(after: child, at: now)
    case .starting: startFailed(child, exit, at: now)
    case .running:
      if isBusy {
        // Seen again from the mailbox, unless a step of the sequence stops the child before.
        guard record.exitSeen == nil else { return }
        records[child]?.exitSeen = exit
        if phase != .ending { mailbox.append(.exitSeen(child, generation: record.generation)) }
      } else {
        ended(child, exit, at: now)
      }
    }
  }

  mutating func lookAgain(_ child: ChildName, _ generation: Int, at now: Instant) {
    guard let record = records[child], record.generation == generation, let exit = record.exitSeen else { return }
    ended(child, exit, at: now)
  }

  // MARK: Failed starts

  private mutating func startFailed(_ child: ChildName, _ exit: ChildExit, at now: Instant) {
    guard let record = records[child] else { return }
    let reason = exit.reason
    // Nothing of its own ended it, so it is started as if nothing had been.
    if case .interrupted = exit, !isGoingDown { return launch(child) }
    if case .givenUp = exit { return givenUp(child, reason, at: now) }
    let isRefused = if case .refused = exit { true } else { false }
    // Whoever asked for the start is told; a report is for those that nobody asked for.
    if !isRefused, record.calls.isEmpty { report(.startError, child, reason) }
    if isRefused || !record.calls.isEmpty {
      for call in record.calls { actions.append(.answer(call.id, .startFailed(reason))) }
      records[child]?.calls = []
      stopped(child, isRefused ? .refused(reason) : .failed(reason))
      advance(after: child, at: now)
      return
    }
    if sequence?.purpose == .start, sequence?.waiting == child {
      firstStartFailed(child, reason, at: now)
      return
    }
    retryLater(child, reason, at: now)
    if sequence?.waiting == child {
      // Those behind it stay down until its next try has gone well, also the one for whose sake all are restarted.
      for case .start(let other) in sequence?.steps ?? [] {
        if case .restarting = records[other]?.state { set(other, .stopped(.bySupervisor)) }
      }
      sequence?.steps = []
      advance(at: now)
    }
  }

  /// OTP does not retry a first start: the supervisor stops what it had started and fails itself.
  ///
  /// Where one child must not take the others down (the root, `park`), it is retried like a restart instead; but not a
  /// temporary one, which is never restarted, nor a supervisor, for its own end is a clean one.
  private mutating func firstStartFailed(_ child: ChildName, _ reason: String, at now: Instant) {
    guard flags.overIntensity == .park else {
      set(child, .stopped(.failed(reason)))
      let text = "\(child) did not start: \(reason)"
      begin(.undoStart(text), ordered().reversed().map { .stop($0) }, at: now)
      return
    }
    let isSupervisor = if case .supervisor = child { true } else { false }
    if isSupervisor || records[child]?.spec.restart == .temporary {
      stopped(child, .failed(reason))
      actions.append(.failed(child, reason: reason))
    } else {
      retryLater(child, reason, at: now)
    }
    advance(at: now)
  }

  /// The next try comes from the mailbox, so that a shutdown can get in between (`try_again_restart` in OTP).
  private mutating func retryLater(_ child: ChildName, _ reason: String, at now: Instant) {
    guard let record = records[child] else { return }
    records[child]?.retryReason = reason
    let delay = record.spec.backoff.map { nextDelay(of: child, $0, at: now) } ?? .zero
    set(child, .restarting(due: delay > .zero ? now + delay : nil))
    actions.append(.setTimer(timer(.restart, child), after: delay))
  }

  // MARK: Ends

  /// A running child has ended by itself.
  private mutating func ended(_ child: ChildName, _ exit: ChildExit, at now: Instant) {
    guard let record = records[child] else { return }
    if case .refused(let reason) = exit {
      rest(child, .refused(reason), at: now)
      return
    }
    if case .givenUp(let reason) = exit { return givenUp(child, reason, at: now) }
    if case .interrupted = exit, record.spec.restart != .temporary {
      records[child]?.exitSeen = nil
      return restartNow(child, at: now)
    }
    // One that has to be there all the time has no good end.
    if !exit.isClean || record.spec.restart == .permanent { report(.childTerminated, child, exit.reason) }
    switch record.spec.restart {
    case .temporary: rest(child, .ended, at: now)
    case .transient where exit.isClean: rest(child, .ended, at: now)
    case .transient, .permanent: restart(child, because: exit.reason, at: now)
    }
  }

  /// The child stays down, and it was its own doing.
  private mutating func rest(_ child: ChildName, _ rest: ChildState.Rest, at now: Instant) {
    guard let record = records[child] else { return }
    stopped(child, rest)
    guard record.spec.isSignificant, phase == .isUp || phase == .starting else { return }
    let isOver =
      switch flags.autoShutdown {
      case .never: false
      case .anySignificant: true
      case .allSignificant: !records.values.contains { $0.spec.isSignificant && $0.state.isUnderWay }
      }
    if isOver { end(.autoShutdown("the significant child \(child) ended"), at: now) }
  }

  private mutating func restart(_ child: ChildName, because reason: String, at now: Instant) {
    // OTP counts before it restarts (`supervisor.erl`, `restart/2`).
    guard count(child, because: reason, at: now) else { return overIntensity(child, reason, at: now) }
    actions.append(.logRestart(child, reason: reason))
    let delay = records[child]?.spec.backoff.map { nextDelay(of: child, $0, at: now) } ?? .zero
    records[child]?.exitSeen = nil
    guard delay > .zero else { return restartNow(child, at: now) }
    set(child, .restarting(due: now + delay))
    actions.append(.setTimer(timer(.restart, child), after: delay))
    // Its siblings cannot do without it meanwhile.
    if flags.strategy != .oneForOne {
      begin(.restart, affected(by: child).reversed().filter { $0 != child }.map { .stop($0) }, at: now)
    }
  }

  /// A strategy may start it: not one that is only started when it is asked for, as long as nobody has.
  private func mayStart(_ child: ChildName) -> Bool {
    guard let record = records[child], !child.isAttempt else { return false }
    return record.wasStarted || record.spec.startsWithSupervisor
  }

  /// The children that are restarted with `child`, in start order, itself included.
  private func affected(by child: ChildName) -> [ChildName] {
    switch flags.strategy {
    case .oneForOne: [child]
    case .oneForAll: ordered()
    case .restForOne:
      // Other attempts of the same task are not behind it.
      ordered().filter { $0 == child || (records[$0]?.order.0 ?? 0) > (records[child]?.order.0 ?? 0) }
    }
  }

  private mutating func restartNow(_ child: ChildName, at now: Instant) {
    guard flags.strategy != .oneForOne else { return launch(child) }
    restartGroup(around: child, at: now)
  }

  /// Stops the affected children in reverse order and starts them in order.
  mutating func restartGroup(around child: ChildName, at now: Instant) {
    if records[child]?.state == .running { set(child, .restarting(due: nil)) }
    let all = affected(by: child)
    let stops = all.reversed().filter { $0 != child }.map { Sequence.Step.stop($0) }
    let starts = all.filter(mayStart).map { Sequence.Step.start($0) }
    begin(.restart, stops + starts, at: now)
  }

  mutating func fired(_ timer: Timer, at now: Instant) {
    guard let record = records[timer.child], record.generation == timer.generation else { return }
    switch timer.kind {
    case .kill: if record.state == .stopping { actions.append(.kill(timer.child)) }
    case .restart:
      guard case .restarting = record.state else { return }
      guard !isBusy else { return mailbox.append(.event(.timer(timer))) }
      if let reason = record.retryReason {
        guard count(timer.child, because: reason, at: now) else {
          return overIntensity(timer.child, reason, at: now)
        }
        actions.append(.logRestart(timer.child, reason: reason))
      }
      restartNow(timer.child, at: now)
    }
  }

  // MARK: Too many restarts

  private mutating func overIntensity(_ child: ChildName, _ reason: String, at now: Instant) {
    let text = flags.intensity.exceeded(by: reason)
    report(.shutdown, child, text)
    stopped(child, .failed(text))
    // Whether it is down for good is for the supervisor above to say.
    guard flags.overIntensity == .park else { return end(.gaveUp(text), at: now) }
    setApart(child)
    actions.append(.failed(child, reason: text))
    goOn(at: now)
  }

  /// Whoever runs it has given it up; a start of its supervisor would only bring it back, so the others go on.
  private mutating func givenUp(_ child: ChildName, _ reason: String, at now: Instant) {
    report(.childTerminated, child, reason)
    for call in records[child]?.calls ?? [] { actions.append(.answer(call.id, .startFailed(reason))) }
    records[child]?.calls = []
    stopped(child, .failed(reason))
    actions.append(.failed(child, reason: reason))
    if sequence?.waiting == child { advance(at: now) } else if sequence == nil { goOn(at: now) }
  }

  /// One child was given up; what had been stopped for its sake is started again.
  private mutating func goOn(at now: Instant) {
    guard flags.strategy != .oneForOne else { return }
    let down = ordered().filter { mayStart($0) && records[$0]?.state == .stopped(.bySupervisor) }
    begin(.restart, down.map { .start($0) }, at: now)
  }

  mutating func nextDelay(of child: ChildName, _ backoff: BackoffPolicy, at now: Instant) -> Duration {
    guard let record = records[child] else { return .zero }
    var step = record.backoffStep
    if let since = record.runningSince, now - since >= backoff.resetAfter { step = 0 }
    records[child]?.backoffStep = step + 1
    records[child]?.runningSince = nil
    return backoff.delay(step: step)
  }
}

extension ChildName {
  var isAttempt: Bool {
    if case .attempt = self { return true }
    return false
  }
}

extension ChildState {
  /// It runs, or will again without anybody asking.
  fileprivate var isUnderWay: Bool {
    switch self {
    case .starting, .running, .stopping, .restarting: true
    case .stopped: false
    }
  }
}

extension BackoffPolicy {
  /// The wait before restart number `step + 1` in a row: `initial` times `factor` to the power of `step`, at most `max`.
  package func delay(step: Int) -> Duration {
    guard initial > .zero, initial < max else { return Swift.max(.zero, min(initial, max)) }
    let limit = max / initial
    var growth = 1.0
    var power = factor
    var rest = step
    // By squaring, so that the ten thousandth crash in a row costs no more than the first; infinite is past the limit.
    while rest > 0 {
      if rest & 1 == 1 { growth *= power }
      if growth >= limit { return max }
      power *= power
      rest >>= 1
    }
    return growth >= 1 ? initial * growth : initial
  }
}
