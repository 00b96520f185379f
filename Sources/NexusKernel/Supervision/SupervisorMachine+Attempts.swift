// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

// Task agents: the process of an attempt is a child for as long as the attempt lasts. Whether there is another attempt
// is the run's business; that it counts, and what it means for the siblings, is the supervisor's.
extension SupervisorMachine {
  mutating func attemptWanted(_ child: ChildName, at now: Instant) {
    switch phase {
    case .down(.gaveUp(let reason)), .down(.autoShutdown(let reason)):
      actions.append(.refuseAttempt(child, reason: "its supervisor \(name) is down: \(reason)"))
    case .down: held.append(child)
    case .ending, .starting, .isUp:
      guard !isBusy else { return mailbox.append(.event(.attemptWanted(child))) }
      admit(child)
    }
  }

  private mutating func admit(_ child: ChildName) {
    guard let agent = child.agent, records[child] == nil else { return }
    guard let place = records[.agent(agent)] else {
      // It was deleted while the attempt waited, which goes on as one that comes later does: as nobody's child.
      actions.append(.admitAttempt(child))
      return
    }
    if case .stopped(.failed(let reason)) = place.state {
      actions.append(.refuseAttempt(child, reason: reason))
      return
    }
    var spec = ChildSpec(child, restart: .temporary, shutdown: .infinity)
    // The run takes its process down by the agent's own policy.
    spec.isSignificant = place.spec.isSignificant
    nextAttempt += 1
    var record = Record(spec: spec, order: (place.order.0, nextAttempt))
    record.state = .running
    records[child] = record
    actions.append(.admitAttempt(child))
  }

  /// Gives up the attempts that wait for a start.
  mutating func takeHeld() -> [ChildName] {
    defer { held = [] }
    return held
  }

  mutating func attemptWithdrawn(_ child: ChildName) {
    held.removeAll { $0 == child }
    mailbox.removeAll { if case .event(.attemptWanted(child)) = $0 { true } else { false } }
  }

  mutating func attemptCrashed(_ child: ChildName, _ reason: String, counts: Bool, at now: Instant) {
    guard let record = records[child] else {
      actions.append(.mayRetry(child))
      return
    }
    records[child]?.crashReason = reason
    if record.state == .stopping {
      // It was being stopped together with a sibling: that is no failure of its own.
      confirmStop(child, .shutdown(reason))
      advance(after: child, at: now)
      return
    }
    guard !isBusy else {
      records[child]?.exitSeen = .abnormal(reason)
      if phase != .ending { mailbox.append(.event(.attemptCrashed(child, reason: reason, counts: counts))) }
      return
    }
    report(.childTerminated, child, reason)
    let place = child.agent.map { ChildName.agent($0) } ?? child
    remove(child)
    guard counts else { return retriedByStep(child, place, reason, at: now) }
    guard count(child, because: reason, at: now) else {
      let text = flags.intensity.exceeded(by: reason)
      report(.shutdown, child, text)
      actions.append(.refuseAttempt(child, reason: text))
      if case .stopped = records[place]?.state { set(place, .stopped(.failed(text))) }
      guard flags.overIntensity == .park else { return end(.gaveUp(text), at: now) }
      setApart(place)
      actions.append(.failed(place, reason: text))
      return
    }
    actions.append(.logRestart(place, reason: reason))
    actions.append(.mayRetry(child))
    // A task that was deleted meanwhile has no place in the order any more, so nobody is behind it.
    if flags.strategy != .oneForOne, records[place] != nil { restartGroup(around: place, at: now) }
  }

  /// A step's own retry says how often it is tried, so its crashes use up nothing of what the agents may.
  ///
  /// They restart the siblings as the strategy says, but not without end: beyond the intensity these are left alone.
  private mutating func retriedByStep(_ child: ChildName, _ place: ChildName, _ reason: String, at now: Instant) {
    actions.append(.mayRetry(child))
    guard flags.strategy != .oneForOne, records[place] != nil, stepWindow.count(at: now, of: place, because: reason)
    else { return }
    restartGroup(around: place, at: now)
  }
}
