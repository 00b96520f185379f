// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusSupervisionKit

// What goes wrong, and what people and runs want meanwhile.
extension Simulation {
  mutating func disturb() {
    switch dice.below(100) {
    case ..<50: if let child = anyProcess() { die(child, anyExit()) }
    case ..<56: now = now + .milliseconds(Int64(dice.pick([1, 500, 1000, 2500])))
    case ..<64: if let name = pickName() { call(.terminateChild(name, disable: dice.chance(15))) }
    case ..<72:
      if let name = pickName(), !plan.tasks.contains(where: { name == .agent($0) }) { call(.restartChild(name)) }
    case ..<75: if let name = pickName() { call(.deleteChild(name)) }
    case ..<80: add()
    case ..<90: attempt()
    case ..<93: withdraw()
    case ..<96: reconfigure()
    case ..<98: if !plan.services.isEmpty { forgive(dice.pick(plan.services)) }
    case ..<99 where !isShut: shutDown()
    default: break
    }
  }

  private var isShut: Bool { book.shutdowns > book.endings }

  private mutating func shutDown() {
    book.shutdowns += 1
    handle(.shutdown)
    handle(.start)
  }

  private mutating func anyProcess() -> ChildName? {
    let living = processes.filter { !$0.value.isDead }.sorted { $0.value.life < $1.value.life }
    return living.isEmpty ? nil : dice.pick(living).key
  }

  private mutating func anyExit() -> ChildExit {
    switch dice.below(100) {
    case ..<60: .abnormal("exit 1")
    case ..<75: .normal
    case ..<82: .shutdown("done")
    case ..<87: .refused("over budget")
    case ..<92: .interrupted("the guard died")
    case ..<94: .givenUp("the guard died too often")
    default: .killed("SIGKILL")
    }
  }

  private mutating func pickName() -> ChildName? {
    let names = dice.chance(25) ? plan.supervisors : plan.services + plan.tasks.map { ChildName.agent($0) }
    if dice.chance(10), let child = anyProcess() { return child }
    return names.isEmpty ? nil : dice.pick(names)
  }

  private mutating func call(_ call: SupervisorMachine.Call) { handle(.call(book.newCall(), call)) }

  private mutating func add() {
    if !plan.dynamics.isEmpty, dice.chance(70) {
      handle(.startInstance(book.newCall(), under: dice.pick(plan.dynamics), arguments: ["x"]))
    } else {
      guard case .supervisor(let supervisor) = dice.pick(plan.supervisors) else { return }
      let spec = ChildSpec(
        .agent(AgentName("n\(dice.below(3))")), restart: dice.pick([.permanent, .transient, .temporary]),
        shutdown: .timeout(.seconds(1)))
      handle(.startChild(book.newCall(), spec, under: supervisor))
    }
  }

  private mutating func attempt() {
    guard !plan.tasks.isEmpty else { return }
    nextRun += 1
    let child = ChildName.attempt(dice.pick(plan.tasks), RunID("r\(nextRun)"), .main)
    book.wanted.insert(child)
    handle(.attemptWanted(child))
  }

  private mutating func withdraw() {
    guard let child = book.wanted.min() else { return }
    book.wanted.remove(child)
    handle(.attemptWithdrawn(child))
  }

  /// The same names with other flags and policies.
  private mutating func reconfigure() {
    var branches = plan.branches
    let index = dice.below(branches.count)
    guard branches[index].name != .root, branches[index].template == nil else { return }
    branches[index].flags.strategy = dice.pick(RestartStrategy.allCases)
    // As many restarts as before, so that the book of the model stays right.
    if branches[index].children.count > 1, dice.chance(50) { branches[index].children.swapAt(0, 1) }
    book.reordered.insert(branches[index].name)
    note("reconfigure \(branches[index])")
    tree.reconfigure(branches)
  }

  private mutating func forgive(_ child: ChildName) {
    guard case .stopped(.failed) = tree.state(of: child), let supervisor = tree.supervisor(of: child) else { return }
    _ = tree.forgive(child)
    if let (window, _) = window(supervisor, child) { book.stamps[window]?.removeAll { $0.child == child } }
  }
}
