// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A supervisor of any number of processes of one kind, by the rules of OTP's `simple_one_for_one`.
///
/// Its children come by call, each with arguments of its own, and are known by a number. They depend on nobody, so they
/// start, stop and restart side by side; a shutdown asks all at once and gives them one span of time together. Nothing
/// here costs more with more children, but what concerns all of them.
package struct DynamicSupervisorMachine: Sendable {
  struct Instance: Sendable {
    var state = ChildState.starting
    var generation = 0
    /// Kept only as long as another start may need them.
    var arguments: [String]?
    var calls: [(id: CallID, isStart: Bool)] = []
    var retryReason: String?
    var backoffStep = 0
    var runningSince: Instant?
  }

  package let name: SupervisorName
  package internal(set) var flags: SupervisorFlags
  /// What every instance is started by; its name is that of the agent.
  package internal(set) var template: ChildSpec
  package internal(set) var phase = SupervisorMachine.Phase.down(nil)
  package internal(set) var isFresh = true
  var instances: [Int: Instance] = [:]
  var nextNumber = 1
  /// Between two processes.
  var restartingCount = 0
  var window: RestartWindow
  /// Tells the shared timer of one shutdown from that of another.
  var life = 0
  /// Why it is ending.
  var reason = SupervisorMachine.End.asked
  /// Ends in a shutdown for another reason than asked: how many of each.
  var errors: [String: Int] = [:]
  var actions: [SupervisorMachine.Action] = []

  package init(name: SupervisorName, flags: SupervisorFlags = SupervisorFlags(), template: ChildSpec) {
    self.name = name
    self.flags = flags
    self.template = template
    window = RestartWindow(intensity: flags.intensity)
  }

  package mutating func handle(_ event: SupervisorMachine.Event, at now: Instant) -> [SupervisorMachine.Action] {
    switch event {
    case .start: start()
    case .shutdown: shutDown()
    case .kill: kill()
    case .started(let child): if let number = child.number { started(number, at: now) }
    case .ignored(let child): if let number = child.number { ignored(number) }
    case .exited(let child, let exit): if let number = child.number { exited(number, exit, at: now) }
    case .timer(let timer): fired(timer, at: now)
    case .call(let id, let call): serve(call, id)
    case .attemptWanted(let child), .attemptCrashed(let child, _, _):
      actions.append(.refuseAttempt(child, reason: "\(name) has no tasks"))
    case .attemptWithdrawn: break
    }
    return takeActions()
  }

  /// Starts one more instance; its arguments come behind those of the template.
  package mutating func startInstance(_ arguments: [String], for id: CallID) -> [SupervisorMachine.Action] {
    if phase == .isUp {
      let number = nextNumber
      nextNumber += 1
      instances[number] = Instance(arguments: arguments, calls: [(id, true)])
      actions.append(.changed(child(number), .starting))
      actions.append(.start(child(number)))
    } else {
      actions.append(.answer(id, .supervisorDown))
    }
    return takeActions()
  }

  private mutating func takeActions() -> [SupervisorMachine.Action] {
    defer { actions = [] }
    return actions
  }

  func child(_ number: Int) -> ChildName { .instance(template.name.agent ?? AgentName(name.text), number) }

  // MARK: The supervisor itself

  /// Nobody is started with it.
  private mutating func start() {
    guard case .down = phase else { return }
    if !isFresh { window.clear() }
    isFresh = false
    phase = .isUp
    actions.append(.isUp)
  }

  private mutating func shutDown() {
    switch phase {
    case .down: actions.append(.ended(.asked))
    case .ending: break
    case .starting, .isUp: end(.asked, by: template.shutdown)
    }
  }

  /// All at once, and one span of time for all of them.
  mutating func end(_ end: SupervisorMachine.End, by policy: ShutdownPolicy) {
    phase = .ending
    reason = end
    life += 1
    for number in instances.keys.sorted(by: >) {
      switch instances[number]?.state {
      case .restarting: remove(number, .bySupervisor)
      case .starting, .running:
        set(number, .stopping)
        actions.append(policy == .brutalKill ? .kill(child(number)) : .ask(child(number)))
      case .stopping: if policy == .brutalKill { actions.append(.kill(child(number))) }
      case .stopped, nil: break
      }
    }
    if case .timeout(let limit) = policy, !instances.isEmpty {
      actions.append(
        .setTimer(SupervisorMachine.Timer(child: template.name, kind: .kill, generation: life), after: limit))
    }
    endIfAlone()
  }

  private mutating func kill() {
    switch phase {
    case .down: break
    case .ending: killAll()
    case .starting, .isUp: end(.asked, by: .brutalKill)
    }
  }

  mutating func killAll() {
    for number in instances.keys.sorted(by: >) { actions.append(.kill(child(number))) }
  }

  mutating func endIfAlone() {
    guard phase == .ending, instances.isEmpty else { return }
    for (reason, count) in errors.sorted(by: { $0.key < $1.key }) {
      report(.shutdownError, template.name, count == 1 ? reason : "\(reason) (\(count) of them)")
    }
    errors = [:]
    phase = .down(reason)
    actions.append(.ended(reason))
  }

  // MARK: Bookkeeping

  mutating func set(_ number: Int, _ state: ChildState) {
    guard let before = instances[number]?.state, before != state else { return }
    if case .restarting = before { restartingCount -= 1 }
    if case .restarting = state { restartingCount += 1 }
    instances[number]?.state = state
    instances[number]?.generation += 1
    actions.append(.changed(child(number), state))
  }

  /// Forgets an instance; whoever waits for it hears how it went.
  mutating func remove(_ number: Int, _ rest: ChildState.Rest, start: SupervisorMachine.CallAnswer? = nil) {
    guard let instance = instances.removeValue(forKey: number) else { return }
    if case .restarting = instance.state { restartingCount -= 1 }
    for call in instance.calls {
      actions.append(.answer(call.id, call.isStart ? start ?? .startFailed("it was stopped") : .ok))
    }
    actions.append(.changed(child(number), .stopped(rest)))
    actions.append(.removed(child(number)))
  }

  mutating func report(_ kind: SupervisorReport.Kind, _ offender: ChildName, _ reason: String) {
    actions.append(.report(SupervisorReport(supervisor: name, kind: kind, offender: offender, reason: reason)))
  }
}

extension ChildName {
  fileprivate var number: Int? {
    if case .instance(_, let number) = self { return number }
    return nil
  }
}
