// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// What a node is started with.
package struct NodeOptions: Sendable {
  package enum Purpose: Sendable, Hashable {
    /// `naos up`: everything that the configuration says, at its ports.
    case project
    /// A node for the length of one command: free ports, and only the runs that it is asked for.
    case singleRun
  }

  package var plan: ProjectPlan
  /// The project's folder, absolute.
  package var project: String
  package var purpose: Purpose
  /// The environment of the node, of which agents inherit `PATH`, `HOME`, `LANG` and `TZ`.
  package var environment: [EnvironmentVariable]
  /// This program, absolute: what an `llm` agent runs.
  package var executable: String

  package init(
    plan: ProjectPlan, project: String, purpose: Purpose, environment: [EnvironmentVariable], executable: String
  ) {
    self.plan = plan
    self.project = project
    self.purpose = purpose
    self.environment = environment
    self.executable = executable
  }

  package var state: ProjectState { ProjectState(project: project) }

  /// What every agent sees of the node's own environment.
  static let inheritedNames: Set<String> = ["PATH", "HOME", "LANG", "TZ"]

  var inherited: [EnvironmentVariable] { environment.filter { Self.inheritedNames.contains($0.name) } }
}
