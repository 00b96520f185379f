// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// One process of a service, from its start to its end.
///
/// An object, for the tasks of a service last as long as it does: whatever they hand from one to the other by value stays
/// in their frames for as long.
final class ServiceLife: Sendable {
  /// An agent, or one instance of it.
  let child: ChildName
  let spec: AgentSpec
  let attempt: AttemptNumber
  let stops = AttemptStops()
  /// A restart that has to wait for its turn.
  let notBefore: Instant?

  init(_ child: ChildName, spec: AgentSpec, attempt: AttemptNumber, notBefore: Instant?) {
    self.child = child
    self.spec = spec
    self.attempt = attempt
    self.notBefore = notBefore
  }

  /// One of several processes of its agent: the board and the desk speak of agents that have one.
  var isInstance: Bool {
    if case .instance = child { true } else { false }
  }
}
