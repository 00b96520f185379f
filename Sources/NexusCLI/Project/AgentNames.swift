// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// Adds to "no such agent" the name that was probably meant.
enum AgentNames {
  /// How an agent of that name is made; of what cannot be a name, how those that exist are found.
  static func creation(of name: String) -> String {
    AgentName.canBe(name) ? "Make it with `naos create \(name)`." : "List them with `naos list`."
  }

  /// Refuses a name that nothing in the project has, and that no run of before has either.
  ///
  /// - Throws: `OperationError` with the name that was probably meant.
  static func require(_ name: String, _ operations: any NodeOperations) async throws(OperationError) {
    let names =
      try await operations.listAgents().map(\.name.text) + (try await operations.flows().flows.map(\.name))
    guard !names.contains(name) else { return }
    // What is gone from the configuration keeps its runs.
    let filter = RunFilter(name: name, parent: "any", limit: 1)
    guard try await operations.listRuns(filter).runs.isEmpty else { return }
    throw .unknownAgent(name, suggestion: Suggestion.nearest(to: name, among: names))
  }

  /// Refuses a run that does not exist.
  ///
  /// - Throws: `OperationError` with the run that was probably meant.
  static func require(_ run: RunID, _ operations: any NodeOperations) async throws(OperationError) {
    do throws(OperationError) { _ = try await operations.showRun(run) } catch {
      guard error.kind == .notFound else { throw error }
      let known = try await operations.listRuns(RunFilter(parent: "any", limit: 200)).runs.map(\.id.text)
      guard let nearest = Suggestion.nearest(to: run.text, among: known) else { throw error }
      var better = error
      better.hint = "Did you mean `\(nearest)`?"
      throw better
    }
  }

  /// Does it, and improves the error if the agent is not known.
  static func suggesting<Result>(
    _ name: String, in project: ProjectFolder, _ body: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await body()
    } catch let error as OperationError where error.kind == .notFound {
      let plan = project.load().plan
      let names = (plan?.agents.map(\.name.text) ?? []) + (plan?.flows.map(\.name) ?? [])
      guard !names.contains(name), let nearest = Suggestion.nearest(to: name, among: names) else { throw error }
      var better = error
      better.hint = "Did you mean `\(nearest)`?"
      throw better
    }
  }
}
