// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// A row of the journal: one entry, or several that were appended together, with the separator between them.
///
/// A step of a run is three entries (its attempt ended, it is completed, the next attempt started) that stand or fall
/// together; as one row they cost a third. The separator occurs in no entry, because JSON escapes it.
struct JournalRow: Sendable {
  static let separator: UInt8 = 0x1E

  /// Of the last entry.
  let sequence: JournalSequence
  let at: WallTime
  let payload: PreparedPayload

  /// The rows of an append: what is of one time and fits into a row is one.
  ///
  /// - Parameters:
  ///   - entries: what is appended.
  ///   - encoded: each of them, encoded.
  /// - Returns: the rows, and what the entries come to.
  static func rows(of entries: [JournalEntry], _ encoded: ArraySlice<[UInt8]>) -> PreparedAppend {
    var rows: [JournalRow] = []
    var byteCount: Int64 = 0
    var pending: (bytes: [UInt8], last: JournalEntry)?
    for (entry, bytes) in zip(entries, encoded) {
      byteCount += Int64(bytes.count)
      if let (before, last) = pending.take() {
        if last.at == entry.at, before.count + 1 + bytes.count <= StoreLimits.inlinePayloadBytes {
          pending = (before + CollectionOfOne(separator) + bytes, entry)
          continue
        }
        rows.append(JournalRow(sequence: last.sequence, at: last.at, payload: PreparedPayload(before)))
      }
      pending = (bytes, entry)
    }
    if let (bytes, last) = pending {
      rows.append(JournalRow(sequence: last.sequence, at: last.at, payload: PreparedPayload(bytes)))
    }
    return PreparedAppend(rows: rows, byteCount: byteCount)
  }
}
