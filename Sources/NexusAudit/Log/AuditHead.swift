// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The end of a log, which is all that it takes to append to it.
package struct AuditHead: Sendable, Hashable {
  /// Names the log, once for all.
  package let origin: String
  /// Which log of the project it is, from 1.
  package let epoch: Int64
  package private(set) var tree: CompactRange
  /// What was removed from the front.
  package private(set) var base: CompactRange

  package init(origin: String, epoch: Int64, tree: CompactRange = CompactRange(), base: CompactRange = CompactRange()) {
    self.origin = origin
    self.epoch = epoch
    self.tree = tree
    self.base = base
  }

  package var checkpoint: Checkpoint { Checkpoint(origin: origin, size: tree.size, root: tree.root) }

  /// Gives the record its place and its form.
  package mutating func append(_ record: AuditRecord) -> AuditRow {
    let digest = record.payload.map(AuditDigest.of)
    let place = AuditEntry.Place(sequence: tree.size, epoch: epoch, payload: digest)
    let row = AuditRow(sequence: tree.size, entry: AuditEntry.encode(record, at: place))
    tree.append(row.leaf)
    return row
  }

  /// Takes everything before the base for removed.
  package mutating func prune(to base: CompactRange) {
    precondition(base.size <= tree.size && base.size >= self.base.size, "a base that is no part of the log")
    self.base = base
  }

  /// What a seal covers.
  var sealed: [UInt8] {
    Array("\(origin)\n\(epoch)\n\(tree.size)\n\(base.size)\n".utf8) + tree.bytes + base.bytes
  }
}

/// An entry as it is kept.
package struct AuditRow: Sendable, Hashable {
  package let sequence: Int64
  package let entry: [UInt8]
  package let leaf: MerkleHash

  package init(sequence: Int64, entry: [UInt8]) {
    self.sequence = sequence
    self.entry = entry
    leaf = .leaf(entry)
  }

  /// As it was read back: whether the hash is the entry's is for `LogCheck` to say.
  package init(sequence: Int64, entry: [UInt8], leaf: MerkleHash) {
    self.sequence = sequence
    self.entry = entry
    self.leaf = leaf
  }
}

/// A signed checkpoint as it is kept.
package struct AuditCheckpointRow: Sendable, Hashable {
  package let size: Int64
  package let note: String

  package init(size: Int64, note: String) {
    self.size = size
    self.note = note
  }
}
