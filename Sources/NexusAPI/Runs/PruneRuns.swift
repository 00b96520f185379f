// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A wish to have runs removed that are over.
package struct PruneRuns: Sendable, Hashable {
  /// The time since their end.
  package var olderThan: Duration
  /// `completed` or `failed`; nil for both.
  package var ended: String?
  /// Nothing is removed, only counted.
  package var dryRun: Bool

  package init(olderThan: Duration, ended: String? = nil, dryRun: Bool = false) {
    self.olderThan = olderThan
    self.ended = ended
    self.dryRun = dryRun
  }
}

extension PruneRuns: WireValue {
  private static let members: Set<String> = ["olderThan", "ended", "dryRun"]
  package static let ends: Set<String> = ["completed", "failed"]

  package var json: JSONValue {
    ["olderThan": .string(DurationText.text(olderThan)), "ended": .of(ended), "dryRun": .bool(dryRun)]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "prune")
    guard let olderThan = DurationText.parse(try reader.text("olderThan")) else {
      throw WireError(path: "prune.olderThan", message: "it has to be a duration such as 30d")
    }
    let ended = try reader.optionalText("ended")
    if let ended, !Self.ends.contains(ended) {
      throw WireError(path: "prune.ended", message: "it has to be completed or failed")
    }
    // A misspelt wish only to look would remove what it was to count.
    if let other = json.objectValue?.keys.first(where: { !Self.members.contains($0) }) {
      throw WireError(path: "prune.\(other)", message: "it has to be one of olderThan, ended and dryRun")
    }
    self.init(olderThan: olderThan, ended: ended, dryRun: try reader.flag("dryRun", default: false))
  }
}

/// What was removed, or would be.
package struct PruneRunsReport: Sendable, Hashable {
  package var runs: Int
  /// Some of them.
  package var examples: [RunID]
  package var dryRun: Bool

  package init(runs: Int, examples: [RunID], dryRun: Bool) {
    self.runs = runs
    self.examples = examples
    self.dryRun = dryRun
  }
}

extension PruneRunsReport: WireValue {
  package var json: JSONValue {
    ["runs": .int(Int64(runs)), "examples": .array(examples.map { .string($0.text) }), "dryRun": .bool(dryRun)]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "pruned")
    runs = try reader.count("runs")
    examples = (reader.value("examples")?.arrayValue ?? []).compactMap { $0.stringValue.map { RunID($0) } }
    dryRun = reader.value("dryRun")?.boolValue ?? false
  }
}
