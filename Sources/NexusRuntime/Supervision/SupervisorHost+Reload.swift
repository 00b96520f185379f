// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

// A changed configuration on a running node.
extension SupervisorHost {
  /// Takes a changed configuration: flags now, changed specifications at the next restart; what is new is started, and
  /// what has another supervisor now is stopped below the old one and begun again below the new one.
  ///
  /// - Parameters:
  ///   - plan: the new configuration, together with what stays although the file no longer has it.
  ///   - gone: children to stop and forget, in the order of their start.
  func reload(_ plan: ProjectPlan, without gone: [ChildName]) async {
    let branches = plan.branches(startsServices: startsServices)
    let moved = moved(to: branches)
    beginRelocation(of: moved)
    var restarted: [ChildName] = []
    for child in (gone + moved).reversed() {
      let wasActive = isActive(child)
      await interruptAttempts(of: child)
      _ = await call(.terminateChild(child))
      tree.forget(child)
      if wasActive, moved.contains(child) { restarted.append(child) }
    }
    let added = tree.change(to: branches).added
    take(plan)
    endRelocation()
    for child in added.filter({ !moved.contains($0) }) + restarted.reversed() {
      // What is below a new supervisor is started by it.
      if let parent = tree.supervisor(of: child).map({ ChildName.supervisor($0) }),
        added.contains(parent) || moved.contains(parent)
      {
        continue
      }
      _ = ask(.restartChild(child))
    }
  }

  /// The children that are below another supervisor in the new configuration, in start order.
  private func moved(to branches: [SupervisionTree.Branch]) -> [ChildName] {
    var parents: [ChildName: SupervisorName] = [:]
    for branch in branches { for child in branch.children { parents[child.name] = branch.name } }
    return snapshots().flatMap { $0.children.map(\.name) }.filter { child in
      guard let then = parents[child] else { return false }
      return tree.supervisor(of: child) != then
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
