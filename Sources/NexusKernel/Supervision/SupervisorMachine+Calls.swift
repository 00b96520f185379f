// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import DequeModule
internal import NexusCore

/// A question to a supervisor, to be found again in its answer.
package struct CallID: Sendable, Hashable {
  package let number: Int
  package init(_ number: Int) { self.number = number }
}

// What OTP's API does: `start_child`, `terminate_child`, `restart_child`, `delete_child`, `which_children`,
// `count_children`, and the change of a running supervisor's specifications.
extension SupervisorMachine {
  package enum Call: Sendable, Hashable {
    /// Adds a child behind the others and starts it.
    case startChild(ChildSpec)
    /// Stops a child. A sibling's restart may start it again, as in OTP, unless it is also disabled: then nothing does
    /// but `restartChild`.
    case terminateChild(ChildName, disable: Bool = false)
    /// Starts a child that is stopped.
    case restartChild(ChildName)
    case deleteChild(ChildName)
  }

  package enum CallAnswer: Sendable, Hashable {
    case ok
    /// The child needs no process.
    case ignored
    case alreadyStarted
    /// Its specification is there, but it does not run.
    case alreadyPresent
    case running
    case restarting
    case notFound
    case startFailed(String)
    /// A dynamic supervisor has started this instance.
    case startedInstance(ChildName)
    /// What is asked makes no sense of a dynamic supervisor (`simple_one_for_one` in OTP).
    case isDynamic
    /// The supervisor itself does not run.
    case supervisorDown
  }

  mutating func serve(_ call: Call, _ id: CallID, at now: Instant) {
    if case .down = phase { return answer(id, .supervisorDown) }
    if phase == .ending { return answer(id, .supervisorDown) }
    guard !isBusy else { return mailbox.append(.event(.call(id, call))) }
    if records[call.child]?.state == .stopping {
      records[call.child]?.later.append((id, call))
      return
    }
    switch call {
    case .startChild(let spec): startChild(spec, id, at: now)
    case .terminateChild(let child, let disable):
      if disable, records[child] != nil { disabled.insert(child) }
      terminate(child, id, at: now)
    case .restartChild(let child): restartChild(child, id, at: now)
    case .deleteChild(let child): delete(child, id)
    }
  }

  private mutating func answer(_ id: CallID, _ answer: CallAnswer) { actions.append(.answer(id, answer)) }

  private mutating func startChild(_ spec: ChildSpec, _ id: CallID, at now: Instant) {
    if let record = records[spec.name] {
      return answer(id, record.state.isActive ? .alreadyStarted : .alreadyPresent)
    }
    if let fault = SupervisionTree.Fault(spec, under: flags) { return answer(id, .startFailed(fault.description)) }
    insert(spec)
    records[spec.name]?.isNew = true
    launch(spec.name, for: id, at: now)
  }

  private mutating func restartChild(_ child: ChildName, _ id: CallID, at now: Instant) {
    guard let record = records[child] else { return answer(id, .notFound) }
    switch record.state {
    case .starting, .running, .stopping: answer(id, .running)
    case .restarting: answer(id, .restarting)
    case .stopped:
      records[child]?.backoffStep = 0
      launch(child, for: id, at: now)
    }
  }

  private mutating func launch(_ child: ChildName, for id: CallID, at now: Instant) {
    disabled.remove(child)
    forgetParking(of: child)
    records[child]?.calls.append((id, true))
    // What had failed or was refused is started all the same: a person asks.
    set(child, .stopped(.neverStarted))
    if flags.strategy == .oneForOne || sequence != nil {
      launch(child)
    } else {
      begin(.call, [.start(child)], at: now)
    }
  }

  private mutating func terminate(_ child: ChildName, _ id: CallID, at now: Instant) {
    guard let record = records[child] else { return answer(id, .notFound) }
    switch record.state {
    case .stopped:
      // Also of one that has failed: from now on it is a person's will that it is down, and a sibling may revive it.
      forgetParking(of: child)
      set(child, .stopped(.byOperator))
      answer(id, .ok)
    case .restarting:
      stopped(child, .byOperator)
      answer(id, .ok)
    case .stopping, .starting, .running:
      records[child]?.calls.append((id, false))
      if stop(child, rest: .byOperator, at: now), flags.strategy != .oneForOne, sequence == nil {
        sequence = Sequence(purpose: .call, steps: [], waiting: child)
      }
    }
  }

  private mutating func delete(_ child: ChildName, _ id: CallID) {
    guard let record = records[child] else { return answer(id, .notFound) }
    switch record.state {
    case .starting, .running, .stopping: answer(id, .running)
    case .restarting: answer(id, .restarting)
    case .stopped where hasAttempts(child): answer(id, .running)
    case .stopped:
      forget(child)
      actions.append(.removed(child))
      answer(id, .ok)
    }
  }

  /// Attempts of the task are under way, which need its place in the order.
  func hasAttempts(_ child: ChildName) -> Bool {
    records.keys.contains { $0.isAttempt && $0.agent == child.agent }
  }

  /// Drops a child that has no process.
  mutating func forget(_ child: ChildName) {
    records[child] = nil
    disabled.remove(child)
    specs.removeAll { $0.name == child }
  }

  /// A person wants the child down until a person says otherwise; from an earlier boot.
  package mutating func disable(_ child: ChildName) { disabled.insert(child) }

  // MARK: Looking

  package func state(of child: ChildName) -> ChildState? { records[child]?.state }

  /// Whom those wait for whose turn to start has not come; nil if nobody waits.
  var queue: (awaited: ChildName, waiting: [ChildName])? {
    guard let sequence, let awaited = sequence.waiting else { return nil }
    let waiting = sequence.steps.compactMap { if case .start(let child) = $0, child != awaited { child } else { nil } }
    return waiting.isEmpty ? nil : (awaited, waiting)
  }

  /// The children in start order with their attempts, and each that is gone until the next start where it belongs.
  func listed() -> [(name: ChildName, state: ChildState)] {
    var listed = ordered().map { (name: $0, state: records[$0]?.state ?? .stopped(.neverStarted)) }
    guard specs.contains(where: { records[$0.name] == nil }) else { return listed }
    var before: Set<ChildName> = []
    for spec in specs {
      if records[spec.name] == nil {
        let place = listed.lastIndex {
          before.contains($0.name) || $0.name.agent.map { before.contains(.agent($0)) } == true
        }
        listed.insert((spec.name, .stopped(.ended)), at: place.map { $0 + 1 } ?? 0)
      }
      before.insert(spec.name)
    }
    return listed
  }

  /// The children in start order, without attempts; those that are gone until the next start are at the end.
  var members: [ChildName] {
    let here = ordered().filter { !$0.isAttempt }
    let gone = specs.count > here.count ? specs.map(\.name).filter { records[$0] == nil } : []
    return here + gone
  }

  /// A start of the supervisor brings the child back.
  func isConfigured(_ child: ChildName) -> Bool { specs.contains { $0.name == child } }

  /// The children, the newest first, as OTP lists them.
  package func whichChildren() -> [(name: ChildName, state: ChildState)] {
    ordered().reversed().map { ($0, records[$0]?.state ?? .stopped(.neverStarted)) }
  }

  package struct Counts: Sendable, Hashable {
    package var specs = 0
    package var active = 0
    package var supervisors = 0
    package var workers = 0
    package init() {}
  }

  /// Supervisors and workers count specifications, alive or not.
  package func countChildren() -> Counts {
    var counts = Counts()
    for record in records.values {
      counts.specs += 1
      if record.state.isActive, record.exitSeen == nil { counts.active += 1 }
      if case .supervisor = record.spec.name { counts.supervisors += 1 } else { counts.workers += 1 }
    }
    return counts
  }

  // MARK: Changing

  /// Takes changed specifications, as OTP's `code_change` does.
  ///
  /// Flags apply now, a changed specification at the next restart of its child; new children are added and not started,
  /// and those that are gone keep running until somebody terminates and deletes them, or the supervisor starts anew.
  package mutating func reconfigure(flags: SupervisorFlags, children: [ChildSpec]) {
    self.flags = flags
    window.change(to: flags.intensity)
    stepWindow.change(to: flags.intensity)
    for key in windows.keys { windows[key]?.change(to: flags.intensity) }
    specs = children
    for spec in children where !insert(spec) { records[spec.name]?.spec = spec }
    let configured = Set(children.map(\.name))
    let others = ordered().filter { !configured.contains($0) && !$0.isAttempt }
    nextOrder = 0
    for child in children.map(\.name) + others {
      records[child]?.order = (nextOrder, 0)
      nextOrder += 1
    }
    for (child, record) in records where child.isAttempt {
      if let agent = child.agent, let order = records[.agent(agent)]?.order {
        records[child]?.order = (order.0, record.order.1)
      }
    }
  }
}
