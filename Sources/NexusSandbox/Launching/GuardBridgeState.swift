// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

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
}
