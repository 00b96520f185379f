// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusKernel
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Testing

/// A file that is not as it should be gives a coded error, never a trap and never a wrong success.
@Suite struct DamageTests {
  /// A database with every kind of row, closed.
  private func makeDatabase(_ path: String) async throws {
    let store = try await FaultFileSystem().open(path)
    for step in 1...12 { try await store.commit(CrashScenario.step(step)) }
    try await store.commit(
      .putAgent(AgentRow(name: StoreSamples.agent, lastState: "failed")), .putDefinition(DefinitionHash("d0"), [1]),
      .logRestart(RestartRow(supervisor: .root, child: StoreSamples.agent, at: StoreSamples.time(1), reason: "exit 1")),
      .setOutcome(EffectID("eff_3"), .succeeded, StoreSamples.outcome([UInt8](repeating: 9, count: 40_000))))
    await store.close()
  }

  private func openingError(_ path: String) async throws -> StoreError? {
    do throws(StoreError) {
      let store = try await FaultFileSystem().open(path)
      await store.close()
      return nil
    } catch { return error }
  }

  @Test func `a file that is no database is refused and stays as it is`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let garbage = Data(String(repeating: "not a database\n", count: 1000).utf8)
      try garbage.write(to: URL(fileURLWithPath: path))
      #expect(try await openingError(path)?.code == .corrupt)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == garbage)
    }
  }

  @Test func `another program's database is refused`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      #expect(OtherProgram.execute("CREATE TABLE notes (text)", on: path))
      let error = try await openingError(path)
      #expect(error?.code == .corrupt)
      #expect(error?.message.contains("another program") == true)
    }
  }

  @Test func `a database of a newer version is refused and stays as it is`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      try await makeDatabase(path)
      #expect(OtherProgram.execute("PRAGMA user_version = 99", on: path))
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(try await openingError(path)?.code == .newerSchema)
      let error = await #expect(throws: StoreError.self) { _ = try await SQLiteStore.openReadOnly(path: path) }
      #expect(error?.code == .newerSchema)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }
  }

  @Test func `a folder that is missing or not writable is an error`() async throws {
    try await withScratchFolder { folder in
      #expect(try await openingError(folder + "/none/nexus.db")?.code == .inputOutput)
      try makeFolder(folder + "/nexus.db")
      #expect(try await openingError(folder + "/nexus.db")?.code == .inputOutput)
    }
  }

  @Test func `a file that was cut is refused or read as far as it is whole`() async throws {
    try await withScratchFolder { folder in
      try await makeDatabase(folder + "/whole.db")
      let whole = try Data(contentsOf: URL(fileURLWithPath: folder + "/whole.db"))
      for part in stride(from: 1, to: 20, by: 2) {
        let path = folder + "/cut-\(part).db"
        try whole.prefix(whole.count * part / 20).write(to: URL(fileURLWithPath: path))
        #expect(try await openingError(path)?.code == .corrupt, "\(part)/20")
      }
    }
  }

  @Test func `a log that was cut gives the steps before the cut`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let store = try await FaultFileSystem().open(path)
      for step in 1...12 { try await store.commit(CrashScenario.step(step)) }
      let main = try Data(contentsOf: URL(fileURLWithPath: path))
      let log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
      await store.close()
      var last = 0
      for part in 0...16 {
        let copy = folder + "/cut-\(part).db"
        try main.write(to: URL(fileURLWithPath: copy))
        try log.prefix(log.count * part / 16).write(to: URL(fileURLWithPath: copy + "-wal"))
        let survivor = try await FaultFileSystem().open(copy)
        let steps = try await CrashScenario.steps(in: survivor)
        #expect(steps >= last)
        last = steps
        await survivor.close()
      }
      #expect(last == 12)
    }
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `random damage never traps`(_ seed: UInt64) async throws {
    let random = SeededRandom(seed: seed)
    var refused = 0
    try await withScratchFolder { folder in
      try await makeDatabase(folder + "/whole.db")
      let whole = try Data(contentsOf: URL(fileURLWithPath: folder + "/whole.db"))
      for turn in 1...25 {
        var damaged = whole
        let isHeader = turn % 5 == 0
        for _ in 0...Int(random.next() % 30) {
          let place = Int(random.next() % UInt64(isHeader ? 100 : damaged.count))
          damaged[place] = UInt8(truncatingIfNeeded: random.next())
        }
        let path = folder + "/damaged-\(turn).db"
        try damaged.write(to: URL(fileURLWithPath: path))
        if await !use(path) { refused += 1 }
      }
    }
    #expect(refused > 0, "no damage was ever noticed")
  }

  /// Reads and writes everything; answers whether all of it went well.
  private func use(_ path: String) async -> Bool {
    var isGood = true
    do throws(StoreError) {
      let store = try await FaultFileSystem().open(path)
      do throws(StoreError) { _ = try await StoreContents(of: store) } catch { isGood = false }
      for index in 1...12 {
        do throws(StoreError) {
          _ = try await store.outcome(of: EffectID("eff_\(index)"))
          _ = try await store.request(of: EffectID("eff_\(index)"))
        } catch { isGood = false }
      }
      for step in 13...14 {
        do throws(StoreError) { try await store.commit(CrashScenario.step(step)) } catch { isGood = false }
      }
      await store.close()
    } catch { return false }
    return isGood
  }
}
