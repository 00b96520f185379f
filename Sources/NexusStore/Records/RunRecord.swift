// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// A run as lists and recovery see it.
package struct RunRecord: Sendable, Hashable {
  package var id: RunID
  package var kind: RunKind
  package var name: String
  package var definition: DefinitionHash
  package var input: JSONValue
  package var idempotencyKey: String?
  package var createdAt: WallTime
  package var fence: FencingToken
  package var head: JournalSequence
  package var summary: RunSummary
  /// The run whose step began this one; nil for one that was asked for by itself.
  package var parent: RunID?

  package init(
    id: RunID, kind: RunKind, name: String, definition: DefinitionHash, input: JSONValue, idempotencyKey: String?,
    createdAt: WallTime, fence: FencingToken, head: JournalSequence, summary: RunSummary, parent: RunID? = nil
  ) {
    self.id = id
    self.kind = kind
    self.name = name
    self.definition = definition
    self.input = input
    self.idempotencyKey = idempotencyKey
    self.createdAt = createdAt
    self.fence = fence
    self.head = head
    self.summary = summary
    self.parent = parent
  }
}

/// The part of a run's row that changes with its journal; the journal is the truth, this is its projection.
package struct RunSummary: Sendable, Hashable {
  package var status: RunStatus
  package var pauseReason: PauseReason?
  package var output: JSONValue?
  package var error: RunError?
  package var attempts: Int
  package var tokens: TokenCount
  package var cost: NanoUSD
  package var updatedAt: WallTime
  package var endedAt: WallTime?

  package init(status: RunStatus, updatedAt: WallTime) {
    self.status = status
    self.updatedAt = updatedAt
    pauseReason = nil
    output = nil
    error = nil
    attempts = 0
    tokens = .zero
    cost = .zero
    endedAt = nil
  }

  /// The run may be removed: it is final, or a part of it is gone already.
  ///
  /// One that is halted for a doubt waits for a person.
  package var isOver: Bool { status.isFinal || (status == .halted && error?.code == RunError.pruned.code) }
}
