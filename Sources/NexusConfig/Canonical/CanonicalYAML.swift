// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// The canonical form of a plan: plural keys, every default and price written out, secrets redacted.
///
/// It loads again as an equal plan, except for redacted values and refusals, which stand in it as comments.
package func canonicalYAML(_ plan: ProjectPlan) -> String {
  CanonicalYAML(plan: plan).document.document()
}

/// What stands for a value that must not be shown.
package let redactedText = Redaction.replacement

struct CanonicalYAML {
  let plan: ProjectPlan

  var document: YAMLText {
    var members: [(String, YAMLText)] = [("name", .text(plan.name))]
    func add(_ key: String, _ entries: [(String, YAMLText)]) {
      if !entries.isEmpty { members.append((key, .map(entries))) }
    }
    let local = plan.localScript.map { ("local", YAMLText.map([("script", YAMLText(data: $0))])) }
    add("providers", plan.providers.map { ($0.name, provider($0)) } + (local.map { [$0] } ?? []))
    add("models", plan.models.map { ($0.alias, model($0)) })
    add("agents", plan.agents.map { ($0.name.text, agent($0)) })
    add("supervisors", plan.supervisors.map { ($0.name.text, supervisor($0)) })
    for (kind, plural) in [(RunKind.workflow, "workflows"), (.saga, "sagas")] {
      add(plural, plan.flows.filter { $0.kind == kind }.map { ($0.name, flow($0)) })
    }
    add(
      "pools",
      plan.flows.filter(\.isFanOut).map { ($0.name, pool($0)) }
        + plan.queuePools.map { ($0.name.text, queue($0)) })
    add("validators", plan.validators.map { ($0.gate.name, validator($0)) })
    add("approvals", plan.approvals.map { ($0.name, approval($0)) })
    add("webhooks", plan.webhooks.map { ($0.name, webhook($0)) })
    if let spec = plan.governance { members.append(("governance", governance(spec))) }
    add("schedules", plan.schedules.map { ($0.name.text, schedule($0)) })
    members.append(("cost", cost))
    var server: [(String, YAMLText)] = [
      ("host", .text(plan.server.host)), ("port", .plain(String(plan.server.port))),
    ]
    if let agentPort = plan.server.agentPort { server.append(("agentPort", .plain(String(agentPort)))) }
    members.append(("server", .map(server)))
    let kept = [("completed", plan.retention.completed), ("failed", plan.retention.failed)]
    let retention = kept.compactMap { key, length in length.map { (key, YAMLText.plain(DurationText.text($0))) } }
    members.append(
      (
        "store",
        retention.isEmpty ? .plain("sqlite") : .map([("url", .plain("sqlite")), ("retention", .map(retention))])
      ))
    members.append(("durability", .plain(plan.durability.rawValue)))
    members.append(("audit", audit))
    return .map(members)
  }

  private var audit: YAMLText {
    var members: [(String, YAMLText)] = []
    if let anchor = plan.audit.anchor { members.append(("anchor", .text(anchor))) }
    members.append(("every", .plain(DurationText.text(plan.audit.every))))
    if let retention = plan.audit.retention { members.append(("retention", .plain(DurationText.text(retention)))) }
    members.append(("announce", .plain("\(plan.audit.announces)")))
    return .map(members)
  }

  private func provider(_ spec: ProviderSpec) -> YAMLText {
    var members: [(String, YAMLText)] = [
      ("dialect", .plain(spec.dialect.rawValue)), ("baseURL", .text(spec.baseURL)),
    ]
    if let secret = spec.secret {
      members.append(("apiKey", .text(PlanBuilder.secretPrefix + secret)))
    } else if spec.apiKey != nil {
      members.append(("apiKey", .text(redactedText)))
    }
    if !spec.headers.isEmpty {
      members.append(("headers", .map(spec.headers.map { ($0.name, .text(redactedText)) })))
    }
    if let name = spec.keyHeader { members.append(("keyHeader", .text(name))) }
    if !spec.query.isEmpty {
      let query = spec.query.map { member in
        (member.name, YAMLText.text(member.name == ProviderSpec.apiVersion ? member.value : redactedText))
      }
      members.append(("query", .map(query)))
    }
    return .map(members)
  }

  private func agent(_ spec: AgentSpec) -> YAMLText {
    var members: [(String, YAMLText)] = []
    switch spec.kind {
    case .process(let command) where command.isEmpty: members.append(("source", .text("unavailable")))
    case .process(let command):
      members.append(("command", .list(command.map(YAMLText.text))))
      if let sandbox = processSandbox(spec) { members.append(("sandbox", sandbox)) }
    case .wasm(let program):
      members.append(("source", .text(program.source)))
      members.append(("sandbox", wasmSandbox(spec, program)))
    case .llm(let llm):
      members.append(("prompt", .text(llm.prompt)))
      members.append(("model", .text(llm.model)))
      members.append(("tools", .list(llm.tools.map(YAMLText.text))))
      members.append(("maxTurns", .plain(String(llm.maxTurns))))
      let folders = spec.grants.readPaths.map { YAMLText.map([("path", .text($0)), ("mode", .plain("ro"))]) }
      var sandbox: [(String, YAMLText)] = [
        ("fs", .list(folders)), ("net", .list(spec.grants.hosts.map(YAMLText.text))),
      ]
      if !spec.ceilings.isEmpty { sandbox.append(("limits", limits(spec.ceilings))) }
      members.append(("sandbox", .map(sandbox)))
    }
    if let template = spec.template { members.append(("template", .text(template))) }
    members.append(("mode", .plain(spec.mode.rawValue)))
    if !spec.environment.isEmpty {
      let variables = spec.environment.map { variable -> (String, YAMLText) in
        (variable.name, .text(spec.secretVariables.contains(variable.name) ? redactedText : variable.value))
      }
      members.append(("env", .map(variables)))
    }
    members.append(("workdir", .text(spec.workingDirectory)))
    if let schema = spec.inputSchema { members.append(("input", YAMLText(data: schema))) }
    if let schema = spec.outputSchema { members.append(("output", YAMLText(data: schema))) }
    if spec.loops.onSpike != .alert { members.append(("onSpike", .plain(spec.loops.onSpike.rawValue))) }
    if spec.loops.onLoop != .pause { members.append(("onLoop", .plain(spec.loops.onLoop.rawValue))) }
    if let calls = spec.loops.maxCalls { members.append(("maxCalls", .plain(String(calls)))) }
    members += care(spec)
    return commented(members, spec.refusals)
  }

  func commented(_ members: [(String, YAMLText)], _ refusals: [PlanRefusal]) -> YAMLText {
    let comments = refusals.map { "refused: \($0.code): \($0.message)" }
    return comments.isEmpty ? .map(members) : .commented(comments, .map(members))
  }

  private func processSandbox(_ spec: AgentSpec) -> YAMLText? {
    guard let sandbox = spec.sandbox else {
      if spec.ceilings.isEmpty { return nil }
      return YAMLText.map([("engine", .plain("none")), ("limits", limits(spec.ceilings))])
    }
    var members: [(String, YAMLText)] = [
      ("engine", .plain("process")), ("fs", folders(sandbox)), ("net", .list(sandbox.hosts.map(host))),
      ("limits", limits(spec.ceilings, sandbox)),
    ]
    if sandbox.learns { members.append(("learn", .plain("true"))) }
    if sandbox.hosts.contains(where: { !$0.secrets.isEmpty }) { members.append(("secrets", secrets(sandbox))) }
    return YAMLText.map(members)
  }

  private func folders(_ sandbox: SandboxSpec) -> YAMLText {
    .list(
      sandbox.folders.map { folder in
        YAMLText.map([
          ("path", .text(folder.path)), ("as", .text(folder.place)), ("mode", .plain(folder.isWritable ? "rw" : "ro")),
        ])
      })
  }

  private func wasmSandbox(_ spec: AgentSpec, _ program: WasmProgram) -> YAMLText {
    let sandbox = spec.sandbox ?? SandboxSpec()
    var own: [(String, YAMLText)] = [
      ("memory", .plain(String(program.memoryBytes))), ("stack", .plain(String(program.stackBytes))),
      ("output", .plain(String(program.outputBytes))),
    ]
    if let calls = program.hostCalls { own.append(("hostCalls", .plain(String(calls)))) }
    if let wall = program.wallTime { own.append(("wall", .plain(DurationText.text(wall)))) }
    var members: [(String, YAMLText)] = [
      ("engine", .plain("wasm")), ("fs", folders(sandbox)), ("net", .list(sandbox.hosts.map(host))),
      ("limits", limits(spec.ceilings, sandbox, own)),
    ]
    if sandbox.hosts.contains(where: { !$0.secrets.isEmpty }) { members.append(("secrets", secrets(sandbox))) }
    return YAMLText.map(members)
  }

  private func limits(
    _ ceilings: ProcessCeilings, _ sandbox: SandboxSpec? = nil, _ own: [(String, YAMLText)] = []
  ) -> YAMLText {
    var members = own
    if let bytes = ceilings.memoryBytes { members.append(("memory", .plain(String(bytes)))) }
    if let cores = ceilings.milliCores { members.append(("cpu", .plain(Self.number(Double(cores) / 1000)))) }
    if let time = ceilings.cpuTime { members.append(("cpu", .plain(DurationText.text(time)))) }
    if let processes = ceilings.processes { members.append(("pids", .plain(String(processes)))) }
    if let sandbox {
      members.append(("disk", .plain(String(sandbox.temporaryBytes))))
      if let files = sandbox.openFiles { members.append(("files", .plain(String(files)))) }
      if let bytes = sandbox.egress.bytes { members.append(("netBytes", .plain(String(bytes)))) }
      if let requests = sandbox.egress.requests { members.append(("requests", .plain(String(requests)))) }
    }
    return .map(members)
  }

  private func host(_ grant: HostGrant) -> YAMLText {
    var members: [(String, YAMLText)] = [
      ("host", .text(grant.host)), ("port", .plain(String(grant.port))), ("protocol", .plain(grant.language.rawValue)),
    ]
    func add(_ key: String, _ texts: [String]) {
      if !texts.isEmpty { members.append((key, .list(texts.map(YAMLText.text)))) }
    }
    add("addresses", grant.ranges.map(\.description))
    add("resolve", grant.addresses.map(\.description))
    add("methods", grant.methods)
    add("paths", grant.paths)
    if grant.isTerminated { members.append(("tls", .plain("terminate"))) }
    if let authority = grant.authority { members.append(("ca", .text(authority.path))) }
    return .map(members)
  }

  private func secrets(_ sandbox: SandboxSpec) -> YAMLText {
    .list(
      sandbox.hosts.flatMap { grant in
        grant.secrets.map { secret in
          YAMLText.map([
            ("name", .text(secret.name)), ("host", .text(grant.host)), ("port", .plain(String(grant.port))),
            ("inject", .text("header:" + secret.header)), ("prefix", .text(secret.prefix)),
          ])
        }
      })
  }

  private func care(_ spec: AgentSpec) -> [(String, YAMLText)] {
    var members: [(String, YAMLText)] = [
      ("autoStart", .plain(spec.autoStart ? "true" : "false")), ("restart", .plain(spec.restart.rawValue)),
    ]
    switch spec.shutdown {
    case .timeout(let duration): members.append(("shutdown", .plain(DurationText.text(duration))))
    case .brutalKill: members.append(("shutdown", .plain("brutal-kill")))
    case .infinity: members.append(("shutdown", .plain("infinity")))
    }
    if spec.isSignificant { members.append(("significant", .plain("true"))) }
    if let backoff = spec.backoff {
      members.append(
        (
          "backoff",
          .map([
            ("initial", .plain(DurationText.text(backoff.initial))), ("factor", .plain(Self.number(backoff.factor))),
            ("max", .plain(DurationText.text(backoff.max))),
            ("resetAfter", .plain(DurationText.text(backoff.resetAfter))),
          ])
        ))
    }
    members.append(
      (
        "retry",
        .map([
          ("maxAttempts", .plain(String(spec.retry.maxAttempts))),
          ("initial", .plain(DurationText.text(spec.retry.initial))),
          ("factor", .plain(Self.number(spec.retry.factor))), ("max", .plain(DurationText.text(spec.retry.max))),
        ])
      ))
    if let timeout = spec.timeout { members.append(("timeout", .plain(DurationText.text(timeout)))) }
    return members + health(spec)
  }

  /// Factors and cores are between 0.01 and 1000, where the description of a double has no exponent.
  static func number(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private func supervisor(_ spec: SupervisorSpec) -> YAMLText {
    let flags = spec.flags
    var members: [(String, YAMLText)] = [
      ("strategy", .plain(flags.strategy.rawValue)), ("maxRestarts", .plain(String(flags.intensity.maxRestarts))),
      ("withinSeconds", .plain(DurationText.text(flags.intensity.within))),
      ("onMaxRestarts", .plain(flags.overIntensity.rawValue)), ("autoShutdown", .plain(flags.autoShutdown.rawValue)),
    ]
    if let restart = spec.restart { members.append(("restart", .plain(restart.rawValue))) }
    if spec.isSignificant { members.append(("significant", .plain("true"))) }
    members.append(("children", .list(spec.children.map { .text($0.description) })))
    return .map(members)
  }

  private var cost: YAMLText {
    var members: [(String, YAMLText)] = [("mode", .plain(plan.costMode.rawValue))]
    if plan.holds != .escrow { members.append(("holds", .plain(plan.holds.rawValue))) }
    if !plan.alerts.isNone { members.append(("alerts", alerts)) }
    var order: [BudgetScope] = []
    var groups: [BudgetScope: [BudgetSpec]] = [:]
    // Those of flows stand with their flows.
    for budget in plan.budgets where !budget.scope.isOfFlow {
      if groups[budget.scope] == nil { order.append(budget.scope) }
      groups[budget.scope, default: []].append(budget)
    }
    if !order.isEmpty {
      let budgets = order.map { scope -> (String, YAMLText) in
        let name =
          switch scope {
          case .agent(let name): name.text
          case .supervisor(let name): name.text
          case .workflow(let name), .saga(let name), .pool(let name): name
          case .step(let flow, let step): "\(flow)/\(step)"
          case .global: "global"
          }
        return (name, .list((groups[scope] ?? []).map(budget)))
      }
      members.append(("budgets", .map(budgets)))
    }
    if !plan.prices.isEmpty { members.append(("models", .map(plan.prices.map { ($0.model, price($0)) }))) }
    return .map(members)
  }

  private func model(_ alias: ModelAlias) -> YAMLText {
    guard alias.retries != nil || !alias.fallback.isEmpty else { return .text(alias.use) }
    var members: [(String, YAMLText)] = [("use", .text(alias.use))]
    if !alias.fallback.isEmpty { members.append(("fallback", .list(alias.fallback.map(YAMLText.text)))) }
    if let retries = alias.retries { members.append(("retries", .plain(String(retries)))) }
    return .map(members)
  }

  private var alerts: YAMLText {
    var members: [(String, YAMLText)] = []
    if !plan.alerts.at.isEmpty { members.append(("at", .list(plan.alerts.at.map { .plain(String($0)) }))) }
    if let horizon = plan.alerts.forecast { members.append(("forecast", .plain(DurationText.text(horizon)))) }
    return .map(members)
  }

  /// The budgets of a flow or of a step.
  func cost(of scope: BudgetScope?) -> [(String, YAMLText)] {
    let budgets = plan.budgets.filter { $0.scope == scope }
    return budgets.isEmpty ? [] : [("cost", .list(budgets.map(budget)))]
  }

  private func budget(_ spec: BudgetSpec) -> YAMLText {
    var members: [(String, YAMLText)] = []
    if let tokens = spec.maxTokens { members.append(("maxTokens", .plain(String(tokens.value)))) }
    if let cost = spec.maxCost { members.append(("maxDollars", .plain(MoneyText.text(cost)))) }
    if let requests = spec.maxRequests { members.append(("maxRequests", .plain(String(requests)))) }
    members.append(("per", .plain(spec.window.rawValue)))
    if let zone = spec.zone { members.append(("timezone", .text(zone.name))) }
    members.append(("onLimit", .plain(spec.onLimit.rawValue)))
    if let downgrade = spec.downgrade {
      let models = downgrade.models.sorted { $0.key < $1.key }.map { ($0.key, YAMLText.text($0.value)) }
      members.append(("downgrade", .map([("at", .plain(String(downgrade.at))), ("models", .map(models))])))
    }
    if !spec.alertAt.isEmpty { members.append(("alertAt", .list(spec.alertAt.map { .plain(String($0)) }))) }
    return .map(members)
  }

  private func price(_ spec: PriceSpec) -> YAMLText {
    var members: [(String, YAMLText)] = [
      ("inputPer1M", .plain(MoneyText.text(spec.input))), ("outputPer1M", .plain(MoneyText.text(spec.output))),
    ]
    if let price = spec.cacheRead { members.append(("cacheReadPer1M", .plain(MoneyText.text(price)))) }
    if let price = spec.cacheWrite { members.append(("cacheWritePer1M", .plain(MoneyText.text(price)))) }
    members.append(("perRequest", .plain(MoneyText.text(spec.perRequest))))
    return .map(members)
  }
}
