// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusKernel
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Synchronization
import Testing

/// Between its acknowledgement and its commit a model call stands in the written log and nowhere else.
///
/// Another program that holds the database's lock keeps it there for as long as a test likes.
@Suite struct WrittenLogTests {
  private static let files = ["", "-wal", "-log"]

  private func submit(_ transaction: StoreTransaction, to store: SQLiteStore) -> StoreError.Code?? {
    let told = Mutex<StoreError.Code??>(nil)
    store.submit(transaction) { result in
      told.withLock { told in
        if case .failure(let error) = result { told = .some(error.code) } else { told = .some(nil) }
      }
    }
    return told.withLock { $0 }
  }

  /// A store with 14 steps in its database and those up to `last` in its log only, and what keeps them there.
  private func stalled(_ path: String, through last: Int) async throws -> (SQLiteStore, OtherProgram) {
    let store = try await SQLiteStore.open(path: path, clock: SystemClock())
    for step in 1...15 { try await store.commit(CallScenario.step(step)) }
    #expect(try await CallScenario.steps(in: store) == 15)
    let other = try #require(OtherProgram(locking: path))
    for step in 16...last {
      #expect(submit(CallScenario.step(step), to: store) == .some(nil), "step \(step) is not acknowledged at once")
    }
    return (store, other)
  }

  private func copy(_ path: String, to copy: String) throws {
    for suffix in Self.files {
      try? FileManager.default.removeItem(atPath: copy + suffix)
      try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
    }
    try? FileManager.default.removeItem(atPath: copy + "-shm")
  }

  @Test func `a call is acknowledged while the database is locked, and read when it is in`() async throws {
    try await withScratchFolder { folder in
      let (store, other) = try await stalled(folder + "/nexus.db", through: 19)
      // What calls change cannot be read without them; the rest can.
      let error = await #expect(throws: StoreError.self) { _ = try await store.charges(ChargeQuery()) }
      #expect(error?.code == .locked)
      #expect(try await store.run(CallScenario.run) != nil)
      // Nothing that comes behind is told that it is in.
      let refused = await #expect(throws: StoreError.self) { try await store.commit(CallScenario.step(20)) }
      #expect(refused?.code == .locked)
      other.release()
      #expect(try await CallScenario.steps(in: store) == 19)
      for step in 20...40 { try await store.commit(CallScenario.step(step)) }
      #expect(try await CallScenario.steps(in: store) == 40)
      await store.close()
    }
  }

  @Test(arguments: [false, true])
  func `what a dead node left in its log is brought in by whoever opens first, once`(_ isReader: Bool) async throws {
    try await withScratchFolder { folder in
      let (store, other) = try await stalled(folder + "/nexus.db", through: 21)
      try copy(folder + "/nexus.db", to: folder + "/left.db")
      other.release()
      await store.close()
      for _ in 1...3 {
        let next =
          if isReader { try await SQLiteStore.openReadOnly(path: folder + "/left.db") } else {
            try await SQLiteStore.open(path: folder + "/left.db", clock: SystemClock())
          }
        #expect(try await CallScenario.steps(in: next) == 21)
        await next.close()
      }
    }
  }

  @Test func `a command that reads beside a living node does not bring anything in twice`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let (store, other) = try await stalled(path, through: 21)
      other.release()
      for step in 22...60 {
        try await store.commit(CallScenario.step(step))
        if step % 3 == 0 {
          let reader = try await SQLiteStore.openReadOnly(path: path)
          #expect(try await CallScenario.steps(in: reader) == step)
          await reader.close()
        }
      }
      #expect(try await CallScenario.steps(in: store) == 60)
      await store.close()
    }
  }

  @Test func `a log that is cut or damaged anywhere gives the calls before that place`() async throws {
    try await withScratchFolder { folder in
      let (store, other) = try await stalled(folder + "/nexus.db", through: 21)
      try copy(folder + "/nexus.db", to: folder + "/whole.db")
      other.release()
      await store.close()
      let log = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/whole.db-log")))
      let end = try #require(log.lastIndex { $0 != 0 }) + 1
      var seen = Set<Int>()
      for turn in 0..<36 {
        var damaged = log
        let place = end - 1 - 100 * turn
        if turn % 2 == 0 { damaged.removeLast(damaged.count - place) } else { damaged[place] ^= 0x10 }
        try copy(folder + "/whole.db", to: folder + "/turn.db")
        try Data(damaged).write(to: URL(fileURLWithPath: folder + "/turn.db-log"))
        let survivor = try await SQLiteStore.open(path: folder + "/turn.db", clock: SystemClock())
        let steps = try await CallScenario.steps(in: survivor)
        #expect((15...21).contains(steps))
        seen.insert(steps)
        try await survivor.commit(CallScenario.step(steps + 1))
        #expect(try await CallScenario.steps(in: survivor) == steps + 1)
        await survivor.close()
      }
      #expect(seen.count > 5, "\(seen)")
    }
  }

  @Test func `a log that is full makes calls wait for the database`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let (store, other) = try await stalled(path, through: 16)
      let body = [UInt8](repeating: 7, count: 60_000)
      func call(_ number: Int) -> StoreTransaction {
        StoreTransaction(
          .logged,
          [
            .insertEffect(
              StoreSamples.effect(
                "eff_x\(number)", run: CallScenario.run.text, digest: "x\(number)", ordinal: Int64(number + 100),
                request: body))
          ])
      }
      var count = 0
      while submit(call(count + 1), to: store) == .some(nil) { count += 1 }
      #expect((20...40).contains(count), "2 MB hold \(count) calls of 60 KB")
      other.release()
      try await store.commit(call(count + 2))
      let effects = try await store.effects(of: CallScenario.run).filter { $0.record.id.text.hasPrefix("eff_x") }
      // The one that found no place was told that the database is locked, or waited until it was not.
      #expect((count + 1...count + 2).contains(effects.count))
      // Both halves are used again.
      for number in 1000...1100 { try await store.commit(call(number)) }
      #expect(try await store.effects(of: CallScenario.run).count == effects.count + 101 + 7)
      await store.close()
    }
  }

  @Test func `without a place for a log everything is committed before it is acknowledged`() async throws {
    var turn: Int64 = 0
    var isAhead = true
    while isAhead {
      turn += 1
      try #require(turn < 200, "no fault at opening leaves the store without a log")
      try await withScratchFolder { folder in
        let path = folder + "/nexus.db"
        let disk = FaultFileSystem()
        disk.arm(.inputOutput, at: turn)
        guard let store = try? await disk.open(path) else { return }
        for step in 1...15 { try await store.commit(CallScenario.step(step)) }
        #expect(try await CallScenario.steps(in: store) == 15)
        let other = try #require(OtherProgram(locking: path))
        isAhead = submit(CallScenario.step(16), to: store) == .some(nil)
        other.release()
        await store.close()
      }
    }
  }

  @Test func `what does not fit is left out, what was paid is kept, and nothing is acknowledged ahead again`()
    async throws
  {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let store = try await SQLiteStore.open(path: path, clock: SystemClock())
      for step in 1...9 { try await store.commit(CallScenario.step(step)) }
      let twin = Mutation.insertEffect(
        StoreSamples.effect("eff_twin", run: CallScenario.run.text, digest: "1", ordinal: 99))
      #expect(
        submit(StoreTransaction(.logged, [twin, .placeHold(StoreSamples.hold("eff_twin"))]), to: store) == .some(nil))
      let charge = StoreSamples.charge("eff_twin", cost: 5)
      try await store.commit(
        StoreTransaction(
          .logged, [.setOutcome(EffectID("eff_twin"), .succeeded, StoreSamples.outcome()), .settleHold(charge)]))
      #expect(try await store.charges(ChargeQuery()).first == charge)
      #expect(try await store.openHolds().map(\.id.text) == ["eff_4"])
      #expect(try await store.effects(of: CallScenario.run).count == 4)
      let error = await #expect(throws: StoreError.self) {
        try await store.commit(StoreTransaction(.logged, [twin]))
      }
      #expect(error?.code == .duplicate)
      await store.close()
    }
  }

  @Test func `a call behind something that is not yet told waits its turn`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let (store, other) = try await stalled(path, through: 15 + 1)
      #expect(submit(StoreTransaction(.synced, [.putAgent(AgentRow(name: StoreSamples.agent))]), to: store) == nil)
      #expect(submit(CallScenario.step(17), to: store) == nil)
      other.release()
      await store.close()
      let next = try await SQLiteStore.open(path: path, clock: SystemClock())
      #expect((16...17).contains(try await CallScenario.steps(in: next)))
      await next.close()
    }
  }

  @Test func `a store that cannot bring its calls in closes, and the next opening has them`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let (store, other) = try await stalled(path, through: 21)
      await store.close()
      other.release()
      let next = try await SQLiteStore.open(path: path, clock: SystemClock())
      #expect(try await CallScenario.steps(in: next) == 21)
      await next.close()
    }
  }

  @Test func `the log of another life of the database is not brought in`() async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let first = try await SQLiteStore.open(path: path, clock: SystemClock())
      for step in 1...15 { try await first.commit(CallScenario.step(step)) }
      await first.close()
      try FileManager.default.copyItem(atPath: path, toPath: folder + "/backup.db")
      let (store, other) = try await later(path)
      try copy(path, to: folder + "/later.db")
      other.release()
      await store.close()
      // Restored without removing the log.
      try FileManager.default.copyItem(atPath: folder + "/later.db-log", toPath: folder + "/backup.db-log")
      let restored = try await SQLiteStore.open(path: folder + "/backup.db", clock: SystemClock())
      #expect(try await CallScenario.steps(in: restored) == 15)
      await restored.close()
    }
  }

  private func later(_ path: String) async throws -> (SQLiteStore, OtherProgram) {
    let store = try await SQLiteStore.open(path: path, clock: SystemClock())
    let other = try #require(OtherProgram(locking: path))
    for step in 16...21 { #expect(submit(CallScenario.step(step), to: store) == .some(nil)) }
    return (store, other)
  }
}
