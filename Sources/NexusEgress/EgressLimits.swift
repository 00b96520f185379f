// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What one sandbox may have at a time, and how long its connections may take.
package struct EgressLimits: Sendable {
  /// Connections to hosts at a time; more are closed at once.
  package var connections = 128
  /// From a connection to the end of its first request's head, or of its greeting.
  package var greeting = Duration.seconds(10)
  /// For a connection to one address of the host.
  package var connecting = Duration.seconds(10)
  /// How many addresses of a host are tried.
  package var addresses = 3
  /// Without a byte in either direction.
  package var idle = Duration.seconds(900)
  /// How long whoever was refused may take to read why.
  package var farewell = Duration.seconds(1)
  /// Questions about names: so many at once, and then so many in a second.
  package var questionBurst = 500
  package var questionsPerSecond = 100
  /// Threads that wait for the resolver, for all sandboxes.
  package var resolverThreads = 4

  package init() {}
}
