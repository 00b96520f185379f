// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

// The words in which the table is written: children are named by short texts, so that a case fits on a page.

/// `top` and `sup…` are supervisors, `w#1` is an instance, `t@1` an attempt, everything else an agent.
package func named(_ text: String) -> ChildName {
  if text == "top" || text == "root" || text.hasPrefix("sup") { return .supervisor(SupervisorName(text)) }
  if let mark = text.firstIndex(of: "#"), let number = Int(text[text.index(after: mark)...]) {
    return .instance(AgentName(String(text[..<mark])), number)
  }
  if let mark = text.firstIndex(of: "@") {
    return .attempt(AgentName(String(text[..<mark])), RunID(String(text[text.index(after: mark)...])), .main)
  }
  return .agent(AgentName(text))
}

/// The text that `named` reads.
package func word(_ name: ChildName) -> String {
  switch name {
  case .agent(let agent): agent.text
  case .supervisor(let supervisor): supervisor.text
  case .instance(let agent, let number): "\(agent.text)#\(number)"
  case .attempt(let agent, let run, _): "\(agent.text)@\(run.text)"
  }
}

package func word(_ state: ChildState) -> String {
  switch state {
  case .running: "up"
  case .starting: "starting"
  case .stopping: "stopping"
  case .restarting: "restarting"
  case .stopped(.failed): "failed"
  case .stopped(.refused): "refused"
  case .stopped: "down"
  }
}

package func word(_ phase: SupervisorMachine.Phase) -> String {
  switch phase {
  case .isUp: "up"
  case .starting: "starting"
  case .ending: "ending"
  case .down(nil): "never up"
  case .down(.asked): "shut down"
  case .down(.gaveUp): "gave up"
  case .down(.autoShutdown): "auto-shutdown"
  }
}

package func child(
  _ text: String, _ restart: RestartPolicy = .permanent, shutdown: ShutdownPolicy? = .timeout(.seconds(1)),
  significant: Bool = false, backoff: BackoffPolicy? = nil, starts: Bool = true
) -> ChildSpec {
  let name = named(text)
  let isSupervisor = if case .supervisor = name { true } else { false }
  return ChildSpec(
    name, restart: restart, shutdown: isSupervisor ? nil : shutdown, isSignificant: significant, backoff: backoff,
    startsWithSupervisor: starts)
}

package func branch(
  _ name: String, _ strategy: RestartStrategy, max: Int = 2, within: Int = 3600, auto: AutoShutdown = .never,
  over: OverIntensity = .escalate, _ children: [ChildSpec] = []
) -> SupervisionTree.Branch {
  SupervisionTree.Branch(
    SupervisorName(name),
    flags: SupervisorFlags(
      strategy: strategy, intensity: RestartIntensity(maxRestarts: max, within: .seconds(within)), autoShutdown: auto,
      overIntensity: over),
    children: children)
}

/// A one-for-one supervisor.
package func branch(
  _ name: String, max: Int = 2, within: Int = 3600, auto: AutoShutdown = .never, over: OverIntensity = .escalate,
  _ children: [ChildSpec] = []
) -> SupervisionTree.Branch {
  branch(name, .oneForOne, max: max, within: within, auto: auto, over: over, children)
}

/// The root, with `top` below it as every supervisor that no other lists.
package func tree(_ branches: SupervisionTree.Branch...) -> [SupervisionTree.Branch] {
  [SupervisionTree.Branch(.root, flags: .root, children: [child("top", .transient)])] + branches
}

/// A tree of the supervisor `top` alone.
package func top(
  _ strategy: RestartStrategy, max: Int = 2, within: Int = 3600, auto: AutoShutdown = .never,
  over: OverIntensity = .escalate, _ children: [ChildSpec] = []
) -> [SupervisionTree.Branch] {
  tree(branch("top", strategy, max: max, within: within, auto: auto, over: over, children))
}

package func top(
  max: Int = 2, within: Int = 3600, auto: AutoShutdown = .never, over: OverIntensity = .escalate,
  _ children: [ChildSpec] = []
) -> [SupervisionTree.Branch] {
  top(.oneForOne, max: max, within: within, auto: auto, over: over, children)
}

/// The dynamic supervisor `top`, of instances `w#1`, `w#2` and so on.
package func dynamic(
  max: Int = 2, within: Int = 3600, auto: AutoShutdown = .never, over: OverIntensity = .escalate, _ template: ChildSpec
) -> [SupervisionTree.Branch] {
  var branch = branch("top", max: max, within: within, auto: auto, over: over)
  branch.template = template
  return tree(branch)
}

extension Step {
  package static var start: Step { .perform(.start) }
  package static var shutdown: Step { .perform(.shutdown) }
  package static func crash(_ child: String) -> Step { .perform(.end(named(child), .abnormal("exit 1"))) }
  package static func kill(_ child: String) -> Step { .perform(.end(named(child), .killed("SIGKILL"))) }
  /// Ends by itself, and well.
  package static func leave(_ child: String) -> Step { .perform(.end(named(child), .normal)) }
  /// Ends because somebody else than its supervisor asked it to, which is no crash.
  package static func bowOut(_ child: String) -> Step { .perform(.end(named(child), .shutdown("done"))) }
  package static func refuse(_ child: String) -> Step { .perform(.end(named(child), .refused("over budget"))) }
  package static func nextStarts(_ child: String, _ outcomes: StartOutcome...) -> Step {
    .perform(.nextStarts(named(child), outcomes))
  }
  package static func whenAsked(_ child: String, _ outcome: AskOutcome) -> Step {
    .perform(.whenAsked(named(child), outcome))
  }
  package static func advance(_ seconds: Double) -> Step { .perform(.advance(.seconds(seconds))) }
  package static func reconfigure(_ branches: [SupervisionTree.Branch]) -> Step { .perform(.reconfigure(branches)) }

  package static func spawn(_ label: String, _ arguments: String..., under: String = "top") -> Step {
    .perform(.startInstance(label, under: SupervisorName(under), arguments: arguments))
  }
  package static func call(_ label: String, _ call: SupervisorMachine.Call) -> Step { .perform(.call(label, call)) }
  package static func startChild(_ label: String, _ spec: ChildSpec, under: String = "top") -> Step {
    .perform(.startChild(label, spec, under: SupervisorName(under)))
  }
  package static func terminate(_ label: String, _ child: String, disable: Bool = false) -> Step {
    .call(label, .terminateChild(named(child), disable: disable))
  }
  package static func restart(_ label: String, _ child: String) -> Step { .call(label, .restartChild(named(child))) }
  package static func delete(_ label: String, _ child: String) -> Step { .call(label, .deleteChild(named(child))) }
  package static func want(_ attempt: String) -> Step { .perform(.wantAttempt(named(attempt))) }
  package static func crashAttempt(_ attempt: String) -> Step { .perform(.crashAttempt(named(attempt), "exit 1")) }

  package static func log(_ entries: String...) -> Step { .expect(.log(entries)) }
  package static func log(_ first: String..., thenInAnyOrder rest: [String]) -> Step {
    .expect(.logThenInAnyOrder(first, rest))
  }
  package static func children(_ supervisor: String, _ states: [String]) -> Step {
    .expect(.children(SupervisorName(supervisor), states))
  }
  package static func children(_ states: [String]) -> Step { children("top", states) }
  /// `specs`, `active`, `supervisors`, `workers`.
  package static func counts(
    _ supervisor: String, _ specs: Int, _ active: Int, _ supervisors: Int, _ workers: Int
  ) -> Step {
    var counts = SupervisorMachine.Counts()
    (counts.specs, counts.active, counts.supervisors, counts.workers) = (specs, active, supervisors, workers)
    return .expect(.counts(SupervisorName(supervisor), counts))
  }
  package static func counts(_ specs: Int, _ active: Int, _ supervisors: Int, _ workers: Int) -> Step {
    counts("top", specs, active, supervisors, workers)
  }
  package static func answer(_ label: String, _ answer: SupervisorMachine.CallAnswer?) -> Step {
    .expect(.answer(label, answer))
  }
  package static func reports(_ reports: String...) -> Step { .expect(.reports(reports)) }
  package static func restarts(_ count: Int) -> Step { .expect(.restarts(count)) }
  package static func phase(_ supervisor: String, _ phase: String) -> Step {
    .expect(.phase(SupervisorName(supervisor), phase))
  }
  package static func phase(_ phase: String) -> Step { Step.phase("top", phase) }
  package static func failed(_ children: String...) -> Step { .expect(.failed(children)) }
  package static func attempts(_ told: String...) -> Step { .expect(.attempts(told)) }
  package static func spec(_ name: String, _ spec: ChildSpec?) -> Step { .expect(.spec(named(name), spec)) }
  package static func arguments(_ name: String, _ arguments: [String]?) -> Step {
    .expect(.arguments(named(name), arguments))
  }
  package static func faults(_ faults: String...) -> Step { .expect(.faults(faults)) }
}
