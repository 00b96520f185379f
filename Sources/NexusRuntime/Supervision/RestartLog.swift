// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusStore

/// Restarts that are still to be written down.
struct RestartLog {
  /// How many wait while the disk takes nothing; the oldest go first, for they leave the windows first.
  static let maxWaiting = 4_096
  /// How many go into one commit.
  static let maxCommit = 256

  private var rows: [RestartRow] = []
  /// Somebody is writing, and will take what is added meanwhile.
  var isWriting = false

  var needsWriter: Bool { !isWriting && !rows.isEmpty }

  mutating func add(_ row: RestartRow) {
    if rows.count == Self.maxWaiting { rows.removeFirst() }
    rows.append(row)
  }

  /// The next rows to write, the oldest first; nil if there are none.
  mutating func take() -> [RestartRow]? {
    guard !rows.isEmpty else { return nil }
    defer { rows.removeFirst(min(Self.maxCommit, rows.count)) }
    return Array(rows.prefix(Self.maxCommit))
  }
}
