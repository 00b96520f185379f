// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusConfig
internal import NexusCore
internal import NexusEgress
internal import NexusKernel
internal import NexusSkills
internal import Synchronization

/// The skills of a project, as tools of its agents.
final class SkillTools: Sendable {
  static let prefix = "skills."

  private struct State {
    var engine: (any SkillEngine)?
    var watcher: (any EgressWatcher)?
    var requests: HostRequests?
    var plane: PlaneDoor?
    /// What skills were not let do, for each run that called them.
    var denials = DenialCounts()
    var skills: [String: SkillFolder] = [:]
    /// Made at the first call of each.
    var callers: [String: SkillCaller] = [:]
  }

  private let project: String
  private let state = Mutex(State())

  /// - Parameter project: its folder, absolute.
  init(project: String) { self.project = project }

  /// From now on calls can be made; `watcher` is told what skills were not let do, `requests` sends what they ask hosts
  /// for, and `plane` leads to models and state.
  func connect(_ engine: any SkillEngine, _ watcher: any EgressWatcher, _ requests: HostRequests, _ plane: PlaneDoor) {
    state.withLock {
      $0.engine = engine
      $0.watcher = watcher
      $0.requests = requests
      $0.plane = plane
    }
  }

  /// Whether a call of it can be made again.
  func onlyReads(_ tool: String) -> Bool { state.withLock { $0.skills[tool]?.manifest.onlyReads ?? false } }

  /// Reads the manifests of the skills that agents of the plan have as tools.
  func reconfigure(_ plan: ProjectPlan) {
    var skills: [String: SkillFolder] = [:]
    for agent in plan.agents {
      guard case .llm(let llm) = agent.kind else { continue }
      for tool in llm.tools where tool.hasPrefix(Self.prefix) && skills[tool] == nil {
        let shown = "\(SkillManifest.folder)/\(tool.dropFirst(Self.prefix.count))"
        let folder = "\(project)/\(shown)"
        skills[tool] = SkillReading(folder: folder, shownAs: shown).manifest.map {
          SkillFolder(path: folder, manifest: $0)
        }
      }
    }
    state.withLock {
      $0.skills = skills
      $0.callers = [:]
    }
  }

  /// Those of the tools that are skills, as a model is told of them.
  func definitions(of tools: [String]) -> [ToolDefinition] {
    let skills = state.withLock { $0.skills }
    return tools.compactMap { tool in
      skills[tool].map {
        ToolDefinition(name: tool, description: $0.manifest.description, parameters: $0.manifest.input)
      }
    }
  }

  func perform(
    _ tool: String, arguments: JSONValue, for caller: Caller, of attempt: any ToolAttempt
  ) async -> ToolOutcome {
    do throws(SkillProblem) {
      let skill = try self.caller(of: tool)
      let manifest = skill.skill.manifest
      let plane = plane(of: manifest, attempt)
      defer { plane?.close() }
      var host = SkillHost(requests: requests(of: manifest, as: tool, for: caller))
      if let plane, !manifest.models.isEmpty {
        host.models = CallModels(plane, manifest.models, atMost: manifest.limits.modelCalls) {
          self.note($0, of: tool, for: caller)
        }
      }
      if let plane, manifest.hasState { host.state = CallState(plane, below: "skills/\(manifest.name)/") }
      switch await skill.call(arguments, host: host, denied: { self.note($0, of: tool, for: caller) }) {
      case .output(let value): return ToolOutcome(succeeded: true, content: value)
      case .refused(let code, let message), .broken(let code, let message): return Self.failure(code, message)
      }
    } catch {
      return Self.failure(error.code, error.message)
    }
  }

  /// Nil for a skill without hosts.
  private func requests(of manifest: SkillManifest, as tool: String, for caller: Caller) -> (any SkillRequests)? {
    guard !manifest.hosts.isEmpty, let requests = state.withLock({ $0.requests }) else { return nil }
    let terms = HostRequests.Terms(ofSkill: tool, manifest.hosts, manifest.limits.egress, RequestMeter())
    return CallRequests(requests: requests, terms: terms, caller: caller)
  }

  /// Nil for a skill that asks nothing of it.
  private func plane(of manifest: SkillManifest, _ attempt: any ToolAttempt) -> CallPlane? {
    guard manifest.hasState || !manifest.models.isEmpty else { return nil }
    return state.withLock { $0.plane }.map { CallPlane(door: $0, attempt: attempt) }
  }

  private func note(_ denial: ProgramDenial, of tool: String, for caller: Caller) {
    let (watcher, events) = state.withLock {
      ($0.watcher, $0.denials.note(denial.rule, "\(tool): \(denial.target)", of: caller))
    }
    for event in events { watcher?.denied(event) }
  }

  private func caller(of tool: String) throws(SkillProblem) -> SkillCaller {
    let (engine, skill, caller) = state.withLock { ($0.engine, $0.skills[tool], $0.callers[tool]) }
    if let caller { return caller }
    guard let skill else { throw SkillProblem("NX-SKL-002", "there is no skill for '\(tool)'") }
    guard let engine else { throw SkillProblem("NX-SKL-009", "the node is still starting; ask again") }
    let fresh = try SkillCaller(skill, engine: engine, tenant: project)
    state.withLock { if $0.skills[tool] == skill { $0.callers[tool] = fresh } }
    return fresh
  }

  private static func failure(_ code: String, _ message: String) -> ToolOutcome {
    ToolOutcome(succeeded: false, content: ["error": .string(message), "code": .string(code)])
  }
}

/// The requests of one call of a skill, in the name of the run that made it.
private struct CallRequests: SkillRequests {
  let requests: HostRequests
  let terms: HostRequests.Terms
  let caller: Caller

  func send(_ arguments: JSONValue, within time: Duration) async -> ToolOutcome {
    await requests.perform(arguments, for: caller, on: terms, within: time)
  }
}
