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
  /// Of the last entry.
  let sequence: JournalSequence
  let at: WallTime
  let payload: PreparedPayload

  /// The rows of an append: what is of one time and fits into a row is one.
  ///
  /// - Parameters:
  ///   - entries: what is appended.
  ///   - encoded: the same, encoded.
  /// - Returns: the rows, and what the entries come to.
  static func rows(of entries: [JournalEntry], _ encoded: EncodedEntries) -> PreparedAppend {
    var rows: [JournalRow] = []
    var index = 0
    while index < entries.count {
      let first = index
      while index + 1 < entries.count, entries[index + 1].at == entries[first].at,
        encoded.places[index + 1].upperBound - encoded.places[first].lowerBound <= StoreLimits.inlinePayloadBytes
      {
        index += 1
      }
      let place = encoded.places[first].lowerBound..<encoded.places[index].upperBound
      let bytes = place.count == encoded.bytes.count ? encoded.bytes : Array(encoded.bytes[place])
      rows.append(
        JournalRow(sequence: entries[index].sequence, at: entries[index].at, payload: PreparedPayload(bytes)))
      index += 1
    }
    return PreparedAppend(rows: rows, byteCount: encoded.byteCount)
  }
}
