// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusEgress
internal import NexusHTTP
internal import NexusKernel
internal import NexusTools
internal import Synchronization

/// The built-in tools, the skills, and the requests of modules, with the grants of the configuration that holds now.
final class ReloadableTools: ToolPerformer {
  private let tools: Mutex<BuiltInTools>
  private let granted: Mutex<[AgentName: [String]]>
  private let requests = Mutex<HostRequests?>(nil)
  /// The modules that may reach hosts.
  private let reaching: Mutex<[AgentName: HostRequests.Terms]>
  private let skills: SkillTools
  private let client: HTTPClient

  /// Makes the tools of a plan; `project` is its folder, absolute.
  init(plan: ProjectPlan, project: String, client: HTTPClient) {
    self.client = client
    let access = Self.access(of: plan)
    tools = Mutex(BuiltInTools(access: access, client: client))
    granted = Mutex(access.mapValues(\.tools))
    reaching = Mutex(Self.reaching(of: plan))
    skills = SkillTools(project: project)
    skills.reconfigure(plan)
  }

  /// Skills can be called from now on, and requests be made.
  ///
  /// `planeURL` is that of the agent plane.
  func connect(
    _ engine: any SkillEngine, _ watcher: any EgressWatcher, clock: any NexusClock,
    planeURL: @escaping @Sendable () -> String
  ) {
    let sender = HostRequests(client: client, watcher: watcher, clock: clock)
    skills.connect(engine, watcher, sender, PlaneDoor(client: client, url: planeURL))
    requests.withLock { $0 = sender }
  }

  func reconfigure(_ plan: ProjectPlan) {
    let access = Self.access(of: plan)
    let fresh = BuiltInTools(access: access, client: client)
    skills.reconfigure(plan)
    tools.withLock { $0 = fresh }
    granted.withLock { $0 = access.mapValues(\.tools) }
    reaching.withLock { $0 = Self.reaching(of: plan) }
  }

  private static func reaching(of plan: ProjectPlan) -> [AgentName: HostRequests.Terms] {
    var reaching: [AgentName: HostRequests.Terms] = [:]
    for agent in plan.agents {
      guard case .wasm = agent.kind, let sandbox = agent.sandbox, !sandbox.hosts.isEmpty else { continue }
      reaching[agent.name] = HostRequests.Terms(sandbox.hosts, sandbox.egress, secrets: agent.gateSecrets)
    }
    return reaching
  }

  private static func access(of plan: ProjectPlan) -> [AgentName: ToolAccess] {
    var access: [AgentName: ToolAccess] = [:]
    for agent in plan.agents {
      guard case .llm(let llm) = agent.kind else { continue }
      access[agent.name] = ToolAccess(
        readPaths: agent.grants.readPaths, hosts: agent.grants.hosts, tools: llm.tools,
        workingDirectory: agent.workingDirectory)
    }
    return access
  }

  func definitions(for agent: AgentName) -> [ToolDefinition] {
    if reaching.withLock({ $0[agent] }) != nil { return [HostRequests.definition] }
    return tools.withLock { $0 }.definitions(for: agent) + skills.definitions(of: grants(of: agent))
  }

  func perform(
    _ tool: String, arguments: JSONValue, for caller: Caller, of attempt: any ToolAttempt
  ) async -> ToolOutcome {
    if let terms = reaching.withLock({ $0[caller.agent] }), let requests = requests.withLock({ $0 }) {
      return await requests.perform(arguments, for: caller, on: terms)
    }
    if tool.hasPrefix(SkillTools.prefix), grants(of: caller.agent).contains(tool) {
      return await skills.perform(tool, arguments: arguments, for: caller, of: attempt)
    }
    return await tools.withLock { $0 }.perform(tool, arguments: arguments, for: caller.agent)
  }

  func onlyReads(_ tool: String, of agent: AgentName) -> Bool {
    tool.hasPrefix(SkillTools.prefix) ? skills.onlyReads(tool) : tool.hasPrefix("files.") || tool == "http.get"
  }

  private func grants(of agent: AgentName) -> [String] { granted.withLock { $0[agent] ?? [] } }
}
