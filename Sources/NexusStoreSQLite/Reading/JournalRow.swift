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
    var bytes: [UInt8] = []
    var last: JournalEntry?
    for (entry, more) in zip(entries, encoded) {
      byteCount += Int64(more.count)
      if let before = last {
        if before.at == entry.at, bytes.count + 1 + more.count <= StoreLimits.inlinePayloadBytes {
          bytes.append(separator)
          bytes.append(contentsOf: more)
          last = entry
          continue
        }
        rows.append(JournalRow(sequence: before.sequence, at: before.at, payload: PreparedPayload(bytes)))
      }
      (bytes, last) = (more, entry)
    }
    if let last { rows.append(JournalRow(sequence: last.sequence, at: last.at, payload: PreparedPayload(bytes))) }
    return PreparedAppend(rows: rows, byteCount: byteCount)
  }
}
