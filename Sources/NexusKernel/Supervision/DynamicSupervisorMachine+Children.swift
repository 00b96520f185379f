// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

// What happens to instances, and what people ask about them.
extension DynamicSupervisorMachine {
  mutating func started(_ number: Int, at now: Instant) {
    guard let instance = instances[number], instance.state == .starting else { return }
    instances[number]?.runningSince = now
    instances[number]?.retryReason = nil
    instances[number]?.calls = []
    if template.restart == .temporary { instances[number]?.arguments = nil }
    set(number, .running)
    for call in instance.calls { actions.append(.answer(call.id, .startedInstance(child(number)))) }
  }

  /// It is not kept, neither at its first start nor at a later one.
  mutating func ignored(_ number: Int) {
    guard let state = instances[number]?.state, state == .starting || state == .stopping else { return }
    remove(number, .ended, start: .ignored)
    endIfAlone()
  }

  mutating func exited(_ number: Int, _ exit: ChildExit, at now: Instant) {
    guard let instance = instances[number] else { return }
    switch instance.state {
    case .stopped, .restarting: break
    case .stopping:
      if !exit.isExpected(of: template) {
        if phase == .ending {
          errors[exit.reason, default: 0] += 1
        } else {
          report(.shutdownError, child(number), exit.reason)
        }
      }
      remove(number, phase == .ending ? .bySupervisor : .byOperator)
      endIfAlone()
    case .starting: startFailed(number, exit, at: now)
    case .running: ended(number, exit, at: now)
    }
  }

  private mutating func startFailed(_ number: Int, _ exit: ChildExit, at now: Instant) {
    guard let instance = instances[number] else { return }
    if case .refused(let reason) = exit {
      remove(number, .refused(reason), start: .startFailed(reason))
    } else if case .givenUp(let reason) = exit {
      givenUp(number, reason)
    } else if case .interrupted = exit {
      actions.append(.start(child(number)))
    } else if !instance.calls.isEmpty {
      remove(number, .failed(exit.reason), start: .startFailed(exit.reason))
    } else {
      report(.startError, child(number), exit.reason)
      instances[number]?.retryReason = exit.reason
      wait(number, at: now)
    }
  }

  private mutating func ended(_ number: Int, _ exit: ChildExit, at now: Instant) {
    if case .refused(let reason) = exit { return remove(number, .refused(reason)) }
    if case .givenUp(let reason) = exit { return givenUp(number, reason) }
    if case .interrupted = exit, template.restart != .temporary { return launch(number) }
    if !exit.isClean || template.restart == .permanent { report(.childTerminated, child(number), exit.reason) }
    switch template.restart {
    case .temporary: remove(number, .ended)
    case .transient where exit.isClean: remove(number, .ended)
    case .transient, .permanent:
      guard count(number, exit.reason, at: now) else { return }
      if template.backoff == nil { launch(number) } else { wait(number, at: now) }
    }
  }

  private mutating func givenUp(_ number: Int, _ reason: String) {
    report(.childTerminated, child(number), reason)
    remove(number, .failed(reason), start: .startFailed(reason))
    actions.append(.failed(child(number), reason: reason))
  }

  private mutating func launch(_ number: Int) {
    set(number, .starting)
    actions.append(.start(child(number)))
  }

  /// The next try comes from the mailbox, so that other things get in between.
  private mutating func wait(_ number: Int, at now: Instant) {
    let delay = nextDelay(of: number, at: now)
    set(number, .restarting(due: delay > .zero ? now + delay : nil))
    let generation = instances[number]?.generation ?? 0
    actions.append(
      .setTimer(
        SupervisorMachine.Timer(child: child(number), kind: .restart, generation: generation), after: delay))
  }

  private mutating func nextDelay(of number: Int, at now: Instant) -> Duration {
    guard let backoff = template.backoff, let instance = instances[number] else { return .zero }
    var step = instance.backoffStep
    if let since = instance.runningSince, now - since >= backoff.resetAfter { step = 0 }
    instances[number]?.backoffStep = step + 1
    instances[number]?.runningSince = nil
    return backoff.delay(step: step)
  }

  /// Counts a restart; false if it was one too many, and the instance is given up.
  private mutating func count(_ number: Int, _ reason: String, at now: Instant) -> Bool {
    if window.count(at: now, of: child(number), because: reason) {
      actions.append(.logRestart(child(number), reason: reason))
      return true
    }
    let text = flags.intensity.exceeded(by: reason)
    report(.shutdown, child(number), text)
    remove(number, .failed(text))
    if flags.overIntensity == .escalate {
      end(.gaveUp(text), by: template.shutdown)
    } else {
      // What it did no longer counts against the others.
      _ = window.split(child(number))
      actions.append(.failed(child(number), reason: text))
    }
    return false
  }

  mutating func fired(_ timer: SupervisorMachine.Timer, at now: Instant) {
    switch timer.kind {
    case .kill where timer.child == template.name:
      if phase == .ending, timer.generation == life { killAll() }
    case .kill:
      guard let number = number(of: timer), instances[number]?.state == .stopping else { return }
      actions.append(.kill(timer.child))
    case .restart:
      guard let number = number(of: timer), case .restarting = instances[number]?.state else { return }
      if let reason = instances[number]?.retryReason, !count(number, reason, at: now) { return }
      launch(number)
    }
  }

  /// Nil if time has passed over the timer.
  private func number(of timer: SupervisorMachine.Timer) -> Int? {
    guard case .instance(_, let number) = timer.child, instances[number]?.generation == timer.generation else {
      return nil
    }
    return number
  }

  // MARK: Calls

  mutating func serve(_ call: SupervisorMachine.Call, _ id: CallID) {
    guard phase == .isUp else { return actions.append(.answer(id, .supervisorDown)) }
    guard case .terminateChild(.instance(_, let number), _) = call else {
      return actions.append(.answer(id, .isDynamic))
    }
    guard let instance = instances[number] else {
      // One that has ended is as good as terminated.
      return actions.append(.answer(id, number > 0 && number < nextNumber ? .ok : .notFound))
    }
    instances[number]?.calls.append((id, false))
    switch instance.state {
    case .restarting, .stopped: remove(number, .byOperator)
    case .stopping: break
    case .starting, .running:
      set(number, .stopping)
      actions.append(template.shutdown == .brutalKill ? .kill(child(number)) : .ask(child(number)))
      if case .timeout(let limit) = template.shutdown {
        let generation = instances[number]?.generation ?? 0
        actions.append(
          .setTimer(SupervisorMachine.Timer(child: child(number), kind: .kill, generation: generation), after: limit))
      }
    }
  }

  /// Takes a changed template: what runs goes on, and goes by it from its next restart on.
  package mutating func reconfigure(flags: SupervisorFlags, template: ChildSpec) {
    self.flags = flags
    self.template = template
    window.change(to: flags.intensity)
  }

  // MARK: Looking

  package func state(of child: ChildName) -> ChildState? {
    guard case .instance(_, let number) = child else { return nil }
    return instances[number]?.state
  }

  /// What the instance is started with, behind what the template says; nil once nobody needs it any more.
  package func arguments(of child: ChildName) -> [String]? {
    guard case .instance(_, let number) = child else { return nil }
    return instances[number]?.arguments
  }

  /// The newest first.
  package func whichChildren() -> [(name: ChildName, state: ChildState)] {
    instances.sorted { $0.key > $1.key }.map { (child($0.key), $0.value.state) }
  }

  /// There is one specification, and every instance is a worker, alive or between two lives.
  package func countChildren() -> SupervisorMachine.Counts {
    var counts = SupervisorMachine.Counts()
    counts.specs = 1
    counts.active = instances.count - restartingCount
    counts.workers = instances.count
    return counts
  }
}

extension ChildExit {
  /// What OTP lets pass at a stop: the end that was asked for, and a clean end of a child that need not be there.
  func isExpected(of spec: ChildSpec) -> Bool {
    switch self {
    case .shutdown, .refused, .interrupted, .givenUp: true
    case .normal: spec.restart != .permanent
    case .killed: spec.shutdown == .brutalKill
    case .abnormal, .startFailed: false
    }
  }
}
