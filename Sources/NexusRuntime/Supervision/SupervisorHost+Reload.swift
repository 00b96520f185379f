// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

// A changed configuration on a running node.
extension SupervisorHost {
  /// Takes a changed configuration: flags now, changed specifications at the next restart; what is new is started.
  ///
  /// - Parameters:
  ///   - plan: the new configuration, together with what stays although the file no longer has it.
  ///   - gone: children to stop and forget, in the order of their start.
  func reload(_ plan: ProjectPlan, without gone: [ChildName]) async {
    let branches = plan.branches(startsServices: startsServices)
    var parents: [ChildName: SupervisorName] = [:]
    for branch in branches { for child in branch.children { parents[child.name] = branch.name } }
    let moved = plan.agents.map { ChildName.agent($0.name) }.filter { child in
      guard let now = tree.supervisor(of: child), let then = parents[child] else { return false }
      return now != then
    }
    var restarted: [ChildName] = []
    for child in (gone + moved).reversed() {
      let wasActive = tree.state(of: child)?.isActive == true
      _ = await call(.terminateChild(child))
      tree.forget(child)
      if wasActive, !gone.contains(child) { restarted.append(child) }
    }
    let added = tree.change(to: branches).added
    take(plan)
    // What is below a new supervisor is started by it.
    for child in added + restarted.reversed() {
      if let parent = tree.supervisor(of: child), added.contains(.supervisor(parent)) { continue }
      _ = ask(.restartChild(child))
    }
  }

  /// Whether the child has a process, or is about to.
  func isActive(_ child: ChildName) -> Bool { tree.state(of: child)?.isActive == true }

  /// The children of the tree that a configuration no longer has, in start order.
  func missing(from plan: ProjectPlan) -> [ChildName] {
    let gone = Set(tree.change(to: plan.branches(startsServices: false)).removed)
    return snapshots().flatMap { $0.children.map(\.name) }.filter { gone.contains($0) }
  }
}
