// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// The sandbox of a process agent.
extension PlanBuilder {
  /// Places of every sandbox's own; nothing may be shown over them.
  private static let ownPlaces = ["/proc", "/sys", "/dev", "/etc", Enclosure.output, Enclosure.worker]

  mutating func buildProcessSandbox(_ spec: inout AgentSpec, _ field: Fields.Field) {
    guard let fields = field.value?.fields else { return }
    let engine = fields.value("engine")
    switch engine?.text {
    case "none"?:
      refuseUnenclosed(&spec, fields, field.keyLocation)
      return
    case "wasm"?:
      if let engine {
        restrict(&spec, "engine: wasm", at: engine.location, help: "a process runs in `engine: process`")
      }
      return
    default: break
    }
    var sandbox = SandboxSpec()
    for value in fields.value("fs")?.list ?? [] { showFolder(value, in: &sandbox, of: &spec) }
    grantHosts(fields.value("net")?.list ?? [], in: &sandbox, of: &spec)
    for value in fields.value("secrets")?.list ?? [] { addSecret(value, to: &sandbox, of: &spec) }
    for value in fields.value("env")?.list ?? [] { grantVariable(value, to: &spec) }
    if let limits = fields.fields("limits") {
      sandbox.openFiles = limits.integer("files")
      if case .size(let bytes)? = limits.value("disk")?.content { sandbox.temporaryBytes = bytes }
      if case .size(let bytes)? = limits.value("netBytes")?.content { sandbox.egress.bytes = bytes }
      sandbox.egress.requests = limits.integer("requests")
    }
    sandbox.learns = fields.boolean("learn") ?? false
    spec.sandbox = sandbox
  }

  /// What runs in the open keeps its limits; everything else that stands beside `engine: none` cannot hold.
  private mutating func refuseUnenclosed(_ spec: inout AgentSpec, _ fields: Fields, _ location: SourceLocation) {
    if !Set(fields.order).isSubset(of: ["engine", "limits"]) {
      restrict(&spec, "sandbox", at: location, help: "with `engine: process` its grants hold")
    }
    refuseSandboxLimits(&spec, fields)
  }

  /// Limits that only a sandbox enforces.
  mutating func refuseSandboxLimits(_ spec: inout AgentSpec, _ fields: Fields) {
    guard let limits = fields.fields("limits") else { return }
    for name in ["files", "disk", "netBytes", "requests"] {
      if let field = limits.field(name) { restrict(&spec, field.written, at: field.keyLocation) }
    }
  }

  mutating func showFolder(_ value: Shaped, in sandbox: inout SandboxSpec, of spec: inout AgentSpec) {
    let fields = value.fields
    guard let path = value.text ?? fields?.text("path") else { return }
    let location = fields?.value("path")?.location ?? value.location
    let resolved = project.resolved(path)
    if isState(resolved, at: location) { return }
    if resolved == "/" {
      report(
        Diagnostic(
          "NX-SBX-010", "a grant of `/` is no sandbox", at: location,
          help: "name the folders that it needs, or write `engine: none`"))
      return
    }
    let place = fields?.text("as") ?? resolved
    let placeLocation = fields?.value("as")?.location ?? location
    if let problem = Self.problem(of: place) {
      report(
        Diagnostic(
          "NX-SBX-011", "nothing can be shown at `\(place)`: \(problem)", at: placeLocation,
          help: "name another place, for example `as: /data`"))
      return
    }
    if sandbox.folders.contains(where: { $0.place == place }) {
      report(
        Diagnostic(
          "NX-SBX-011", "nothing can be shown at `\(place)`: another grant is there", at: placeLocation,
          help: "remove one of them, or give it another place with `as`"))
      return
    }
    if let quota = fields?.field("quota") {
      spec.refuse(PlanRefusal(code: "NX-CFG-302", message: "`\(quota.written)` cannot be enforced yet"))
    }
    let isWritable = fields?.text("mode") == "rw"
    sandbox.folders.append(Enclosure.Folder(path: resolved, place: place, isWritable: isWritable))
  }

  private static func problem(of place: String) -> String? {
    let parts = place.split(separator: "/", omittingEmptySubsequences: false)
    if !place.hasPrefix("/") { return "it is not absolute" }
    if place == "/" || parts.dropFirst().contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) {
      return "it is not the plain path of a folder"
    }
    let own = ownPlaces.first { place == $0 || place.hasPrefix($0 + "/") }
    return own.map { "`\($0)` is the sandbox's own" }
  }

  /// A variable of the node's environment, by name; its value is shown nowhere.
  mutating func grantVariable(_ value: Shaped, to spec: inout AgentSpec) {
    guard let name = value.text, !spec.environment.contains(where: { $0.name == name }) else { return }
    if name.hasPrefix("NAOS_") || Self.gatewayVariables.contains(name) {
      report(
        Diagnostic(
          "NX-CFG-118", "`\(name)` is set by naos itself", at: value.location,
          help: "remove it: the agent has it, with a key of its own"))
      return
    }
    // One that the node lacks is one that the agent lacks.
    guard let found = environment[name] else { return }
    spec.environment.append(EnvironmentVariable(name, found))
    spec.secretVariables.insert(name)
  }

  /// What is there already no grant lets an agent change; what is not, nobody can hold.
  mutating func checkOpenNames() {
    for agent in plan.agents {
      for folder in agent.sandbox?.folders ?? [] where folder.isWritable {
        for name in openNames where name.isBelow(folder.path) {
          report(
            Diagnostic(
              "NX-SBX-013", .warning,
              "`\(agent.name)` can write in `\(project.relative(folder.path))`, and so add `\(name.shown)` to the configuration",
              at: agentLocations[agent.name],
              notes: name.location.map { [.init("files of that name are included here", at: $0)] } ?? [],
              help: name.location == nil
                ? "make an empty `\(name.shown)`, or grant a folder further down"
                : "include files by their names, or grant another folder"))
        }
      }
    }
  }

  /// A probe over the network would ask the node's loopback, and the agent has another.
  mutating func checkProbes(of spec: AgentSpec, _ item: Named) {
    guard spec.sandbox != nil, let health = item.fields.fields("health") else { return }
    for kind in ["startup", "liveness", "readiness"] {
      guard let field = health.fields(kind)?.field("http") else { continue }
      report(
        Diagnostic(
          "NX-SBX-012", "an http probe cannot reach into a sandbox", at: field.keyLocation,
          help: "use `heartbeat`, which comes out of it through the agent plane"))
    }
  }
}
