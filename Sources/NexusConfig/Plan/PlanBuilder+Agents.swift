// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

extension PlanBuilder {
  mutating func buildAgents() {
    for item in named("agents", "agent") {
      let name = AgentName(item.name)
      agentLocations[name] = item.location
      agentFields[name] = item.fields
      agentIndex[name] = plan.agents.count
      var spec = AgentSpec(
        name: name, kind: kind(of: item), mode: item.fields.word("mode", as: AgentMode.self) ?? .task,
        workingDirectory: project.directory)
      buildEnvironment(of: &spec, item.fields)
      buildCare(of: &spec, item.fields)
      buildGrants(of: &spec, item)
      buildHealth(of: &spec, item)
      buildSchemas(of: &spec, item.fields)
      gateUses.append(GateUse(place: .agent(name), names: item.fields.validators()))
      refuseByOwnKeys(&spec, item)
      plan.agents.append(spec)
    }
  }

  /// Keys of the agent itself that restrict and cannot be enforced yet.
  private mutating func refuseByOwnKeys(_ spec: inout AgentSpec, _ item: Named) {
    spec.loops = LoopSpec(
      onLoop: item.fields.word("onLoop", as: OnLoop.self) ?? .pause, maxCalls: item.fields.integer("maxCalls"),
      onSpike: item.fields.word("onSpike", as: OnLoop.self) ?? .alert)
    let sandbox = item.fields.fields("sandbox")
    let inner = [item.fields, item.fields.fields("execution"), sandbox, sandbox?.fields("limits")].compactMap(\.self)
    for fields in inner {
      for name in fields.order {
        guard let field = fields.field(name), field.availability == .laterAndRestricts else { continue }
        spec.refuse(PlanRefusal(code: "NX-CFG-302", message: "`\(field.written)` cannot be enforced yet"))
      }
    }
    if case .wasm = spec.kind { return }
    for key in ["source", "url"] where item.fields.has(key) {
      refuseKind(&spec, key == "url" ? "http" : "script")
    }
    let stated = item.fields.text("kind") ?? item.fields.fields("execution")?.text("type")
    if stated == "wasm" || stated == "http" { refuseKind(&spec, stated ?? "") }
  }

  private func refuseKind(_ spec: inout AgentSpec, _ kind: String) {
    spec.refuse(PlanRefusal(code: "NX-CFG-304", message: "agents of the kind \(kind) are not available yet"))
  }

  // MARK: What it is

  private static let kindKeys = [("command", "process"), ("prompt", "llm"), ("source", "wasm"), ("url", "http")]

  private mutating func kind(of item: Named) -> AgentKind {
    let fields = item.fields
    let given = Self.kindKeys.filter { fields.has($0.0) }
    if given.count > 1, let first = fields.field(given[0].0), let second = fields.field(given[1].0) {
      report(
        Diagnostic(
          "NX-CFG-115", "`\(given[1].0)` and `\(given[0].0)` make two kinds of agent",
          at: max(first.keyLocation, second.keyLocation),
          notes: [.init("the other one is here", at: min(first.keyLocation, second.keyLocation))],
          help: "keep one: a process has a command, an llm agent a prompt"))
    }
    checkStatedKind(fields, inferred: given.first?.1)
    guard let inferred = given.first?.1 else {
      // One of the unknown keys may be the mistyped program.
      if !fields.hasUnknownKeys {
        report(
          Diagnostic(
            "NX-CFG-202", "the agent `\(item.name)` has no program", at: item.location,
            help: "give it a `command` (process), a `source` (wasm) or a `prompt` (llm)"))
      }
      return .process(command: [])
    }
    if inferred == "wasm", let program = module(of: item) { return .wasm(program) }
    if inferred == "wasm" || inferred == "http", let field = fields.field(inferred == "http" ? "url" : "source") {
      report(
        Diagnostic(
          "NX-CFG-304", .warning,
          inferred == "http"
            ? "agents with `\(field.written)` are not available yet: the runs of `\(item.name)` are refused"
            : "scripts as `\(field.written)` are not available yet: the runs of `\(item.name)` are refused",
          at: field.keyLocation,
          help: inferred == "http"
            ? "a `command` runs any program" : "name a `.wasm` module, or write a `command`, which runs any program"))
      return .process(command: [])
    }
    if inferred == "llm" { return .llm(llm(of: item)) }
    for key in ["model", "tools", "maxTurns"] {
      guard let field = fields.field(key) else { continue }
      report(
        Diagnostic(
          "NX-CFG-115", "`\(field.written)` belongs to llm agents, and `\(item.name)` is a process",
          at: field.keyLocation,
          notes: fields.field("command").map { [.init("the command is here", at: $0.keyLocation)] } ?? [],
          help: "a process names its model in its own requests"))
    }
    return .process(command: command(fields))
  }

  private mutating func checkStatedKind(_ fields: Fields, inferred: String?) {
    let value = fields.value("kind") ?? fields.fields("execution")?.value("type")
    guard let value, let stated = value.text, let inferred, stated != inferred else { return }
    report(
      Diagnostic(
        "NX-CFG-115", "the kind is stated as \(stated), but the keys make it \(inferred)", at: value.location,
        help: "remove the statement: the kind is inferred"))
  }

  private mutating func command(_ fields: Fields) -> [String] {
    fields.value("command").map { words(ofCommand: $0) } ?? []
  }

  /// The program and its arguments; empty after a diagnostic.
  mutating func words(ofCommand value: Shaped) -> [String] {
    if let list = value.list {
      let words = list.compactMap(\.text)
      if words.first?.isEmpty ?? true {
        report(Diagnostic("NX-CFG-117", "the command is empty", at: value.location, help: "write the program first"))
      }
      return words
    }
    guard let text = value.text else { return [] }
    do {
      return try CommandText.split(text)
    } catch {
      let (message, help) =
        switch error {
        case .empty: ("the command is empty", "write the program first")
        case .unclosedQuote:
          ("the command has a quote or backslash without its end", "close the quote, or write a list")
        case .shellSyntax(let character):
          (
            "`\(character)` needs a shell, and a command runs without one",
            "put it in quotes, or write [\"sh\", \"-c\", \"…\"]"
          )
        }
      report(Diagnostic("NX-CFG-117", message, at: value.location, help: help))
      return []
    }
  }

  // MARK: Environment

  /// What points an SDK past the gateway.
  static let gatewayVariables: Set<String> = [
    "OPENAI_BASE_URL", "OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "GOOGLE_GEMINI_BASE_URL",
    "GEMINI_API_KEY", "GOOGLE_API_KEY",
  ]

  private mutating func buildEnvironment(of spec: inout AgentSpec, _ fields: Fields) {
    if let path = fields.text("workdir") { spec.workingDirectory = project.resolved(path) }
    spec.template = fields.text("template")
    for entry in fields.value("env")?.entries ?? [] {
      guard case .text(let value, let isExternal) = entry.value.content else { continue }
      if entry.key.hasPrefix("NAOS_") {
        report(
          Diagnostic(
            "NX-CFG-118", "`\(entry.key)` is set by naos itself", at: entry.keyLocation,
            help: "names that begin with NAOS_ are reserved"))
      }
      if Self.gatewayVariables.contains(entry.key) {
        report(
          Diagnostic(
            "NX-CFG-210", .warning,
            "`\(entry.key)` leads the agent past the gateway: no budget and no replay for its calls",
            at: entry.keyLocation, help: "remove it: naos sets it, and `providers` holds the real key"))
      }
      spec.environment.append(EnvironmentVariable(entry.key, value))
      if isExternal { spec.secretVariables.insert(entry.key) }
    }
  }

  // MARK: How it is kept alive

  private mutating func buildCare(of spec: inout AgentSpec, _ fields: Fields) {
    if case .llm = spec.kind, spec.mode == .service, let mode = fields.value("mode") {
      report(
        Diagnostic(
          "NX-CFG-115", "an llm agent is always a task", at: mode.location,
          help: "remove `mode`: each run has its own loop"))
    }
    if let autoStart = fields.boolean("autoStart") { spec.autoStart = autoStart }
    if let restart = fields.word("restart", as: RestartPolicy.self) { spec.restart = restart }
    if let significant = fields.boolean("significant") { spec.isSignificant = significant }
    spec.timeout = fields.duration("timeout")
    if let shutdown = fields.value("shutdown") {
      switch shutdown.content {
      case .duration(let duration): spec.shutdown = .timeout(duration)
      case .text("brutal-kill", _): spec.shutdown = .brutalKill
      case .text("infinity", _): spec.shutdown = .infinity
      default: break
      }
    }
    if let backoff = fields.fields("backoff") {
      var policy = BackoffPolicy()
      if let initial = backoff.duration("initial") { policy.initial = initial }
      if let factor = backoff.factor("factor") { policy.factor = factor }
      policy.max = backoff.duration("max") ?? max(policy.max, policy.initial)
      if let resetAfter = backoff.duration("resetAfter") { policy.resetAfter = resetAfter }
      checkOrder(backoff, policy.initial, policy.max)
      spec.backoff = policy
    }
    if case .integer(let attempts)? = fields.value("retry")?.content { spec.retry.maxAttempts = Int(attempts) }
    if let retry = fields.fields("retry") {
      if let attempts = retry.integer("maxAttempts") { spec.retry.maxAttempts = attempts }
      if let initial = retry.duration("initial") { spec.retry.initial = initial }
      if let factor = retry.factor("factor") { spec.retry.factor = factor }
      spec.retry.max = retry.duration("max") ?? max(spec.retry.max, spec.retry.initial)
      checkOrder(retry, spec.retry.initial, spec.retry.max)
    }
  }

  mutating func checkOrder(_ fields: Fields, _ initial: Duration, _ longest: Duration) {
    guard longest < initial, let value = fields.value("max") else { return }
    report(
      Diagnostic(
        "NX-CFG-115", "the longest wait is shorter than the first one", at: value.location,
        notes: fields.value("initial").map { [.init("the first one is here", at: $0.location)] } ?? [],
        help: "make `max` at least \(DurationText.text(initial))"))
  }
}
