// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusConfig
internal import NexusCore
internal import NexusKernel

/// Reads the configuration again.
enum PlanReload {
  /// The plan of the files as they are now; nil if they have errors, in which case the old plan goes on holding.
  static func load(_ options: NodeOptions) -> ProjectPlan? {
    var environment: [String: String] = [:]
    for variable in options.environment { environment[variable.name] = variable.value }
    return ConfigLoader.load(projectDirectory: options.project, environment: environment).plan
  }
}
