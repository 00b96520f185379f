// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusKernel
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Testing

/// Old databases are brought to the newest schema, and no list reads a whole table.
@Suite struct SchemaTests {
  private func openFirst(_ folder: String) async throws -> SQLiteStore {
    let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("goldens/schema-v1.sql")
    #expect(OtherProgram.execute(try String(contentsOf: golden, encoding: .utf8), on: folder + "/nexus.db"))
    return try await SQLiteStore.open(path: folder + "/nexus.db", clock: SystemClock())
  }

  private func ids(_ store: SQLiteStore, _ query: RunQuery) async throws -> String {
    try await store.runs(query).map { String($0.id.text.dropFirst(4)) }.joined()
  }

  @Test func `a database of the first schema has its runs in every list`() async throws {
    try await withScratchFolder { folder in
      let store = try await openFirst(folder)
      #expect(try await ids(store, RunQuery()) == "54321")
      #expect(try await ids(store, RunQuery(topLevelOnly: true)) == "54321")
      #expect(try await ids(store, RunQuery(statuses: [.failed, .paused])) == "5432")
      #expect(try await ids(store, RunQuery(errorCode: "NX-AGT-001")) == "52")
      #expect(try await ids(store, RunQuery(errorCode: "made up")) == "4")
      #expect(try await ids(store, RunQuery(name: "writer", reasons: [.budget])) == "3")
      #expect(try await store.runCounts() == [.running: 1, .failed: 3, .paused: 1])
      let run = try #require(try await store.run(RunID("run_2")))
      #expect(run.summary.error == RunError(code: "NX-AGT-001", message: "exit 1"))
      #expect(run.parent == nil)
      #expect(try await store.journal(of: RunID("run_1"), after: .none, limit: 9).count == 2)
      await store.close()
    }
  }

  @Test func `charges of the first schema are read, and do not say by which price they were reckoned`() async throws {
    try await withScratchFolder { folder in
      let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("goldens/schema-v1.sql")
      let charge = """
        INSERT INTO charge VALUES (NULL, 'eff_8', 'researcher', 'run_1', 'local/scripted', 'usage', 11, 5, 1, 40, 16, 1,
          '[["agent:researcher","day",1]]', 3000000);
        """
      let script = try String(contentsOf: golden, encoding: .utf8) + charge
      #expect(OtherProgram.execute(script, on: folder + "/nexus.db"))
      let store = try await SQLiteStore.open(path: folder + "/nexus.db", clock: SystemClock())
      let old = try #require(try await store.charges(ChargeQuery()).first)
      #expect(old.spend.cost == NanoUSD(40) && old.price == nil)
      let priced = StoreSamples.charge("eff_9", price: ChargePrice(source: "cost.models", rates: "1 2"))
      try await store.commit(.settleHold(priced))
      #expect(try await store.charges(ChargeQuery()) == [priced, old])
      await store.close()
    }
  }

  @Test func `runs of the first schema go on under the new one`() async throws {
    try await withScratchFolder { folder in
      let store = try await openFirst(folder)
      try await store.commit(StoreSamples.append("run_1", fence: 2, from: 3, status: .completed))
      #expect(try await ids(store, RunQuery(name: "researcher", statuses: [.completed])) == "1")
      #expect(try await store.runCounts() == [.completed: 1, .failed: 3, .paused: 1])
      try await store.expectTaken(StoreSamples.effect("eff_3", run: "run_1"))
      try await store.commit(.insertEffect(StoreSamples.effect("eff_4", run: "run_1", step: StepPath("other"))))
      #expect(try await store.effects(of: RunID("run_1"), step: .main).map(\.record.id.text) == ["eff_1", "eff_2"])
      try await store.commit(.deleteRun(RunID("run_4")))
      #expect(try await store.runCounts() == [.completed: 1, .failed: 2, .paused: 1])
      await store.close()
    }
  }

  @Test func `the length of a journal counts from its first entry, kept elsewhere or not`() async throws {
    try await withScratchFolder { folder in
      try await openFirst(folder).close()
      let golden = try [
        RunEntry.resumed(by: "a person"), .retried(by: "a person"), .cancelRequested(by: "somebody"),
      ].map { try EntryFormat.encode($0).count }
      for (run, bytes) in [(1, golden[0] + golden[1]), (4, golden[2]), (2, 0)] {
        // A check that fails makes the script fail.
        let script = """
          CREATE TEMP TABLE fits (n CHECK (n = \(bytes)));
          INSERT INTO fits SELECT journal_bytes FROM run WHERE key = \(run);
          """
        #expect(OtherProgram.execute(script, on: folder + "/nexus.db"), "run \(run)")
      }
    }
  }

  @Test func `no statement reads a table from end to end, save the short ones`() async throws {
    try await withScratchFolder { folder in
      let store = try await SQLiteStore.open(path: folder + "/nexus.db", clock: SystemClock())
      let plans = try await store.plans()
      #expect(plans.count > 50)
      // What is read whole is short, or is asked for as a whole.
      let whole: Set = ["runCounts", "facets", "facetCount", "counters", "holds", "agents", "restarts", "contextCount"]
      // These end at their limit.
      let limited: Set = ["charges", "lastBoot"]
      for (statement, plan) in plans where !whole.contains(statement) && !limited.contains(statement) {
        for line in plan where line != "SCAN CONSTANT ROW" {
          #expect(!line.hasPrefix("SCAN"), "\(statement): \(line)")
        }
      }
      // The effects of one run are sorted; nothing else is.
      for (statement, plan) in plans where statement != "effects" {
        for line in plan { #expect(!line.contains("TEMP B-TREE"), "\(statement): \(line)") }
      }
      for (statement, search) in [
        ("runsOfFacet", "COVERING INDEX run_facet (facet=? AND id>? AND id<?)"),
        ("runsOfCode", "INDEX run_facet (facet=? AND id>? AND id<?)"),
        ("runsOfParent", "INDEX run_parent (parent=? AND id>? AND id<?)"),
        ("runsAll", "COVERING INDEX sqlite_autoindex_run_1 (id>? AND id<?)"),
        ("effectsOfStep", "INDEX effect_order (run=? AND step=?)"),
        ("scopeOfAll", "INDEX charge_at (at>?)"), ("scopeOfAgent", "INDEX charge_agent (agent=?)"),
        ("scopeOfRun", "INDEX charge_run (run=?)"),
      ] {
        let plan = plans[statement] ?? []
        #expect(plan.contains { $0.contains(search) }, "\(statement): \(plan)")
      }
      await store.close()
    }
  }
}

extension SQLiteStore {
  fileprivate func expectTaken(_ effect: EffectRow) async throws {
    let error = await #expect(throws: StoreError.self) { try await commit(.insertEffect(effect)) }
    #expect(error?.code == .duplicate)
  }
}
