// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// One process of a service, from its start to its end.
struct ServiceLife: Sendable {
  let spec: AgentSpec
  let attempt: AttemptNumber
  let stops: AttemptStops
  /// A restart that has to wait for its turn.
  var notBefore: Instant?

  init(spec: AgentSpec, attempt: AttemptNumber, stops: AttemptStops) {
    self.spec = spec
    self.attempt = attempt
    self.stops = stops
  }
}
