// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What sandboxes may have at a time, and how long their connections may take.
package struct EgressLimits: Sendable {
  /// Connections of one sandbox to hosts at a time; more are closed at once.
  package var connections = 128
  /// Those of all sandboxes; one may have no more of them than are free.
  package var allConnections = 4096
  /// Names of one sandbox that are looked up at a time; others wait for their turn.
  package var lookups = 4
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
  /// Threads that wait for the resolver, for all sandboxes; one may have no more of them than are free.
  package var resolverThreads = 16

  package init() {}

  /// Takes no more than its part of so many open files: each connection is two, and a quarter is for all of them.
  package mutating func fit(openFiles: Int) { allConnections = min(allConnections, max(1, openFiles / 8)) }
}
