// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// What the agent plane is told by the project.
package struct GatewayConfiguration: Sendable {
  package var host = "127.0.0.1"
  /// 0 stands for any free port.
  package var port = 0
  package var providers: [ProviderSpec]
  package var aliases: [ModelAlias]
  package var limits = GatewayLimits()
  /// How many event loops serve agents; 0 stands for one a core.
  package var threads = 0
  /// What `local/scripted` plays: a list of rules; nil for nothing.
  package var localScript: JSONValue?
  /// PEM file with the roots that upstream certificates are checked against; nil stands for the system's.
  package var trustRoots: String?

  package init(providers: [ProviderSpec] = [], aliases: [ModelAlias] = []) {
    self.providers = providers
    self.aliases = aliases
  }

  /// The plan's own choice of host, port, providers, aliases and script.
  package init(plan: ProjectPlan) {
    self.init(providers: plan.providers, aliases: plan.models)
    host = plan.server.host
    localScript = plan.localScript
    port = plan.server.agentPort ?? (plan.server.port == 0 ? 0 : plan.server.port + 1)
  }
}
