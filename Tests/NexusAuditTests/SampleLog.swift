// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAudit
import NexusCore

/// A log as a store keeps it, to be tampered with.
struct SampleLog {
  static let signer = SignerKey(name: "naos/sample/1", seed: Array(repeating: 7, count: SignerKey.seedBytes))

  var head: AuditHead
  var rows: [AuditRow] = []
  var checkpoints: [AuditCheckpointRow] = []
  /// What an anchor has.
  var anchor: String
  var seal: [UInt8]

  /// So many entries, with a checkpoint after each of these numbers of them.
  init(entries: Int, checkpointsAfter sizes: Set<Int>, origin: String = "naos/sample/1", salt: Int64 = 0) throws {
    let signer = try Self.key()
    head = AuditHead(origin: origin, epoch: 1)
    var newest = ""
    for number in 0..<entries {
      rows.append(head.append(Self.record(number, salt: salt)))
      guard sizes.contains(number + 1), let note = SignedNote(head.checkpoint.text, by: signer) else { continue }
      checkpoints.append(AuditCheckpointRow(size: head.tree.size, note: note.description))
      newest = note.description
    }
    anchor = newest
    seal = AuditSeal(signer).seal(head)
  }

  static func key() throws -> SignerKey {
    guard let signer else { throw MissingKey() }
    return signer
  }

  struct MissingKey: Error {}

  static func record(_ number: Int, salt: Int64 = 0) -> AuditRecord {
    AuditRecord(
      .runEnded, run: RunID("run_\(number)"), outcome: "completed", details: ["salt": .int(salt)],
      at: WallTime(microseconds: Int64(number) * 1_000_000), monotonic: Instant(nanoseconds: Int64(number) * 1000))
  }

  /// What the check says: with or without the anchor, and the key of the seal.
  func faults(withAnchor: Bool = true, withSeal: Bool = true) throws -> [LogFault] {
    let signer = try Self.key()
    var check = LogCheck(
      head, key: signer.verifier, checkpoints: checkpoints,
      anchors: withAnchor ? [LogCheck.Anchor(place: "anchor", note: anchor)] : [])
    for row in rows.sorted(by: { $0.sequence < $1.sequence }) { check.take(row) }
    return check.finish(isSealed: withSeal ? AuditSeal(signer).accepts(seal, of: head) : nil)
  }

  /// Puts other entries behind the first ones, numbered and hashed as a log has them, and the head after them: what
  /// somebody can do who can write all of the database.
  mutating func rewrite(from first: Int, _ entries: [[UInt8]]) {
    rows = Array(rows.prefix(first))
    var tree = CompactRange()
    for row in rows { tree.append(row.leaf) }
    for entry in entries {
      let row = AuditRow(sequence: tree.size, entry: entry)
      rows.append(row)
      tree.append(row.leaf)
    }
    head = AuditHead(origin: head.origin, epoch: head.epoch, tree: tree, base: head.base)
  }
}
