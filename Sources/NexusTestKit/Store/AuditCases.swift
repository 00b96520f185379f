// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAudit
internal import NexusCore
internal import NexusStore

extension StoreConformance {
  private static func record(_ number: Int, run: String? = nil, payload: AuditPayload? = nil) -> AuditRecord {
    AuditRecord(
      .runDecision, run: run.map { RunID($0) }, subject: "record \(number)", payload: payload,
      at: StoreSamples.time(Int64(number)), monotonic: Instant(nanoseconds: 0))
  }

  static let auditCases: [Case] = [
    Case("without a log entries are dropped") { store in
      try await store.commit(.audit(.append([record(1)])))
      try expect(try await store.auditStanding() == nil, true)
      try expect(try await store.auditRows(from: 0, limit: 9), [])
    },
    Case("entries follow each other, and the end knows them all") { store in
      try await store.commit(
        .audit(.begin(AuditHead(origin: "naos/test/1", epoch: 3))), .audit(.append([record(1)])))
      try await store.commit(.audit(.append([record(2), record(3)])))
      let rows = try await store.auditRows(from: 0, limit: 9)
      try expect(rows.map(\.sequence), [0, 1, 2])
      var head = AuditHead(origin: "naos/test/1", epoch: 3)
      try expect(rows, [record(1), record(2), record(3)].map { head.append($0) })
      try expect(try await store.auditStanding()?.head, head)
      try expect(try await store.auditStanding()?.last, 2)
      try expect(try await store.auditRows(from: 1, limit: 1).map(\.sequence), [1])
    },
    Case("a refused transaction leaves no entry") { store in
      try await store.commit(.audit(.begin(AuditHead(origin: "naos/test/1", epoch: 1))))
      try await store.expectRefusal(.notFound, .audit(.append([record(1)])), .deleteRun(RunID("run_9")))
      try expect(try await store.auditStanding()?.head.tree.size, 0)
      try await store.commit(.audit(.append([record(2)])))
      try expect(try await store.auditRows(from: 0, limit: 9).map(\.sequence), [0])
    },
    Case("checkpoints are kept in their order") { store in
      try await store.commit(.audit(.begin(AuditHead(origin: "naos/test/1", epoch: 1))))
      for size in [1, 2, 5] as [Int64] {
        try await store.commit(.audit(.checkpoint(AuditCheckpointRow(size: size, note: "note \(size)"))))
      }
      try expect(try await store.auditCheckpoints().map(\.note), ["note 1", "note 2", "note 5"])
    },
    Case("payloads are kept by digest and erased, and the log stays whole") { store in
      guard let one = AuditPayload([1, 2], salt: [7]), let other = AuditPayload([], salt: [8]) else {
        throw ConformanceFailure("no payload")
      }
      try await store.commit(.audit(.begin(AuditHead(origin: "naos/test/1", epoch: 1))))
      try await store.commit(
        .audit(.append([record(1, run: "run_1", payload: one), record(2, run: "run_2", payload: other)])))
      let head = try await store.auditStanding()?.head
      try expect(try await store.auditPayload(AuditDigest.of(one)), one)
      try expect(try await store.auditPayload(AuditDigest.of(other)), other)
      try expect(try await store.auditPayloads(of: RunID("run_1")), [AuditDigest.of(one)])
      try await store.commit(.audit(.erase([AuditDigest.of(one)])))
      try expect(try await store.auditPayload(AuditDigest.of(one)) == nil, true)
      try expect(try await store.auditPayload(AuditDigest.of(other)), other)
      try expect(try await store.auditStanding()?.head, head)
    },
    Case("the oldest entries are removed with what belongs to them") { store in
      guard let payload = AuditPayload([1], salt: [7]) else { throw ConformanceFailure("no payload") }
      try await store.commit(.audit(.begin(AuditHead(origin: "naos/test/1", epoch: 1))))
      try await store.commit(.audit(.append([record(1, payload: payload), record(2), record(3)])))
      for size in [1, 2, 3] as [Int64] {
        try await store.commit(.audit(.checkpoint(AuditCheckpointRow(size: size, note: "note \(size)"))))
      }
      var base = CompactRange()
      for row in try await store.auditRows(from: 0, limit: 2) { base.append(row.leaf) }
      try await store.commit(.audit(.append([record(4)])), .audit(.prune(base)))
      try expect(try await store.auditRows(from: 0, limit: 9).map(\.sequence), [2, 3])
      try expect(try await store.auditStanding()?.head.base, base)
      try expect(try await store.auditStanding()?.head.tree.size, 4)
      try expect(try await store.auditCheckpoints().map(\.size), [2, 3])
      try expect(try await store.auditPayload(AuditDigest.of(payload)) == nil, true)
    },
    Case("a log that is begun anew has nothing of the one before") { store in
      try await store.commit(
        .audit(.begin(AuditHead(origin: "naos/test/1", epoch: 1))), .audit(.append([record(1), record(2)])),
        .audit(.checkpoint(AuditCheckpointRow(size: 2, note: "note"))))
      try await store.commit(
        .audit(.begin(AuditHead(origin: "naos/test/2", epoch: 2))), .audit(.append([record(3)])))
      try expect(try await store.auditStanding()?.head.origin, "naos/test/2")
      try expect(try await store.auditRows(from: 0, limit: 9).map(\.sequence), [0])
      try expect(try await store.auditCheckpoints(), [])
    },
  ]
}
