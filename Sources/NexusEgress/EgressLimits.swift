// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What sandboxes may have at a time, and how long their connections may take.
package struct EgressLimits: Sendable {
  /// Connections of one sandbox to hosts at a time; more are closed at once.
  package var connections = 128
  /// Those of all agents: `ConnectionPlaces` says how many one may have.
  package var allConnections = 4096
  /// Names of one agent that are looked up at a time, in all its sandboxes; others wait for their turn.
  package var lookups = 4
  /// From a connection to the end of its first request's head, or of its greeting.
  package var greeting = Duration.seconds(10)
  /// For a connection to one address of the host.
  package var connecting = Duration.seconds(10)
  /// How many addresses of a host are tried.
  package var addresses = 3
  /// Without a byte in either direction.
  package var idle = Duration.seconds(900)
  /// How long a body is held back whose host is asked first whether it wants it (`Expect`).
  package var expecting = Duration.seconds(1)
  /// How long the rest of a body is read and thrown away whose request is answered already.
  package var draining = Duration.seconds(10)
  /// How long whoever was refused may take to read why.
  package var farewell = Duration.seconds(1)
  /// Questions about names: so many at once, and then so many in a second.
  package var questionBurst = 500
  package var questionsPerSecond = 100
  /// Threads that wait for the resolver, for all agents: `LookupPlaces` says how many one may have.
  package var resolverThreads = 16

  package init() {}

  /// Takes no more than its part of so many open files: each connection is two, and a quarter is for all of them.
  package mutating func fit(openFiles: Int) { allConnections = min(allConnections, max(1, openFiles / 8)) }
}
