// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// What the launcher bridge shares between its thread and whoever launches, under one lock.
struct GuardBridgeState {
  var connection: GuardConnection?
  var generation: UInt64 = 0
  var nextID: UInt64 = 1
  /// Launched or asked for, and not yet ended.
  var spawns: [UInt64: Spawn] = [:]
  /// What the socket could not take yet.
  var outbox: [GuardRequest] = []
  var threadRuns = false
  var isClosing = false
  var isClosed = false
  var closed: [CheckedContinuation<Void, Never>] = []

  /// Sends a request, or keeps it for later where the socket is full.
  ///
  /// - Returns: false if it cannot be sent for the files that go with it. Any other failure means that the guard is gone;
  ///   the bridge's thread reads that from the socket and fails the launch.
  mutating func post(_ request: GuardRequest, to connection: GuardConnection) -> Bool {
    let outcome = outbox.isEmpty ? request.send(to: connection) : EAGAIN
    if outcome == EAGAIN { outbox.append(request) }
    return outcome != ETOOMANYREFS
  }

  /// Sends what was kept, as far as the socket takes it.
  ///
  /// - Returns: launches that cannot be sent for the files that go with them.
  mutating func flush(to connection: GuardConnection) -> [Spawn] {
    var refused: [Spawn] = []
    while let first = outbox.first {
      let outcome = first.send(to: connection)
      if outcome == EAGAIN { break }
      if outcome == ETOOMANYREFS, let spawn = spawns[first.id] { refused.append(spawn) }
      outbox.removeFirst()
    }
    return refused
  }
}
