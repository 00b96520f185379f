// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// One process of a service, from its start to its end.
struct ServiceLife: Sendable {
  /// An agent, or one instance of it.
  let child: ChildName
  let spec: AgentSpec
  let attempt: AttemptNumber
  let stops: AttemptStops
  /// A restart that has to wait for its turn.
  var notBefore: Instant?

  init(_ child: ChildName, spec: AgentSpec, attempt: AttemptNumber, stops: AttemptStops) {
    self.child = child
    self.spec = spec
    self.attempt = attempt
    self.stops = stops
  }

  /// One of several processes of its agent: the board and the desk speak of agents that have one.
  var isInstance: Bool {
    if case .instance = child { true } else { false }
  }
}
