// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

// What OTP rejects when a supervisor starts: flags and specifications that make no sense.
extension SupervisionTree {
  package enum Fault: Sendable, Hashable, CustomStringConvertible {
    case negativeIntensity(SupervisorName)
    case emptyPeriod(SupervisorName)
    case negativeShutdown(ChildName)
    case duplicateChild(ChildName)
    /// A permanent child never ends for good, so its end cannot mean anything.
    case significantPermanent(ChildName)
    /// Its supervisor does not look at significance.
    case significantUnderNever(ChildName)
    /// Instances come and go, so the end of one cannot mean anything.
    case dynamicAutoShutdown(SupervisorName)
    /// Instances are told apart by number, so they are processes of one agent, and not started by themselves.
    case badTemplate(SupervisorName)
    case unknownSupervisor(SupervisorName)
    /// No other supervisor lists it, so nobody starts it.
    case unreachable(SupervisorName)

    package var description: String {
      switch self {
      case .negativeIntensity(let name): "\(name): the number of restarts is negative"
      case .emptyPeriod(let name): "\(name): the time in which restarts count is not positive"
      case .negativeShutdown(let child): "\(child): the shutdown time is negative"
      case .duplicateChild(let child): "\(child): listed twice"
      case .significantPermanent(let child): "\(child): permanent and significant"
      case .significantUnderNever(let child): "\(child): significant, but its supervisor has no auto-shutdown"
      case .dynamicAutoShutdown(let name): "\(name): a dynamic supervisor has no auto-shutdown"
      case .badTemplate(let name): "\(name): a dynamic supervisor has one agent as its template, and no children"
      case .unknownSupervisor(let name): "\(name): listed as a child, but not there"
      case .unreachable(let name): "\(name): no other supervisor lists it"
      }
    }
  }

  /// Everything that is wrong with a tree, in its order; a tree with a fault must not be planted.
  package static func faults(in branches: [Branch]) -> [Fault] {
    var faults: [Fault] = []
    var seen: Set<ChildName> = []
    let known = Set(branches.map(\.name))
    for branch in branches {
      let limit = branch.flags.intensity
      if limit.maxRestarts < 0 { faults.append(.negativeIntensity(branch.name)) }
      if limit.within <= .zero { faults.append(.emptyPeriod(branch.name)) }
      if let template = branch.template {
        let isAgent = if case .agent = template.name { true } else { false }
        if !isAgent || !branch.children.isEmpty { faults.append(.badTemplate(branch.name)) }
        if branch.flags.autoShutdown != .never { faults.append(.dynamicAutoShutdown(branch.name)) }
      }
      for child in branch.members {
        if !seen.insert(child.name).inserted { faults.append(.duplicateChild(child.name)) }
        if case .supervisor(let name) = child.name, !known.contains(name) { faults.append(.unknownSupervisor(name)) }
        if let fault = Fault(child, under: branch.flags) { faults.append(fault) }
      }
    }
    var reached: Set<SupervisorName> = []
    var queue = [SupervisorName.root]
    while let name = queue.popLast() {
      guard reached.insert(name).inserted else { continue }
      for child in branches.first(where: { $0.name == name })?.children ?? [] {
        if case .supervisor(let below) = child.name { queue.append(below) }
      }
    }
    return faults + branches.map(\.name).filter { !reached.contains($0) }.map { .unreachable($0) }
  }
}

extension SupervisionTree.Fault {
  /// What is wrong with one specification; nil if nothing is.
  package init?(_ child: ChildSpec, under flags: SupervisorFlags) {
    if case .timeout(let limit) = child.shutdown, limit < .zero {
      self = .negativeShutdown(child.name)
    } else if child.isSignificant, child.restart == .permanent {
      self = .significantPermanent(child.name)
    } else if child.isSignificant, flags.autoShutdown == .never {
      self = .significantUnderNever(child.name)
    } else {
      return nil
    }
  }
}
