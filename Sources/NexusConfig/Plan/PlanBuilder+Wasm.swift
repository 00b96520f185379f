// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// Agents that are WebAssembly modules: they always run in a sandbox.
extension PlanBuilder {
  static let moduleSuffix = ".wasm"

  /// The module of an agent, before its limits are known.
  mutating func module(of item: Named) -> WasmProgram? {
    guard let value = item.fields.value("source"), let path = value.text, path.hasSuffix(Self.moduleSuffix) else {
      return nil
    }
    let resolved = project.resolved(path)
    switch moduleHead(resolved) {
    case .module: break
    case .missing:
      warn("there is no file `\(project.relative(resolved))`", item, value.location, "build it, or name it")
    case .component:
      warn(
        "`\(project.relative(resolved))` is a component, and agents are core modules", item, value.location,
        "build a command for `wasm32-wasip1`, or make a skill of it, which may be a component")
    case .other(let why):
      warn("`\(project.relative(resolved))` \(why)", item, value.location, "name a module of WebAssembly")
    }
    for key in ["model", "tools", "maxTurns"] {
      guard let field = item.fields.field(key) else { continue }
      report(
        Diagnostic(
          "NX-CFG-115", "`\(field.written)` belongs to llm agents, and `\(item.name)` is a module",
          at: field.keyLocation,
          help: "remove it"))
    }
    if item.fields.text("mode") == AgentMode.service.rawValue, let mode = item.fields.value("mode") {
      report(
        Diagnostic(
          "NX-CFG-115", "a wasm agent is always a task", at: mode.location,
          help: "remove `mode`: each run has a worker of its own"))
    }
    return WasmProgram(source: resolved)
  }

  /// The runs are refused where the module is started, so that it need not be there yet.
  private mutating func warn(_ what: String, _ item: Named, _ location: SourceLocation, _ help: String) {
    report(
      Diagnostic(
        "NX-SBX-058", .warning, "\(what): until that changes, the runs of `\(item.name)` fail", at: location, help: help
      ))
  }

  mutating func buildWasmSandbox(_ spec: inout AgentSpec, _ program: WasmProgram, _ fields: Fields?) {
    var (program, sandbox) = (program, SandboxSpec())
    if let engine = fields?.value("engine"), let text = engine.text, text != "wasm" {
      report(
        Diagnostic(
          "NX-SBX-059", "a module runs in `engine: wasm`, and not in `\(text)`", at: engine.location, help: "remove it")
      )
    }
    for value in fields?.value("fs")?.list ?? [] { showFolder(value, in: &sandbox, of: &spec) }
    grantHosts(fields?.value("net")?.list ?? [], in: &sandbox, of: &spec)
    for value in fields?.value("secrets")?.list ?? [] { addSecret(value, to: &sandbox, of: &spec) }
    ignoreLearning(fields, "a module is always told what it was refused")
    for value in fields?.value("env")?.list ?? [] { grantVariable(value, to: &spec) }
    if let limits = fields?.fields("limits") { limit(&program, &sandbox, &spec, limits) }
    // The engine holds them for the module; its worker needs more.
    spec.ceilings.memoryBytes = nil
    spec.ceilings.processes = nil
    spec.sandbox = sandbox
    spec.kind = .wasm(program)
  }

  private mutating func limit(
    _ program: inout WasmProgram, _ sandbox: inout SandboxSpec, _ spec: inout AgentSpec, _ limits: Fields
  ) {
    sandbox.openFiles = limits.integer("files")
    if let bytes = size("disk", limits) { sandbox.temporaryBytes = bytes }
    if let bytes = size("memory", limits, most: WasmProgram.largestMemoryBytes) { program.memoryBytes = bytes }
    if let bytes = size("stack", limits, most: WasmProgram.largestStackBytes) { program.stackBytes = bytes }
    if let bytes = size("output", limits) { program.outputBytes = bytes }
    program.hostCalls = limits.integer("hostCalls")
    if let wall = limits.value("wall"), case .duration(let time) = wall.content {
      program.wallTime = time
      if time == .zero {
        report(
          Diagnostic(
            "NX-SBX-059", "no module runs in no time", at: wall.location, label: "of `wall`", help: "write 60s"))
      }
    }
    if case .size(let bytes)? = limits.value("netBytes")?.content { sandbox.egress.bytes = bytes }
    sandbox.egress.requests = limits.integer("requests")
    guard let field = limits.field("pids") else { return }
    report(
      Diagnostic(
        "NX-CFG-213", .warning, "`\(field.written)` has no effect: a module starts no processes",
        at: field.keyLocation, help: "remove it"))
  }

  private mutating func size(_ name: String, _ limits: Fields, most: Int64 = .max) -> Int64? {
    guard let value = limits.value(name), case .size(let bytes) = value.content else { return nil }
    let least: Int64 = name == "stack" ? 65_536 : 1
    guard bytes >= least, bytes <= most else {
      report(
        Diagnostic(
          "NX-SBX-059", "a module cannot have \(bytes) bytes of it", at: value.location, label: "of `\(name)`",
          help: bytes < least ? "write at least \(least)" : "write at most \(most >> 20)MiB"))
      return nil
    }
    return bytes
  }

  /// Limits that are those of modules.
  mutating func refuseModuleLimits(_ spec: inout AgentSpec, _ fields: Fields?) {
    guard let limits = fields?.fields("limits") else { return }
    for name in ["wall", "stack", "output", "hostCalls"] {
      guard let field = limits.field(name) else { continue }
      let help = name == "wall" ? "an agent has `timeout`" : nil
      restrict(&spec, field.written, at: field.keyLocation, help: help)
    }
  }
}
