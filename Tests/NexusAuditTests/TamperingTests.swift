// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAudit
import NexusCore
import Testing

/// Whatever is done to a log behind the node's back is found.
@Suite struct TamperingTests {
  private func sample() throws -> SampleLog { try SampleLog(entries: 24, checkpointsAfter: [1, 8, 13, 24]) }

  @Test func `a log that nobody touched is whole`() throws {
    for entries in [0, 1, 2, 7, 24] {
      let log = try SampleLog(entries: entries, checkpointsAfter: [entries])
      #expect(try log.faults(withAnchor: entries > 0) == [])
    }
    #expect(try sample().faults() == [])
    #expect(try sample().faults(withAnchor: false, withSeal: false) == [])
  }

  @Test func `every byte of every entry counts, and the entry is named`() throws {
    let log = try sample()
    for (index, row) in log.rows.enumerated() {
      for byte in row.entry.indices {
        for bit in [UInt8(1), 0x80] {
          var changed = log
          var entry = row.entry
          entry[byte] ^= bit
          changed.rows[index] = AuditRow(sequence: row.sequence, entry: entry, leaf: row.leaf)
          #expect(try changed.faults(withAnchor: false, withSeal: false) == [.edited(row.sequence)])
        }
      }
    }
  }

  @Test func `every byte of every hash counts`() throws {
    let log = try sample()
    for (index, row) in log.rows.enumerated() {
      for byte in row.leaf.bytes.indices {
        var changed = log
        var leaf = row.leaf.bytes
        leaf[byte] ^= 1
        let hash = try #require(MerkleHash(leaf))
        changed.rows[index] = AuditRow(sequence: row.sequence, entry: row.entry, leaf: hash)
        #expect(try changed.faults(withAnchor: false, withSeal: false) == [.edited(row.sequence)])
      }
    }
  }

  @Test func `every byte of every checkpoint counts`() throws {
    let log = try sample()
    for (index, row) in log.checkpoints.enumerated() {
      let bytes = Array(row.note.utf8)
      for byte in bytes.indices {
        var changed = log
        var note = bytes
        note[byte] ^= 1
        changed.checkpoints[index] = AuditCheckpointRow(size: row.size, note: String(decoding: note, as: UTF8.self))
        #expect(try changed.faults() == [.unsigned(row.size)])
      }
      var moved = log
      moved.checkpoints[index] = AuditCheckpointRow(size: row.size + 1, note: row.note)
      #expect(try moved.faults() == [.unsigned(row.size + 1)])
    }
  }

  @Test func `every byte of the anchor counts`() throws {
    let log = try sample()
    let bytes = Array(log.anchor.utf8)
    for byte in bytes.indices {
      var changed = log
      var note = bytes
      note[byte] ^= 1
      changed.anchor = String(decoding: note, as: UTF8.self)
      #expect(try changed.faults() == [.noAnchor("anchor")])
    }
    for count in bytes.indices {
      var torn = log
      torn.anchor = String(decoding: bytes.prefix(count), as: UTF8.self)
      #expect(try torn.faults() == [.noAnchor("anchor")])
    }
  }

  @Test func `every byte of the end and of its seal counts`() throws {
    let log = try sample()
    for byte in log.seal.indices {
      var changed = log
      changed.seal[byte] ^= 1
      #expect(try changed.faults() == [.unsealed(24)])
    }
    let tree = log.head.tree
    for byte in tree.bytes.indices {
      var bytes = tree.bytes
      bytes[byte] ^= 1
      var changed = log
      let other = try #require(CompactRange(size: tree.size, bytes: bytes))
      changed.head = AuditHead(origin: log.head.origin, epoch: 1, tree: other)
      #expect(try changed.faults() == [.unsealed(24)])
      #expect(try changed.faults(withSeal: false) == [.unsealed(24)])
    }
    var other = log
    other.head = AuditHead(origin: log.head.origin, epoch: 2, tree: tree)
    #expect(try other.faults() == [.unsealed(24)])
  }

  @Test func `entries that are taken out leave a hole that is named`() throws {
    let log = try sample()
    for index in log.rows.indices {
      var changed = log
      changed.rows.remove(at: index)
      let faults = try changed.faults(withAnchor: false, withSeal: false)
      #expect(faults.first == .missing(Int64(index), Int64(index + 1)), "entry \(index): \(faults)")
    }
    for first in 0..<23 {
      var changed = log
      changed.rows.removeSubrange(first..<first + 2)
      let faults = try changed.faults(withAnchor: false, withSeal: false)
      #expect(faults.first == .missing(Int64(first), Int64(first + 2)))
    }
  }

  @Test func `every suffix that is dropped is missed`() throws {
    let log = try sample()
    for count in 0..<24 {
      // The end is left as it was.
      var cut = log
      cut.rows = Array(log.rows.prefix(count))
      let faults = try cut.faults(withAnchor: false, withSeal: false)
      #expect(faults.contains(.missing(Int64(count), 24)), "\(count): \(faults)")
      // The end is made to fit, and so are the checkpoints: only the seal and the anchor know.
      var fitted = log
      fitted.rewrite(from: count, [])
      fitted.checkpoints.removeAll { $0.size > Int64(count) }
      #expect(try fitted.faults(withAnchor: false) == [.unsealed(Int64(count))])
      #expect(try fitted.faults(withSeal: false) == [.tailCut(Int64(count), 24)])
      // An older state of all of the database: only the anchor knows.
      var older = try SampleLog(entries: count, checkpointsAfter: [1, 8, 13])
      older.anchor = log.anchor
      #expect(try older.faults() == [.tailCut(Int64(count), 24)])
    }
  }

  @Test func `every prefix that is dropped is missed`() throws {
    let log = try sample()
    for count in 1...24 {
      var cut = log
      cut.rows = Array(log.rows.dropFirst(count))
      let faults = try cut.faults(withAnchor: false, withSeal: false)
      #expect(faults.first == .missing(0, Int64(count)), "\(count): \(faults)")
      // Made to look as if it had been removed in order.
      var base = CompactRange()
      for row in log.rows.prefix(count) { base.append(row.leaf) }
      var based = cut
      based.head = AuditHead(origin: log.head.origin, epoch: 1, tree: log.head.tree, base: base)
      #expect(try based.faults(withSeal: false).contains(.headCut(Int64(count))), "\(count)")
      #expect(try based.faults().contains(.unsealed(24)), "\(count)")
    }
  }

  @Test func `two entries that change places are found, whatever else is made to fit`() throws {
    let log = try sample()
    for left in log.rows.indices {
      for right in log.rows.indices where left < right {
        var swapped = log
        let (one, other) = (log.rows[left], log.rows[right])
        swapped.rows[left] = AuditRow(sequence: one.sequence, entry: other.entry)
        swapped.rows[right] = AuditRow(sequence: other.sequence, entry: one.entry)
        let faults = try swapped.faults(withAnchor: false, withSeal: false)
        #expect(faults.first == .misplaced(Int64(left), says: Int64(right)), "\(left), \(right): \(faults)")
      }
    }
  }

  @Test func `an entry that is put in anywhere is found`() throws {
    let log = try sample()
    let foreign = AuditEntry.encode(SampleLog.record(99), at: AuditEntry.Place(sequence: 5, epoch: 1))
    for index in 0...24 {
      for entry in [foreign, Array("{}".utf8), Array("not JSON".utf8), []] {
        var more = log
        more.rewrite(from: index, [entry] + log.rows.dropFirst(index).map(\.entry))
        let faults = try more.faults()
        #expect(!faults.isEmpty, "\(index)")
        #expect(try !more.faults(withAnchor: false).isEmpty, "\(index)")
        // Without the key only what stands behind the last checkpoint could pass, and says its number.
        if index < 24 { #expect(try !more.faults(withAnchor: false, withSeal: false).isEmpty, "\(index)") }
      }
    }
  }

  @Test func `an entry that is written anew, with its number and its hashes, is found`() throws {
    let log = try sample()
    for index in 0..<24 {
      var forged = log
      var entries = log.rows.map(\.entry)
      entries[index] = AuditEntry.encode(
        SampleLog.record(index, salt: 1), at: AuditEntry.Place(sequence: Int64(index), epoch: 1))
      forged.rewrite(from: 0, entries)
      let (from, to) = index < 1 ? (0, 1) : index < 8 ? (1, 8) : index < 13 ? (8, 13) : (13, 24)
      let faults = try forged.faults(withSeal: false)
      #expect(faults == [.forged(Int64(from), Int64(to))], "\(index): \(faults)")
    }
  }

  @Test func `entries that somebody adds behind the last checkpoint break the seal`() throws {
    let log = try sample()
    for count in 1...3 {
      var longer = log
      let more = (24..<24 + count).map { number in
        AuditEntry.encode(SampleLog.record(number), at: AuditEntry.Place(sequence: Int64(number), epoch: 1))
      }
      longer.rewrite(from: 24, more)
      #expect(try longer.faults() == [.unsealed(Int64(24 + count))])
    }
  }

  @Test func `another log in its place is found by the anchor`() throws {
    let log = try sample()
    var other = try SampleLog(entries: 30, checkpointsAfter: [8, 24, 30], origin: "naos/sample/2")
    other.anchor = log.anchor
    #expect(
      try other.faults().contains(.replaced(expected: "naos/sample/1", found: "naos/sample/2")))
    // Of the same name and key, with other entries.
    var rewritten = try SampleLog(entries: 30, checkpointsAfter: [30], salt: 5)
    rewritten.anchor = log.anchor
    #expect(try rewritten.faults() == [.forged(0, 24)])
  }

  @Test func `a log whose first entries were removed in order is whole`() throws {
    var log = try sample()
    for through in [1, 5, 13, 24] {
      var pruned = log
      var base = CompactRange()
      for row in log.rows.prefix(through) { base.append(row.leaf) }
      let note = AuditRecord(
        .logPruned, details: ["through": .int(Int64(through)), "root": .string("\(base.root)")])
      pruned.rows.append(pruned.head.append(note))
      pruned.head.prune(to: base)
      pruned.rows.removeAll { $0.sequence < Int64(through) }
      pruned.checkpoints.removeAll { $0.size < Int64(through) }
      pruned.seal = AuditSeal(try SampleLog.key()).seal(pruned.head)
      #expect(try pruned.faults() == [])
      // The entry that says so cannot be left out, and says how much.
      pruned.rows.removeLast()
      #expect(try pruned.faults().contains(.headCut(Int64(through))))
    }
    log.head = AuditHead(origin: "", epoch: 1)
    #expect(try !log.faults().isEmpty)
  }

  @Test func `the end of a long log is looked at without its beginning`() throws {
    let log = try sample()
    let signer = try SampleLog.key()
    func faults(_ rows: [AuditRow], _ head: AuditHead, anchor: String) -> [LogFault] {
      var check = LogCheck(
        head, key: signer.verifier, checkpoints: [], anchors: [LogCheck.Anchor(place: "anchor", note: anchor)],
        from: 15)
      for row in rows { check.take(row) }
      return check.finish(isSealed: AuditSeal(signer).accepts(log.seal, of: head))
    }
    let end = Array(log.rows.dropFirst(15))
    #expect(faults(end, log.head, anchor: log.anchor) == [])
    #expect(faults(Array(end.dropLast()), log.head, anchor: log.anchor) == [.missing(23, 24)])
    #expect(faults(Array(end.dropFirst()), log.head, anchor: log.anchor) == [.missing(15, 16)])
    var edited = end
    edited[3] = AuditRow(sequence: 18, entry: Array("{}".utf8), leaf: end[3].leaf)
    #expect(faults(edited, log.head, anchor: log.anchor) == [.edited(18)])
    let longer = try SampleLog(entries: 30, checkpointsAfter: [30])
    #expect(faults(end, log.head, anchor: longer.anchor) == [.tailCut(24, 30)])
    let other = try SampleLog(entries: 24, checkpointsAfter: [24], salt: 2)
    #expect(faults(end, log.head, anchor: other.anchor) == [.forged(0, 24)])
  }

  @Test func `what is wrong is said in a sentence and in a word`() {
    let faults: [LogFault] = [
      .edited(3), .missing(1, 2), .missing(1, 9), .misplaced(4, says: 7), .misplaced(4, says: nil), .forged(8, 13),
      .headCut(2), .tailCut(5, 9), .replaced(expected: "a", found: "b"), .unsealed(7), .unsigned(8),
      .noAnchor("x"), .noLog,
    ]
    #expect(Set(faults.map(\.words)).count == faults.count)
    #expect(LogFault.missing(1, 2).words == "entry 1 is missing")
    #expect(LogFault.tailCut(5, 9).words == "the entries 5 to 8 are missing: an anchor has seen them")
  }
}
