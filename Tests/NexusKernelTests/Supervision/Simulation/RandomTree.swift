// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel

extension Dice {
  /// From 0 up to `count`, which is not among them.
  mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
  mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }
}

/// A tree of up to three levels below the root, with every kind of flag.
struct RandomTree {
  var branches: [SupervisionTree.Branch] = []
  var tasks: [AgentName] = []
  var services: [ChildName] = []
  var supervisors: [ChildName] = []
  var dynamics: [SupervisorName] = []
  private var agents = 0

  init(_ dice: inout Dice) {
    var root = SupervisionTree.Branch(.root, flags: .root, children: [])
    root.flags.intensity = RestartIntensity(maxRestarts: dice.below(3), within: .seconds(5))
    for _ in 0..<dice.below(3) { root.children.append(agent(&dice, isSignificant: false)) }
    for _ in 0...dice.below(2) { root.children.append(supervisor(&dice, depth: 1, isSignificant: false)) }
    branches.append(root)
  }

  private mutating func agent(_ dice: inout Dice, isSignificant: Bool) -> ChildSpec {
    agents += 1
    let name = AgentName("a\(agents)")
    let isTask = dice.chance(20)
    if isTask { tasks.append(name) } else { services.append(.agent(name)) }
    return ChildSpec(
      .agent(name),
      restart: isSignificant ? dice.pick([.transient, .temporary]) : dice.pick([.permanent, .transient, .temporary]),
      shutdown: dice.pick([.timeout(.seconds(1)), .timeout(.seconds(3)), .timeout(.zero), .brutalKill, .infinity]),
      isSignificant: isSignificant,
      backoff: dice.chance(25)
        ? BackoffPolicy(initial: .seconds(1), factor: 2, max: .seconds(4), resetAfter: .seconds(6)) : nil,
      startsWithSupervisor: !isTask)
  }

  private mutating func supervisor(_ dice: inout Dice, depth: Int, isSignificant: Bool) -> ChildSpec {
    let name = SupervisorName("s\(supervisors.count + 1)")
    supervisors.append(.supervisor(name))
    var branch = SupervisionTree.Branch(
      name,
      flags: SupervisorFlags(
        strategy: dice.pick(RestartStrategy.allCases),
        intensity: RestartIntensity(maxRestarts: dice.below(4), within: .seconds(1 + dice.below(6))),
        autoShutdown: dice.pick(AutoShutdown.allCases), overIntensity: dice.chance(30) ? .park : .escalate),
      children: [])
    if dice.chance(15) {
      branch.flags.autoShutdown = .never
      branch.template = agent(&dice, isSignificant: false)
      if tasks.last.map({ ChildName.agent($0) }) == branch.template?.name {
        tasks.removeLast()
      } else {
        services.removeLast()
      }
      dynamics.append(name)
    } else {
      for _ in 0..<dice.below(5) {
        let isSignificant = branch.flags.autoShutdown != .never && dice.chance(40)
        if depth < 3, dice.chance(25) {
          branch.children.append(supervisor(&dice, depth: depth + 1, isSignificant: isSignificant))
        } else {
          branch.children.append(agent(&dice, isSignificant: isSignificant))
        }
      }
    }
    branches.append(branch)
    return ChildSpec(
      .supervisor(name),
      restart: isSignificant ? .transient : dice.pick([.permanent, .permanent, .transient, .temporary]),
      shutdown: dice.chance(15) ? .timeout(.seconds(2)) : nil, isSignificant: isSignificant)
  }
}
