// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Checks a log entry by entry, against its own checkpoints and against those that were kept elsewhere.
///
/// It takes one entry after the other and keeps nothing of them, so that a log of any length can be checked.
package struct LogCheck: Sendable {
  /// With so many faults it looks no further.
  package static let maxFaults = 20

  /// A checkpoint that was kept outside the log.
  package struct Anchor: Sendable, Hashable {
    /// Where it was found.
    package var place: String
    package var note: String

    package init(place: String, note: String) {
      self.place = place
      self.note = note
    }
  }

  private struct Claim {
    let checkpoint: Checkpoint
    let isAnchor: Bool
  }

  private let head: AuditHead
  /// Only the last entries are looked at: what is before them is taken as the head has it.
  private let isPartial: Bool
  private var tree: CompactRange
  /// The checkpoints that are signed, by size; several may be of one.
  private var claims: [Claim] = []
  /// How far checkpoints have shown the log to be right.
  private var shown: Int64
  private var sawPruning = false
  package private(set) var faults: [LogFault] = []

  /// - Parameters:
  ///   - head: the end of the log, as it is kept.
  ///   - key: what checkpoints are signed with.
  ///   - checkpoints: those that are kept with the log, in any order.
  ///   - anchors: those that are kept elsewhere.
  ///   - first: the number of the first entry that will be taken, to look only at the end of a log; nil for all.
  package init(
    _ head: AuditHead, key: VerifierKey, checkpoints: [AuditCheckpointRow], anchors: [Anchor], from first: Int64? = nil
  ) {
    self.head = head
    isPartial = (first ?? 0) > head.base.size
    tree = isPartial ? .unknown(size: max(0, first ?? 0)) : head.base
    shown = head.base.size
    for row in checkpoints {
      guard let checkpoint = Self.read(row.note, key), checkpoint.size == row.size, checkpoint.origin == head.origin
      else {
        add(.unsigned(row.size))
        continue
      }
      claims.append(Claim(checkpoint: checkpoint, isAnchor: false))
    }
    for anchor in anchors {
      guard let checkpoint = Self.read(anchor.note, key) else {
        add(.noAnchor(anchor.place))
        continue
      }
      guard checkpoint.origin == head.origin else {
        add(.replaced(expected: checkpoint.origin, found: head.origin))
        continue
      }
      claims.append(Claim(checkpoint: checkpoint, isAnchor: true))
    }
    claims.sort { $0.checkpoint.size > $1.checkpoint.size }
    if isPartial { compareEnd() } else { compare() }
  }

  /// Compares what can be without the entries: checkpoints of the very end, and those beyond it.
  private mutating func compareEnd() {
    for claim in claims where claim.checkpoint.size == head.tree.size && claim.checkpoint.root != head.tree.root {
      add(.forged(shown, head.tree.size))
    }
    claims.removeAll { $0.checkpoint.size <= head.tree.size }
  }

  private static func read(_ note: String, _ key: VerifierKey) -> Checkpoint? {
    guard let note = SignedNote(parsing: note), note.isSigned(by: key) else { return nil }
    return Checkpoint(text: note.text)
  }

  private mutating func add(_ fault: LogFault) {
    if faults.count < Self.maxFaults, !faults.contains(fault) { faults.append(fault) }
  }

  package var isDone: Bool { faults.count >= Self.maxFaults }

  /// The next entry, in the order of the log.
  package mutating func take(_ row: AuditRow) {
    // No log is that long, and nothing could follow.
    guard row.sequence < .max else { return add(.misplaced(row.sequence, says: Self.sequence(of: row.entry))) }
    // What is gone leaves a hole in every hash behind it: the rest is looked at by itself.
    if row.sequence != tree.size {
      if row.sequence > tree.size {
        add(.missing(tree.size, row.sequence))
      } else {
        add(.misplaced(row.sequence, says: Self.sequence(of: row.entry)))
      }
      skip(to: row.sequence)
    }
    let leaf = MerkleHash.leaf(row.entry)
    if leaf != row.leaf {
      add(.edited(row.sequence))
    } else if Self.sequence(of: row.entry) != row.sequence {
      add(.misplaced(row.sequence, says: Self.sequence(of: row.entry)))
    }
    notePruning(row.entry)
    tree.append(leaf)
    compare()
  }

  /// Goes on behind a hole: with hashes that fit nothing, so that no checkpoint behind it holds.
  private mutating func skip(to sequence: Int64) {
    hole = hole ?? min(sequence, tree.size)
    guard sequence > tree.size else { return }
    tree = .unknown(size: sequence)
    claims.removeAll { $0.checkpoint.size <= sequence }
  }

  /// Where the first entry that is missing would be.
  private var hole: Int64?

  private mutating func compare() {
    while let claim = claims.last, claim.checkpoint.size <= tree.size {
      claims.removeLast()
      let size = claim.checkpoint.size
      // The roots of trees smaller than the base are gone with their entries.
      guard size >= head.base.size, size == tree.size else { continue }
      if claim.checkpoint.root == tree.root {
        shown = size
      } else if hole == nil {
        if !faults.contains(where: { ($0.sequence ?? -1) >= shown && ($0.sequence ?? -1) < size }) {
          add(.forged(shown, size))
        }
      }
    }
  }

  /// All entries were taken.
  ///
  /// - Parameter isSealed: whether the seal of the head is right; nil if nobody knows its key.
  /// - Returns: what is wrong, in the order in which it was found.
  package mutating func finish(isSealed: Bool?) -> [LogFault] {
    if head.base.size > 0, !sawPruning, !isPartial { add(.headCut(head.base.size)) }
    // What the log says of itself, and what was seen of it from outside.
    let kept = claims.filter { !$0.isAnchor }.map(\.checkpoint.size).max() ?? 0
    let wanted = max(head.tree.size, kept)
    let seen = claims.filter(\.isAnchor).map(\.checkpoint.size).max() ?? 0
    if wanted > tree.size { add(.missing(tree.size, wanted)) }
    if seen > max(wanted, tree.size) { add(.tailCut(tree.size, seen)) }
    if isSealed == false || (faults.isEmpty && !isPartial && head.tree != tree) { add(.unsealed(head.tree.size)) }
    return faults
  }

  // MARK: What entries say

  private static func sequence(of entry: [UInt8]) -> Int64? {
    guard let value = try? JSONValue(parsing: entry) else { return nil }
    return value["seq"]?.intValue
  }

  /// The entry by which the base says that what was before it was removed in order.
  private mutating func notePruning(_ entry: [UInt8]) {
    guard head.base.size > 0, !sawPruning, let value = try? JSONValue(parsing: entry),
      value["event"]?.stringValue == AuditEvent.logPruned.rawValue
    else { return }
    let details = value["details"]
    sawPruning =
      details?["through"]?.intValue == head.base.size && details?["root"]?.stringValue == "\(head.base.root)"
  }
}
