// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusHTTP
internal import NexusKernel
internal import NexusTools
internal import Synchronization

/// The built-in tools with the grants of the configuration that holds now.
final class ReloadableTools: ToolPerformer {
  private let tools: Mutex<BuiltInTools>
  private let client: HTTPClient

  init(plan: ProjectPlan, client: HTTPClient) {
    self.client = client
    tools = Mutex(BuiltInTools(access: Self.access(of: plan), client: client))
  }

  func reconfigure(_ plan: ProjectPlan) {
    let fresh = BuiltInTools(access: Self.access(of: plan), client: client)
    tools.withLock { $0 = fresh }
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

  func definitions(for agent: AgentName) -> [ToolDefinition] { tools.withLock { $0 }.definitions(for: agent) }

  func perform(_ tool: String, arguments: JSONValue, for agent: AgentName) async -> ToolOutcome {
    await tools.withLock { $0 }.perform(tool, arguments: arguments, for: agent)
  }
}
