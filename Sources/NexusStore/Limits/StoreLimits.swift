// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// The limits that every store keeps.
package enum StoreLimits {
  /// An encoded journal entry, and the input or output of a run, is at most this long.
  package static let entryBytes = 4 << 20
  /// The encoded entries of a run's journal are at most this long together.
  package static let runBytes: Int64 = 64 << 20
  /// Beyond its limit a run has this much left for what settles it: to compensate, to pause, to end.
  package static let runReserveBytes: Int64 = 8 << 20
  /// Of many journals that are read at once no further one is begun when they have this much together.
  package static let journalsAtOnceBytes: Int64 = 64 << 20
  /// The request or the answer of an effect, and a definition, is at most this long.
  package static let payloadBytes = 64 << 20
  /// A payload up to this length stands in its row; a longer one is kept once, by its digest.
  package static let inlinePayloadBytes = 16 << 10
  /// The restart log keeps this many rows and forgets the oldest.
  package static let restartRows = 10_000
  /// The node's starts that are remembered.
  package static let bootRows = 1000
}

extension StoreLimits {
  /// Checks how long the journal of a run becomes.
  ///
  /// - Throws: `tooLarge`, with the name of the run.
  package static func check(journalBytes: Int64, of run: RunID, status: RunStatus) throws(StoreError) {
    let limit =
      switch status {
      case .queued, .running, .suspended: runBytes
      default: runBytes + runReserveBytes
      }
    guard journalBytes <= limit else {
      throw StoreError(
        .tooLarge, "the journal of \(run) would have \(journalBytes) bytes; the limit is \(limit)")
    }
  }
}

/// The encoded form of a transaction's entries and values, checked against the limits before anything is written.
package struct TransactionPayloads: Sendable {
  /// The encoded entries of each append, in order.
  package var appends: [EncodedEntries] = []
  /// The encoded inputs of inserted runs and outputs of summaries, in order; nil for no output.
  package var values: [[UInt8]?] = []
  /// About how many bytes the transaction brings.
  package var byteCount = 0

  /// Encodes and checks.
  ///
  /// - Throws: `tooLarge` if a limit is broken.
  package init(_ transaction: StoreTransaction) throws(StoreError) {
    for mutation in transaction.mutations {
      switch mutation {
      case .insertRun(let record):
        try add(value: record.input, what: "the input of \(record.id)")
        try add(summary: record.summary, of: record.id)
      case .append(let run, _, let entries, let summary):
        let encoded = try EncodedEntries(entries, of: run)
        byteCount += encoded.bytes.count
        appends.append(encoded)
        try add(summary: summary, of: run)
      case .insertEffect(let row): try add(payload: row.request, what: "the request of \(row.record.id)")
      case .setOutcome(let id, _, let outcome): try add(payload: outcome.body, what: "the answer of \(id)")
      case .putDefinition(let hash, let bytes): try add(payload: bytes, what: "the definition \(hash)")
      default: break
      }
    }
  }

  private mutating func add(summary: RunSummary, of run: RunID) throws(StoreError) {
    guard let output = summary.output else { return values.append(nil) }
    try add(value: output, what: "the output of \(run)")
  }

  private mutating func add(value: JSONValue, what: @autoclosure () -> String) throws(StoreError) {
    let bytes = try EntryFormat.encode(value: value, what: what())
    values.append(bytes)
    byteCount += bytes.count
  }

  private mutating func add(payload: [UInt8]?, what: @autoclosure () -> String) throws(StoreError) {
    guard let payload else { return }
    guard payload.count <= StoreLimits.payloadBytes else {
      throw StoreError(
        .tooLarge, "\(what()) has \(payload.count) bytes; the limit is \(StoreLimits.payloadBytes)")
    }
    byteCount += payload.count
  }
}

/// The entries of one append, encoded one behind the other.
package struct EncodedEntries: Sendable {
  /// Stands between two entries; it occurs in none, because JSON escapes it.
  package static let separator: UInt8 = 0x1E

  /// All of them, with a separator between two.
  package private(set) var bytes: [UInt8] = []
  /// Where each of them stands.
  package private(set) var places: [Range<Int>] = []

  /// How long the entries are together, without the separators.
  package var byteCount: Int64 { Int64(bytes.count - max(0, places.count - 1)) }

  /// - Throws: `tooLarge` if one of them is longer than its limit or nests too deep to be read again.
  init(_ entries: [JournalEntry], of run: RunID) throws(StoreError) {
    guard var next = entries.first?.sequence else { return }
    bytes.reserveCapacity(EntryFormat.usualBytes * entries.count)
    places.reserveCapacity(entries.count)
    for entry in entries {
      precondition(entry.sequence == next, "the entries appended to \(run) do not follow each other")
      next = next.next
      if !places.isEmpty { bytes.append(Self.separator) }
      let start = bytes.count
      try EntryFormat.encode(entry.entry, to: &bytes)
      places.append(start..<bytes.count)
    }
  }
}
