// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAudit
import NexusCore
import NexusKernel
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Testing

/// The audit log in the database: in the commit of what it tells of, and never behind a broken end.
@Suite struct AuditLogTests {
  private static let head = AuditHead(origin: "naos/test/1", epoch: 1)

  private func key(seed: UInt8 = 7) throws -> SignerKey {
    try #require(SignerKey(name: "naos/test/1", seed: Array(repeating: seed, count: SignerKey.seedBytes)))
  }

  private func open(_ folder: String, begins: Bool = false) async throws -> SQLiteStore {
    let store = try await SQLiteStore.open(
      path: folder + "/nexus.db", clock: SystemClock(), seal: AuditSeal(try key()))
    if begins { try await store.commit(.audit(.begin(Self.head))) }
    return store
  }

  private func events(_ store: SQLiteStore) async throws -> [String] {
    try await store.auditRows(from: 0, limit: 100).map { row in
      let entry = try JSONValue(parsing: row.entry)
      return [entry["event"], entry["outcome"], entry["subject"]].compactMap { $0?.stringValue }.joined(separator: " ")
    }
  }

  private func faults(_ store: SQLiteStore) async throws -> [LogFault] {
    let standing = try #require(try await store.auditStanding())
    var check = LogCheck(standing.head, key: try key().verifier, checkpoints: [], anchors: [])
    for row in try await store.auditRows(from: 0, limit: 10_000) { check.take(row) }
    return check.finish(isSealed: AuditSeal(try key()).accepts(standing.seal, of: standing.head))
  }

  @Test func `commits say to the log what they do`() async throws {
    try await withScratchFolder { folder in
      let store = try await open(folder, begins: true)
      try await store.commit(
        .insertRun(StoreSamples.run("run_1")), StoreSamples.append("run_1", from: 1))
      try await store.commit(.insertEffect(StoreSamples.effect("eff_1", run: "run_1")))
      try await store.commit(.setEffectState([EffectID("eff_1")], .unknown))
      try await store.commit(StoreSamples.append("run_1", from: 2, status: .completed))
      #expect(
        try await events(store) == [
          "run.started researcher", "run.decision resume", "effect.unknown unknown eff_1", "run.decision resume",
          "run.ended completed",
        ])
      #expect(try await faults(store) == [])
      await store.close()
    }
  }

  @Test func `what a person decides, and why a gate says no, stands there by its name`() async throws {
    try await withScratchFolder { folder in
      let store = try await open(folder, begins: true)
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      let gate = RunError(code: "NX-GAT-003", message: "the output does not fit", isRetryable: false)
      let entries: [RunEntry] = [
        .attemptEnded(step: .main, attempt: AttemptNumber(1), AttemptEnd(outcome: .crashed(gate))),
        .paused(.budget, note: ""), .cancelRequested(by: "ann"), .killRequested(by: "ann"), .retried(by: "ann"),
        .stepMarkedDone(path: .main, by: "ann", output: .null),
        .stepSkipped(path: .main, .person(by: "ann", reason: "")), .nodeTrapped, .failed(gate),
      ]
      var summary = RunSummary(status: .failed, updatedAt: StoreSamples.time(1))
      summary.error = gate
      try await store.commit(
        .append(
          run: RunID("run_1"), fence: FencingToken(1),
          entries: entries.enumerated().map { StoreSamples.entry(Int64($0.offset + 1), $0.element) }, summary: summary))
      #expect(
        try await events(store).dropFirst() == [
          "gate.verdict", "budget.stopped paused", "run.decision cancel", "run.decision kill", "run.decision retry",
          "run.decision mark-done", "run.decision skip", "node.crashed trap", "gate.verdict", "run.ended failed",
        ])
      let last = try #require(try await store.auditRows(from: 10, limit: 1).first)
      #expect(try JSONValue(parsing: last.entry)["code"] == "NX-GAT-003")
      await store.close()
    }
  }

  @Test func `a transaction that is refused says nothing, alone or among others`() async throws {
    try await withScratchFolder { folder in
      let store = try await open(folder, begins: true)
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      await withTaskGroup { group in
        for number in 0..<60 {
          group.addTask {
            // Every third has a run that is there already.
            let id = number % 3 == 0 ? "run_1" : "run_1\(number)"
            try? await store.commit(StoreTransaction(.synced, [.insertRun(StoreSamples.run(id))]))
          }
        }
      }
      #expect(try await events(store).count == 41)
      #expect(try await faults(store) == [])
      await store.close()
    }
  }

  @Test func `a log goes on where it was left, also when nobody closed it`() async throws {
    try await withScratchFolder { folder in
      for round in 1...3 {
        let store = try await open(folder, begins: round == 1)
        try await store.commit(.insertRun(StoreSamples.run("run_\(round)")))
        #expect(try await store.auditStanding()?.head.tree.size == Int64(round))
        #expect(try await faults(store) == [])
        await store.close()
      }
    }
  }

  @Test(
    arguments: [
      "UPDATE audit_log SET size = size + 1", "UPDATE audit_log SET epoch = 2", "UPDATE audit_log SET origin = 'x'",
      "UPDATE audit_log SET tree = zeroblob(length(tree))", "UPDATE audit_log SET seal = zeroblob(32)",
      "DELETE FROM audit_entry WHERE seq = 1", "INSERT INTO audit_entry VALUES (2, zeroblob(32), '{}')",
    ])
  func `nothing is appended to a log whose end was changed, and nothing that it would tell of is done`(
    change: String
  ) async throws {
    try await withScratchFolder { folder in
      let store = try await open(folder, begins: true)
      try await store.commit(.insertRun(StoreSamples.run("run_1")), .insertRun(StoreSamples.run("run_2")))
      await store.close()
      #expect(OtherProgram.execute(change + ";", on: folder + "/nexus.db"))
      let again = try await open(folder)
      await #expect(throws: StoreError.self) { try await again.commit(.insertRun(StoreSamples.run("run_3"))) }
      #expect(try await again.run(RunID("run_3")) == nil)
      // What the log has nothing to say of is done as ever.
      try await again.commit(.putAgent(AgentRow(name: AgentName("a"))))
      await again.close()
    }
  }

  @Test func `a store without a key has no log, and leaves one alone`() async throws {
    try await withScratchFolder { folder in
      let store = try await open(folder, begins: true)
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      await store.close()
      let other = try await SQLiteStore.open(path: folder + "/nexus.db", clock: SystemClock())
      try await other.commit(.insertRun(StoreSamples.run("run_2")))
      #expect(try await other.auditStanding()?.head.tree.size == 1)
      await other.close()
      let again = try await open(folder)
      #expect(try await faults(again) == [])
      await again.close()
    }
  }

  /// Bytes as SQL writes them.
  private func literal(_ bytes: [UInt8]) -> String { "X'\(Hexadecimal.encode(bytes))'" }

  @Test func `every byte of the log in the database counts`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let writer = try await open(folder, begins: true)
      for number in 1...4 { try await writer.commit(.insertRun(StoreSamples.run("run_\(number)"))) }
      let signer = try key()
      let head = try #require(try await writer.auditStanding()?.head)
      let note = try #require(SignedNote(head.checkpoint.text, by: signer)).description
      try await writer.commit(.audit(.checkpoint(AuditCheckpointRow(size: 4, note: note))))
      let (rows, seal) = (try await writer.auditRows(from: 0, limit: 9), try await writer.auditStanding()?.seal ?? [])
      await writer.close()
      let reader = try await SQLiteStore.openReadOnly(path: path)
      func check() async throws -> [LogFault] {
        guard let standing = try await reader.auditStanding() else { return [.noLog] }
        var check = LogCheck(
          standing.head, key: signer.verifier, checkpoints: try await reader.auditCheckpoints(), anchors: [])
        for row in try await reader.auditRows(from: .min, limit: 100) { check.take(row) }
        return check.finish(isSealed: AuditSeal(signer).accepts(standing.seal, of: standing.head))
      }
      #expect(try await check() == [])
      var cells: [(column: String, place: String, bytes: [UInt8])] = [
        ("tree", "audit_log", head.tree.bytes), ("seal", "audit_log", seal),
      ]
      for row in rows {
        cells.append(("entry", "audit_entry WHERE seq = \(row.sequence)", row.entry))
        cells.append(("leaf", "audit_entry WHERE seq = \(row.sequence)", row.leaf.bytes))
      }
      var tries = 0
      for (column, place, bytes) in cells {
        let parts = place.split(separator: " ", maxSplits: 1).map(String.init)
        func set(_ value: [UInt8]) -> String {
          "UPDATE \(parts[0]) SET \(column) = \(literal(value)) \(parts.count > 1 ? parts[1] : "");"
        }
        for index in bytes.indices {
          var changed = bytes
          changed[index] ^= 1
          #expect(OtherProgram.execute("PRAGMA synchronous = OFF;" + set(changed), on: path))
          #expect(try await !check().isEmpty, "\(column) of \(place), byte \(index)")
          tries += 1
        }
        #expect(OtherProgram.execute("PRAGMA synchronous = OFF;" + set(bytes), on: path))
      }
      #expect(tries > 700)
      #expect(try await check() == [])
      await reader.close()
    }
  }

  @Test(arguments: FaultFileSystem.Fault.allCases)
  func `on a disk that fails at any moment the log says what the journal says`(
    _ fault: FaultFileSystem.Fault
  ) async throws {
    let seal = AuditSeal(try key())
    var turn: Int64 = 1
    var fired: Int64 = 1
    while fired > 0 {
      try #require(turn < 2000, "the fault never stops firing")
      try await withScratchFolder { folder in
        let disk = FaultFileSystem()
        disk.arm(fault, at: turn)
        do throws(StoreError) {
          let store = try await SQLiteStore.open(
            path: folder + "/nexus.db", clock: SystemClock(), vfs: disk.name, seal: seal)
          try await store.commit(.audit(.begin(Self.head)))
          for number in 1...4 { try? await store.commit(.insertRun(StoreSamples.run("run_\(number)"))) }
          await store.close()
        } catch {
          #expect([.inputOutput, .full, .corrupt, .unknownOutcome].contains(error.code), "turn \(turn): \(error)")
        }
        fired = disk.fired
        let store = try await SQLiteStore.open(
          path: folder + "/nexus.db", clock: SystemClock(), vfs: FaultFileSystem().name, seal: seal)
        if try await store.auditStanding() != nil {
          let runs = try await store.runs(RunQuery()).map(\.id.text)
          let told = try await store.auditRows(from: 0, limit: 100).compactMap {
            try JSONValue(parsing: $0.entry)["run"]?.stringValue
          }
          #expect(told.sorted() == runs.sorted(), "turn \(turn)")
          #expect(try await faults(store) == [], "turn \(turn)")
        }
        await store.close()
      }
      turn += turn < 60 ? 1 : 7
    }
  }
}
