// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  mutating func buildSupervisors() {
    let items = named("supervisors", "supervisor")
    for item in items {
      supervisorLocations[SupervisorName(item.name)] = item.location
      if let agent = agentLocations[AgentName(item.name)] {
        report(
          Diagnostic(
            "NX-CFG-201", "`\(item.name)` is already the name of an agent", at: item.location,
            notes: [.init("the agent is here", at: agent)],
            help: "rename one of the two: children are referred to by name"))
      }
      if item.name == SupervisorName.root.text {
        report(
          Diagnostic(
            "NX-CFG-201", "`root` is the supervisor above all others", at: item.location, help: "choose another name"))
      }
    }
    var parents: [ChildName: Parent] = [:]
    for item in items { build(item, &parents) }
    adopt(parents)
    refuseCircles(parents)
    checkSignificance(items)
  }

  /// Where a child is listed, and below whom.
  private struct Parent {
    let name: SupervisorName
    let location: SourceLocation
  }

  private mutating func build(_ item: Named, _ parents: inout [ChildName: Parent]) {
    let fields = item.fields
    var spec = SupervisorSpec(name: SupervisorName(item.name))
    if let strategy = fields.word("strategy", as: RestartStrategy.self) { spec.flags.strategy = strategy }
    if let maxRestarts = fields.integer("maxRestarts") { spec.flags.intensity.maxRestarts = maxRestarts }
    if let within = fields.duration("withinSeconds") { spec.flags.intensity.within = within }
    if let over = fields.word("onMaxRestarts", as: OverIntensity.self) { spec.flags.overIntensity = over }
    if let auto = fields.word("autoShutdown", as: AutoShutdown.self) { spec.flags.autoShutdown = auto }
    spec.restart = fields.word("restart", as: RestartPolicy.self)
    spec.isSignificant = fields.boolean("significant") ?? false
    // OTP counts in whole seconds.
    if spec.flags.intensity.within < .seconds(1), let value = fields.value("withinSeconds") {
      report(
        Diagnostic("NX-CFG-106", "the window is shorter than a second", at: value.location, help: "write at least 1s"))
    }
    for value in fields.value("children")?.list ?? [] {
      if let child = child(value, of: spec.name, &parents) { spec.children.append(child) }
    }
    plan.supervisors.append(spec)
  }

  private mutating func child(
    _ value: Shaped, of supervisor: SupervisorName, _ parents: inout [ChildName: Parent]
  ) -> ChildName? {
    guard let text = value.text else { return nil }
    let child: ChildName
    if agentLocations[AgentName(text)] != nil {
      child = .agent(AgentName(text))
    } else if supervisorLocations[SupervisorName(text)] != nil {
      child = .supervisor(SupervisorName(text))
    } else {
      reportUndefined(text, at: value.location)
      return nil
    }
    if let first = parents[child] {
      report(
        Diagnostic(
          "NX-CFG-204", "`\(text)` already has a supervisor", at: value.location,
          notes: [.init("it is listed here", at: first.location)], help: "a child has one supervisor"))
      return nil
    }
    parents[child] = Parent(name: supervisor, location: value.location)
    return child
  }

  /// Tells agents and supervisors whose children they are.
  private mutating func adopt(_ parents: [ChildName: Parent]) {
    for index in plan.supervisors.indices {
      plan.supervisors[index].parent = parents[.supervisor(plan.supervisors[index].name)]?.name
    }
    for (child, parent) in parents {
      if case .agent(let agent) = child, let index = agentIndex[agent] { plan.agents[index].supervisor = parent.name }
    }
  }

  /// A supervisor that is, over some steps, its own child.
  private mutating func refuseCircles(_ parents: [ChildName: Parent]) {
    var reported: Set<SupervisorName> = []
    for spec in plan.supervisors {
      var path: [SupervisorName] = [spec.name]
      while let last = path.last, let parent = parents[.supervisor(last)]?.name {
        guard parent != spec.name else {
          guard reported.isDisjoint(with: path), let place = parents[.supervisor(spec.name)]?.location else { break }
          reported.formUnion(path)
          let circle = (path + [spec.name]).reversed().map(\.text).joined(separator: " > ")
          report(
            Diagnostic(
              "NX-CFG-218", "the supervisor `\(spec.name)` is its own child", at: place, label: circle,
              help: "a tree of supervisors has no circle: remove one of these children"))
          break
        }
        if path.contains(parent) { break }
        path.append(parent)
      }
    }
  }

  // MARK: Significance

  /// OTP's rules: a permanent child is always restarted, so its end means nothing; and without `autoShutdown` no end of a
  /// child means anything to its supervisor.
  private mutating func checkSignificance(_ items: [Named]) {
    for agent in plan.agents where agent.isSignificant {
      guard let value = agentFields[agent.name]?.value("significant") else { continue }
      checkSignificance(of: agent.name.text, restart: agent.restart, below: agent.supervisor, at: value.location)
    }
    for item in items {
      guard let spec = plan.supervisor(SupervisorName(item.name)), spec.isSignificant,
        let value = item.fields.value("significant")
      else { continue }
      let restart = spec.restart ?? (spec.parent == nil ? .transient : .permanent)
      checkSignificance(of: item.name, restart: restart, below: spec.parent, at: value.location)
    }
  }

  private mutating func checkSignificance(
    of name: String, restart: RestartPolicy, below parent: SupervisorName?, at location: SourceLocation
  ) {
    if restart == .permanent {
      report(
        Diagnostic(
          "NX-CFG-219", "`\(name)` is significant, but as a permanent child it is always restarted", at: location,
          help: "give it `restart: transient` or `restart: temporary`"))
    }
    guard plan.supervisors.first(where: { $0.name == parent })?.flags.autoShutdown ?? .never == .never else { return }
    let supervisor = parent.map { "its supervisor `\($0)`" } ?? "the root"
    report(
      Diagnostic(
        "NX-CFG-219", "`\(name)` is significant, but \(supervisor) never shuts itself down", at: location,
        help: parent == nil
          ? "list it in a supervisor with `autoShutdown: any-significant`"
          : "give \(supervisor) `autoShutdown: any-significant` or `all-significant`"))
  }

  /// A name that no agent has: a warning, because it may be created later.
  mutating func reportUndefined(_ name: String, at location: SourceLocation, orAmong others: [String] = []) {
    report(
      Diagnostic(
        "NX-CFG-203", .warning, "there is no agent `\(name)`", at: location,
        help: "create it with `naos create \(name)`",
        suggestion: Suggestion.nearest(to: name, among: agentLocations.keys.map(\.text).sorted() + others)))
  }
}
