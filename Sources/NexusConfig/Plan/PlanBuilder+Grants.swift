// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// The tools that an llm agent may name.
enum ToolCatalogue {
  static let files = ["files.list", "files.search", "files.read"]
  static let all = files + ["http.get"]
  /// Prefixes of tools that will exist.
  static let future = ["agents.", "mcp."]
  /// Before the name of a skill.
  static let skillPrefix = "skills."
  /// What file tools may read if the agent has no `sandbox`.
  static let defaultFolder = "docs"
  /// The model that needs no network and no key.
  static let defaultModel = "local/extractive"
}

extension PlanBuilder {
  mutating func llm(of item: Named) -> LLMSpec {
    let fields = item.fields
    var prompt = fields.text("prompt") ?? ""
    if let file = fields.fields("prompt")?.value("file"), let path = file.text {
      switch readOwnFile(path, "prompts", at: file.location) {
      case .success(let source): prompt = source.text
      case .failure(let diagnostic): report(diagnostic)
      }
    }
    if let value = fields.value("prompt") {
      checkLength(of: prompt, at: value.fields?.value("file")?.location ?? value.location)
    }
    if let field = fields.field("env") {
      report(
        Diagnostic(
          "NX-CFG-213", .warning, "`env` has no effect: an llm agent is no process", at: field.keyLocation,
          help: "remove it"))
    }
    var tools: [String] = []
    for value in fields.value("tools")?.list ?? [] {
      guard let tool = value.text else { continue }
      if ToolCatalogue.all.contains(tool) {
        if !tools.contains(tool) { tools.append(tool) }
      } else if tool.hasPrefix(ToolCatalogue.skillPrefix) {
        if checkSkill(tool, at: value.location), !tools.contains(tool) { tools.append(tool) }
      } else if ToolCatalogue.future.contains(where: { tool.hasPrefix($0) }) {
        report(
          Diagnostic(
            "NX-CFG-301", .warning, "the tool `\(tool)` is not available yet and is left out", at: value.location,
            help: "the tools are \(ToolCatalogue.all.joined(separator: ", ")) and skills.NAME"))
      } else {
        report(
          Diagnostic(
            "NX-CFG-205", "there is no tool `\(tool)`", at: value.location,
            label: "expected one of: \(ToolCatalogue.all.joined(separator: ", ")), skills.NAME",
            suggestion: Suggestion.nearest(to: tool, among: ToolCatalogue.all)))
      }
    }
    return LLMSpec(
      prompt: prompt, model: fields.text("model") ?? ToolCatalogue.defaultModel, tools: tools,
      maxTurns: fields.integer("maxTurns") ?? 20)
  }

  /// The attempt gets the prompt as JSON in one variable of its environment, which the kernel bounds.
  private mutating func checkLength(of prompt: String, at location: SourceLocation) {
    let length = JSONValue.string(prompt).text().utf8.count - 2
    guard length > ConfigLimits.maxPromptBytes else { return }
    report(
      Diagnostic(
        "NX-CFG-120", "the prompt is \(length) bytes long, and a prompt has at most \(ConfigLimits.maxPromptBytes)",
        at: location, help: "put what it quotes into files, which the agent searches and reads"))
  }

  mutating func buildGrants(of spec: inout AgentSpec, _ item: Named) {
    let sandbox = item.fields.field("sandbox")
    if let limits = sandbox?.value?.fields?.fields("limits") { buildCeilings(of: &spec, limits) }
    if case .wasm(let program) = spec.kind {
      buildWasmSandbox(&spec, program, sandbox?.value?.fields)
      checkProbes(of: spec, item)
      return
    }
    refuseModuleLimits(&spec, sandbox?.value?.fields)
    guard case .llm(let llm) = spec.kind else {
      if let sandbox { buildProcessSandbox(&spec, sandbox) }
      checkProbes(of: spec, item)
      return
    }
    guard let fields = sandbox?.value?.fields else {
      if llm.tools.contains(where: ToolCatalogue.files.contains) {
        spec.grants.readPaths = [project.resolved(ToolCatalogue.defaultFolder)]
      }
      checkUse(of: llm, spec, item)
      return
    }
    if let engine = fields.text("engine"), engine != "none", let value = fields.value("engine") {
      restrict(&spec, "engine", at: value.location)
    }
    refuseSandboxLimits(&spec, fields)
    if let field = fields.field("env") {
      report(
        Diagnostic(
          "NX-CFG-213", .warning, "`env` has no effect: an llm agent is no process", at: field.keyLocation,
          help: "remove it"))
    }
    refuseSecrets(fields, "tools of an llm agent get no secrets")
    ignoreLearning(fields, "the tools of an llm agent say what they refuse")
    for value in fields.value("fs")?.list ?? [] { grantFolder(value, to: &spec) }
    for value in fields.value("net")?.list ?? [] { grantHost(value, to: &spec) }
    checkUse(of: llm, spec, item)
  }

  /// Only of programs it is not known without it what they look for.
  mutating func ignoreLearning(_ fields: Fields?, _ why: String) {
    guard let field = fields?.field("learn"), fields?.boolean("learn") == true else { return }
    report(
      Diagnostic(
        "NX-CFG-213", .warning, "`learn` has no effect: \(why)", at: field.keyLocation, help: "remove it"))
  }

  /// Refuses the runs of an agent because of a key that restricts it.
  mutating func restrict(
    _ spec: inout AgentSpec, _ key: String, at location: SourceLocation, help: String? = nil
  ) {
    report(
      Diagnostic(
        "NX-CFG-302", .warning, "`\(key)` restricts, and cannot be enforced yet: the runs it covers are refused",
        at: location,
        help: help ?? "remove it only if `\(spec.name)` may run without it"))
    spec.refuse(PlanRefusal(code: "NX-CFG-302", message: "`\(key)` cannot be enforced yet"))
  }

  /// Reports a grant of the state folder.
  mutating func isState(_ resolved: String, at location: SourceLocation) -> Bool {
    guard resolved == project.state || resolved.hasPrefix(project.state + "/") else { return false }
    report(
      Diagnostic(
        "NX-CFG-215", "`.naos` holds keys and the journal: no agent may read it", at: location, help: "remove it"))
    return true
  }

  private mutating func grantFolder(_ value: Shaped, to spec: inout AgentSpec) {
    let fields = value.fields
    guard let path = value.text ?? fields?.text("path") else { return }
    let location = fields?.value("path")?.location ?? value.location
    let resolved = project.resolved(path)
    if isState(resolved, at: location) { return }
    if let place = fields?.field("as") {
      report(
        Diagnostic(
          "NX-CFG-301", .warning, "`as` has no effect: tools name files by their own paths", at: place.keyLocation,
          help: "remove it"))
    }
    if let mode = fields?.value("mode"), mode.text == "rw" {
      report(
        Diagnostic(
          "NX-CFG-301", .warning, "the file tools only read: the folder is granted read only", at: mode.location,
          help: "write `mode: ro`"))
    }
    if let quota = fields?.field("quota") {
      spec.refuse(PlanRefusal(code: "NX-CFG-302", message: "`\(quota.written)` cannot be enforced yet"))
    }
    if !spec.grants.readPaths.contains(resolved) { spec.grants.readPaths.append(resolved) }
  }

  private mutating func grantHost(_ value: Shaped, to spec: inout AgentSpec) {
    let fields = value.fields
    guard let written = value.text ?? fields?.text("host") else { return }
    let location = fields?.value("host")?.location ?? value.location
    guard let host = HostText(written, allowsPort: fields == nil) else {
      report(
        Diagnostic(
          "NX-CFG-116", "`\(written)` is not a host", at: location,
          help: "write a name or an address without scheme and path, for example example.org"))
      return
    }
    guard grantsGet(fields) else { return }
    refuseGateRules(fields, of: &spec)
    let grant = host.text(port: fields?.integer("port"))
    if !spec.grants.hosts.contains(grant) { spec.grants.hosts.append(grant) }
  }

  /// Whether the methods of a grant leave anything to `http.get`, which has but one.
  private mutating func grantsGet(_ fields: Fields?) -> Bool {
    guard let methods = fields?.value("methods"), let list = methods.list else { return true }
    let others = list.filter { $0.text?.uppercased() != "GET" }
    guard others.count < list.count else {
      report(
        Diagnostic(
          "NX-CFG-213", .warning, "without GET in `methods` the grant has no effect", at: methods.location,
          help: "add GET, or remove the grant"))
      return false
    }
    for method in others {
      report(
        Diagnostic(
          "NX-CFG-301", .warning, "`http.get` can only GET", at: method.location, help: "remove the other methods"))
    }
    return true
  }

  private mutating func checkUse(of llm: LLMSpec, _ spec: AgentSpec, _ item: Named) {
    guard let tools = item.fields.value("tools") else { return }
    if llm.tools.contains("http.get"), spec.grants.hosts.isEmpty {
      report(
        Diagnostic(
          "NX-CFG-213", .warning, "`http.get` reaches nothing: no host is granted", at: tools.location,
          help: "grant hosts: sandbox: {net: [example.org]}"))
    }
    if llm.tools.contains(where: ToolCatalogue.files.contains), spec.grants.readPaths.isEmpty {
      report(
        Diagnostic(
          "NX-CFG-213", .warning, "the file tools see nothing: no folder is granted", at: tools.location,
          help: "grant folders: sandbox: {fs: [{path: docs}]}"))
    }
  }

  /// With `requireSandbox` no process may run in the open.
  mutating func checkSandboxes() {
    guard let required = single("requireSandbox"), case .boolean(true) = required.content else { return }
    for agent in plan.agents {
      guard case .process = agent.kind, let fields = agentFields[agent.name], !fields.has("sandbox"),
        let location = agentLocations[agent.name]
      else { continue }
      report(
        Diagnostic(
          "NX-CFG-212", "`\(agent.name)` has no `sandbox`", at: location,
          notes: [.init("`requireSandbox` is set here", at: required.location)],
          help: "add `sandbox`, or remove `requireSandbox`"))
    }
  }
}

/// A host as a grant names it, perhaps with a port behind it.
struct HostText {
  let host: String
  let port: Int?

  init?(_ text: String, allowsPort: Bool) {
    var host = text.lowercased()
    var port: Int?
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { return nil }
      let rest = host[host.index(after: end)...]
      if !rest.isEmpty {
        guard allowsPort, rest.hasPrefix(":"), let number = Int(rest.dropFirst()), (1...65_535).contains(number) else {
          return nil
        }
        port = number
      }
      host = String(host[host.index(after: host.startIndex)..<end])
      guard host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }), host.contains(":") else { return nil }
    } else if let colon = host.firstIndex(of: ":") {
      guard allowsPort, let number = Int(host[host.index(after: colon)...]), (1...65_535).contains(number) else {
        return nil
      }
      port = number
      host = String(host[..<colon])
    }
    let isName = host.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._:".contains($0)) }
    guard !host.isEmpty, host.count <= 253, isName else { return nil }
    self.host = host
    self.port = port
  }

  func text(port stated: Int?) -> String {
    let name = host.contains(":") ? "[\(host)]" : host
    return (stated ?? port).map { "\(name):\($0)" } ?? name
  }
}
