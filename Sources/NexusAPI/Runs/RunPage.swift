// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Which runs a list is about.
package struct RunFilter: Sendable, Hashable {
  /// The most rows of one page.
  package static let maxLimit = 1000

  package var name: String?
  /// Statuses as contracts name them; empty for all.
  package var statuses: [String]
  /// `agent`, `workflow`, `saga`, `pool`; empty for all.
  package var kinds: [String]
  /// Why paused runs are paused; empty for all runs.
  package var reasons: [String]
  /// The run that started them; `any` for runs of every level, nil for those that no run started.
  package var parent: String?
  package var limit: Int
  /// The `next` of the page before.
  package var cursor: String?

  package init(
    name: String? = nil, statuses: [String] = [], kinds: [String] = [], reasons: [String] = [], parent: String? = nil,
    limit: Int = 50, cursor: String? = nil
  ) {
    self.name = name
    self.statuses = statuses
    self.kinds = kinds
    self.reasons = reasons
    self.parent = parent
    self.limit = min(max(limit, 1), Self.maxLimit)
    self.cursor = cursor
  }

  /// - Throws: `OperationError`: the cursor is nothing that a page gave.
  package func check() throws(OperationError) {
    guard let cursor else { return }
    let digits = cursor.utf8.dropFirst(4)
    let isID = cursor.hasPrefix("run_") && digits.count == 26 && digits.allSatisfy(Crockford.contains)
    guard isID else { throw .misunderstood("The cursor is not the `next` of a page of runs.") }
  }
}

/// One line of `naos runs list`.
package struct RunRow: Sendable, Hashable {
  package var id: RunID
  package var kind: String
  package var name: String
  package var status: String
  package var attempts: Int
  package var tokens: TokenCount
  package var cost: NanoUSD
  package var createdAt: WallTime
  package var updatedAt: WallTime
  package var endedAt: WallTime?
  package var error: RunFailure?
  package var pauseReason: String?
  /// It is to go on, and no node has it: the next `naos up` does.
  package var waitsForNode = false

  package init(
    id: RunID, kind: String, name: String, status: String, attempts: Int = 0, tokens: TokenCount = .zero,
    cost: NanoUSD = .zero, createdAt: WallTime, updatedAt: WallTime, endedAt: WallTime? = nil,
    error: RunFailure? = nil, pauseReason: String? = nil
  ) {
    self.id = id
    self.kind = kind
    self.name = name
    self.status = status
    self.attempts = attempts
    self.tokens = tokens
    self.cost = cost
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.endedAt = endedAt
    self.error = error
    self.pauseReason = pauseReason
  }
}

extension RunRow: WireValue {
  package var json: JSONValue {
    [
      "id": .string(id.text), "kind": .string(kind), "name": .string(name), "status": .string(status),
      "attempts": .int(Int64(attempts)), "tokens": .int(tokens.value), "costNanoUSD": .int(cost.value),
      "createdAt": .of(createdAt), "updatedAt": .of(updatedAt), "endedAt": .of(endedAt), "error": .of(error),
      "pauseReason": .of(pauseReason), "waitsForNode": .bool(waitsForNode),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "run")
    id = RunID(try reader.text("id"))
    kind = try reader.text("kind")
    name = try reader.text("name")
    status = try reader.text("status")
    attempts = try reader.count("attempts")
    tokens = TokenCount(try reader.integer("tokens"))
    cost = NanoUSD(try reader.integer("costNanoUSD"))
    createdAt = try reader.time("createdAt")
    updatedAt = try reader.time("updatedAt")
    endedAt = try reader.optionalTime("endedAt")
    error = try reader.optionalNested("error")
    pauseReason = try reader.optionalText("pauseReason")
    waitsForNode = reader.value("waitsForNode")?.boolValue ?? false
  }
}

/// Some runs, newest first, and where the list goes on.
package struct RunPage: Sendable, Hashable {
  package var runs: [RunRow]
  package var next: String?

  package init(runs: [RunRow], next: String? = nil) {
    self.runs = runs
    self.next = next
  }
}

extension RunPage: WireValue {
  package var json: JSONValue { ["runs": .of(runs), "next": .of(next)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "page")
    runs = try reader.list("runs")
    next = try reader.optionalText("next")
  }
}
