// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One supervisor with the strategy one-for-one: which child is started, restarted, or given up.
///
/// The children are agents. A service's process is a child for as long as the agent is to run; a task's process is a
/// child for as long as its attempt lasts, and its restarts are asked for by the run (`taskRestart`).
package struct SupervisorMachine: Sendable {
  package struct Child: Sendable, Hashable {
    package var name: AgentName
    package var restart: RestartPolicy
    package var backoff: BackoffPolicy?
    package init(name: AgentName, restart: RestartPolicy, backoff: BackoffPolicy? = nil) {
      self.name = name
      self.restart = restart
      self.backoff = backoff
    }
  }

  /// Why a child ended, as far as restarting goes.
  package enum Exit: Sendable, Hashable {
    /// By itself and well: exit 0.
    case normal
    case abnormal(String)
    /// A budget or a policy said no: a clean exit that must not restart into the same wall.
    case refused(String)
    /// It could not even be started.
    case startFailed(String)
  }

  package enum Event: Sendable, Hashable {
    case start(AgentName)
    case exited(AgentName, Exit)
    case restartDue(AgentName)
    /// A person or the node stops a child; it is not restarted.
    case stop(AgentName)
    case shutdown
  }

  package enum Action: Sendable, Hashable {
    case start(AgentName)
    case stop(AgentName)
    /// Ask for `restartDue` after this long; the child shows as `backoff`.
    case restartAfter(AgentName, Duration)
    case logRestart(AgentName, reason: String)
    case childFailed(AgentName, reason: String)
    case childEnded(AgentName)
    /// More restarts than the intensity allows: every child is stopped and the supervisor ends.
    case gaveUp(reason: String)
  }

  package enum ChildStatus: Sendable, Hashable { case stopped, running, waiting, stopping, failed, refused }

  package let name: SupervisorName
  private var children: [Child]
  private var status: [AgentName: ChildStatus]
  private var shared: RestartWindow
  /// The root has no window of its own: each of its agents has one, so that one does not take the others down.
  private var own: [AgentName: RestartWindow]
  private let isRoot: Bool
  private var backoffStep: [AgentName: Int] = [:]
  private var startedAt: [AgentName: Instant] = [:]
  package private(set) var hasGivenUp = false

  package init(name: SupervisorName, intensity: RestartIntensity, children: [Child]) {
    self.name = name
    self.children = children
    isRoot = name == .root
    shared = RestartWindow(intensity: intensity)
    own = [:]
    status = [:]
    for child in children {
      status[child.name] = .stopped
      if isRoot { own[child.name] = RestartWindow(intensity: intensity) }
    }
  }

  package func childStatus(_ child: AgentName) -> ChildStatus? { status[child] }

  /// How many restarts of the child's window count now, and its limits.
  package func restarts(of child: AgentName, at now: Instant) -> (count: Int, intensity: RestartIntensity) {
    let window = own[child] ?? shared
    // The one that was too many was counted and not made.
    return (min(window.counted(at: now), window.intensity.maxRestarts), window.intensity)
  }

  /// Adds a child behind the others, or changes the one of that name for its next restart.
  package mutating func add(_ child: Child) {
    if let index = children.firstIndex(where: { $0.name == child.name }) {
      children[index] = child
      return
    }
    children.append(child)
    status[child.name] = .stopped
    if isRoot { own[child.name] = RestartWindow(intensity: shared.intensity) }
  }

  /// Puts a restart of an earlier boot back into its window.
  package mutating func restore(child: AgentName, at moment: Instant) {
    if isRoot { own[child]?.restore(at: moment) } else { shared.restore(at: moment) }
  }

  package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
    switch event {
    case .start(let child): start(child, at: now)
    case .exited(let child, let exit): exited(child, exit, at: now)
    case .restartDue(let child): restartDue(child, at: now)
    case .stop(let child): stop(child)
    case .shutdown: shutdown()
    }
  }

  /// A run wants another attempt of a task after a crash: counts it in the window.
  ///
  /// - Returns: empty if the window allows it; else what giving up means.
  package mutating func taskRestart(_ child: AgentName, reason: String, at now: Instant) -> [Action] {
    guard !hasGivenUp, status[child] != .failed else { return [.childFailed(child, reason: "its supervisor gave up")] }
    return count(child, at: now) ? [.logRestart(child, reason: reason)] : giveUp(child, reason: reason)
  }

  /// A person says that the agent may go on: the crashes of before no longer count.
  package mutating func forgive(_ child: AgentName) {
    guard let current = status[child], current == .failed || hasGivenUp else { return }
    if isRoot { own[child]?.clear() } else { shared.clear() }
    hasGivenUp = false
    if current == .failed { status[child] = .stopped }
  }

  private mutating func start(_ child: AgentName, at now: Instant) -> [Action] {
    guard let current = status[child], current != .running, current != .stopping else { return [] }
    forgive(child)
    return launch(child, at: now)
  }

  private mutating func launch(_ child: AgentName, at now: Instant) -> [Action] {
    status[child] = .running
    startedAt[child] = now
    return [.start(child)]
  }

  private mutating func exited(_ name: AgentName, _ exit: Exit, at now: Instant) -> [Action] {
    guard let child = children.first(where: { $0.name == name }), let current = status[name] else { return [] }
    guard current == .running else {
      // It was being stopped: whatever it died of, that is the end that was asked for.
      status[name] = current == .failed ? .failed : .stopped
      return [.childEnded(name)]
    }
    if case .refused = exit {
      status[name] = .refused
      return [.childEnded(name)]
    }
    let wants =
      switch child.restart {
      case .permanent: true
      case .transient: exit != .normal
      case .temporary: false
      }
    guard wants else {
      status[name] = .stopped
      return [.childEnded(name)]
    }
    let reason =
      switch exit {
      case .normal: "exit 0"
      case .abnormal(let text), .startFailed(let text), .refused(let text): text
      }
    // OTP counts before it restarts (`supervisor.erl`, `restart/2`).
    guard count(name, at: now) else { return giveUp(name, reason: reason) }
    if let backoff = child.backoff {
      status[name] = .waiting
      return [.logRestart(name, reason: reason), .restartAfter(name, nextDelay(name, backoff, at: now))]
    }
    // A start that fails is tried again from the mailbox, so that a shutdown can get in between.
    if case .startFailed = exit {
      status[name] = .waiting
      return [.logRestart(name, reason: reason), .restartAfter(name, .zero)]
    }
    return [.logRestart(name, reason: reason)] + launch(name, at: now)
  }

  private mutating func restartDue(_ child: AgentName, at now: Instant) -> [Action] {
    guard status[child] == .waiting else { return [] }
    return launch(child, at: now)
  }

  private mutating func stop(_ child: AgentName) -> [Action] {
    switch status[child] {
    case .running:
      status[child] = .stopping
      return [.stop(child)]
    case .waiting:
      status[child] = .stopped
      return [.childEnded(child)]
    case .stopped, .stopping, .failed, .refused, nil: return []
    }
  }

  /// Reverse start order, as OTP stops.
  private mutating func shutdown() -> [Action] {
    var actions: [Action] = []
    for child in children.reversed() { actions += stop(child.name) }
    return actions
  }

  private mutating func count(_ child: AgentName, at now: Instant) -> Bool {
    if isRoot { return own[child]?.count(at: now) ?? false }
    return shared.count(at: now)
  }

  private mutating func giveUp(_ child: AgentName, reason: String) -> [Action] {
    status[child] = .failed
    let intensity = (own[child] ?? shared).intensity
    let text =
      "more than \(intensity.maxRestarts) restarts in \(intensity.within.components.seconds) s, last: \(reason)"
    guard !isRoot else { return [.childFailed(child, reason: text)] }
    hasGivenUp = true
    var actions: [Action] = [.childFailed(child, reason: text)]
    for other in children.reversed() where other.name != child {
      if status[other.name] == .running { actions.append(.stop(other.name)) }
      status[other.name] = .failed
      actions.append(.childFailed(other.name, reason: "supervisor \(name) gave up: \(text)"))
    }
    return actions + [.gaveUp(reason: text)]
  }

  private mutating func nextDelay(_ child: AgentName, _ backoff: BackoffPolicy, at now: Instant) -> Duration {
    if let started = startedAt[child], now - started >= backoff.resetAfter { backoffStep[child] = 0 }
    let step = backoffStep[child, default: 0]
    backoffStep[child] = step + 1
    var delay = backoff.initial
    for _ in 0..<step {
      delay = delay * backoff.factor
      if delay >= backoff.max { return backoff.max }
    }
    return min(delay, backoff.max)
  }
}
