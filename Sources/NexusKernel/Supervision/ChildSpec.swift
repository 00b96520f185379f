// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a supervisor knows a child by.
package enum ChildName: Sendable, Hashable {
  /// The long-lived process of a service agent.
  case agent(AgentName)
  case supervisor(SupervisorName)
  /// The process of one attempt of a task agent, for as long as the attempt lasts.
  case attempt(AgentName, RunID, StepPath)
  /// One process below a dynamic supervisor, by its number.
  case instance(AgentName, Int)

  /// The agent whose process it is; nil for a supervisor.
  package var agent: AgentName? {
    switch self {
    case .agent(let name), .attempt(let name, _, _), .instance(let name, _): name
    case .supervisor: nil
    }
  }
}

extension ChildName: CustomStringConvertible {
  package var description: String {
    switch self {
    case .agent(let name): name.text
    case .supervisor(let name): name.text
    case .attempt(let name, let run, let step): step == .main ? "\(name) (\(run))" : "\(name) (\(run) \(step))"
    case .instance(let name, let number): "\(name)#\(number)"
    }
  }
}

extension ChildName: Comparable {
  package static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}

/// How a supervisor treats one child; OTP's child specification.
package struct ChildSpec: Sendable, Hashable {
  package var name: ChildName
  package var restart: RestartPolicy
  package var shutdown: ShutdownPolicy
  /// Its end by itself may end the supervisor (`AutoShutdown`).
  package var isSignificant: Bool
  package var backoff: BackoffPolicy?
  /// Started together with its supervisor; else only when it is asked for.
  package var startsWithSupervisor: Bool

  package init(
    _ name: ChildName, restart: RestartPolicy = .permanent, shutdown: ShutdownPolicy? = nil,
    isSignificant: Bool = false, backoff: BackoffPolicy? = nil, startsWithSupervisor: Bool = true
  ) {
    self.name = name
    self.restart = restart
    if let shutdown {
      self.shutdown = shutdown
    } else if case .supervisor = name {
      self.shutdown = .infinity
    } else {
      self.shutdown = .timeout(.seconds(5))
    }
    self.isSignificant = isSignificant
    self.backoff = backoff
    self.startsWithSupervisor = startsWithSupervisor
  }
}

/// Whether the end of significant children ends their supervisor.
package enum AutoShutdown: String, Sendable, CaseIterable {
  case never
  /// With the first significant child that ends by itself.
  case anySignificant = "any-significant"
  /// With the last one.
  case allSignificant = "all-significant"
}

/// What happens when there were more restarts than the intensity allows.
package enum OverIntensity: String, Sendable, CaseIterable {
  /// OTP: the supervisor stops its children and ends; its own supervisor decides what follows.
  case escalate
  /// The child stays down as failed; the others go on.
  case park
}

/// What a supervisor does as a whole; OTP's supervisor flags.
package struct SupervisorFlags: Sendable, Hashable {
  package var strategy: RestartStrategy
  package var intensity: RestartIntensity
  package var autoShutdown: AutoShutdown
  package var overIntensity: OverIntensity
  /// The root counts the restarts of each child apart, so that one does not use up what the others may.
  package var countsEachChild: Bool

  package init(
    strategy: RestartStrategy = .oneForOne, intensity: RestartIntensity = RestartIntensity(),
    autoShutdown: AutoShutdown = .never, overIntensity: OverIntensity = .escalate, countsEachChild: Bool = false
  ) {
    self.strategy = strategy
    self.intensity = intensity
    self.autoShutdown = autoShutdown
    self.overIntensity = overIntensity
    self.countsEachChild = countsEachChild
  }

  /// Of the supervisor above all others: it never gives up.
  package static let root = SupervisorFlags(overIntensity: .park, countsEachChild: true)
}

/// How a child ended, as far as restarting goes.
package enum ChildExit: Sendable, Hashable {
  /// By itself and well: exit 0.
  case normal
  /// As it was asked to, or by a decision of its own that is no crash (`shutdown` in OTP).
  case shutdown(String)
  /// A budget or a policy said no: a clean exit that must not restart into the same wall.
  case refused(String)
  case abnormal(String)
  /// Something of the node's own ended it: it is restarted like after a crash, but that does not count.
  case interrupted(String)
  /// Whoever runs it has given it up: it is not restarted, whatever its specification says.
  case givenUp(String)
  /// Killed without being asked (`killed` in OTP), which is abnormal.
  case killed(String)
  /// It did not come as far as running.
  case startFailed(String)

  package var reason: String {
    switch self {
    case .normal: "exit 0"
    case .shutdown(let text), .refused(let text), .interrupted(let text), .givenUp(let text), .abnormal(let text),
      .killed(let text), .startFailed(let text):
      text
    }
  }

  /// `normal`, `shutdown` and `{shutdown, _}` in OTP.
  package var isClean: Bool {
    switch self {
    case .normal, .shutdown, .refused: true
    case .interrupted, .givenUp, .abnormal, .killed, .startFailed: false
    }
  }
}

/// Where a child is.
package enum ChildState: Sendable, Hashable {
  /// No process (`undefined` in OTP), and why.
  case stopped(Rest)
  case starting
  case running
  /// Between two processes; with the time of the next start where it waits for one.
  case restarting(due: Instant?)
  case stopping

  package enum Rest: Sendable, Hashable {
    case neverStarted
    /// Ended by itself, and is not to be restarted.
    case ended
    /// A person stopped it.
    case byOperator
    /// Its supervisor stopped it, together with siblings or with itself.
    case bySupervisor
    case refused(String)
    case failed(String)
  }

  /// It has a process, or is about to.
  package var isActive: Bool {
    switch self {
    case .starting, .running, .stopping: true
    case .stopped, .restarting: false
    }
  }
}
