// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// Reads the configuration again.
enum PlanReload {
  /// The plan of the files as they are now.
  ///
  /// - Throws: `OperationError` with everything that is wrong in them; the old plan goes on holding.
  static func checked(_ options: NodeOptions) throws(OperationError) -> ProjectPlan {
    let result = read(options)
    if let plan = result.plan { return plan }
    let text = DiagnosticRenderer(files: result.files).render(result.diagnostics.filter { $0.severity == .error })
    throw OperationError(
      .configuration, code: result.diagnostics.first { $0.severity == .error }?.code ?? "NX-CFG-002",
      title: "The configuration has errors; the node goes on with the one of before", detail: text,
      hint: "naos config validate")
  }

  private static func read(_ options: NodeOptions) -> ConfigLoadResult {
    var environment: [String: String] = [:]
    for variable in options.environment { environment[variable.name] = variable.value }
    return ConfigLoader.load(
      projectDirectory: options.project, environment: environment,
      isCheaper: PriceComparisons.comparison(in: options.project))
  }

  /// The plan of the files as they are now; nil if they have errors, in which case the old plan goes on holding.
  static func load(_ options: NodeOptions) -> ProjectPlan? {
    read(options).plan
  }
}
