// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// Adds to "no such agent" the name that was probably meant.
enum AgentNames {
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
