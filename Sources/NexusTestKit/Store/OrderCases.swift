// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import Synchronization

extension StoreConformance {
  static let orderCases: [Case] = [
    Case("transactions take effect and are told of in the order in which they were submitted") { store in
      let count = 400
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      let told = Mutex<[Int]>([])
      let results: [Result<Void, StoreError>] = await withCheckedContinuation { continuation in
        let collected = Mutex<[Result<Void, StoreError>]>([])
        for index in 1...count {
          // Both ways to the disk, in turns: each append fits only right behind the one before it.
          let commitClass: CommitClass = index % 7 < 2 ? .synced : .written
          let transaction = StoreTransaction(commitClass, [StoreSamples.append("run_1", from: Int64(index))])
          store.submit(transaction) { result in
            told.withLock { $0.append(index) }
            let all = collected.withLock { collected -> [Result<Void, StoreError>]? in
              collected.append(result)
              return collected.count == count ? collected : nil
            }
            if let all { continuation.resume(returning: all) }
          }
        }
      }
      for result in results { try result.get() }
      try expect(told.withLock { $0 }, Array(1...count))
      try expect(try await store.run(RunID("run_1"))?.head, JournalSequence(Int64(count)))
    },
    Case("a refused transaction does not disturb those around it") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")), .insertRun(StoreSamples.run("run_2")))
      let codes: [StoreError.Code?] = await withCheckedContinuation { continuation in
        let collected = Mutex<[StoreError.Code?]>([])
        for index in 1...60 {
          let step = Int64((index + 2) / 3)
          // A good one, one that fails at once, and one that fails after it has written something.
          let mutations: [Mutation] =
            switch index % 3 {
            case 1: [StoreSamples.append("run_1", from: step)]
            case 2: [StoreSamples.append("run_1", fence: 9, from: step)]
            default:
              [
                .settleHold(StoreSamples.charge("eff_\(index)")), .insertRun(StoreSamples.run("run_x\(index)")),
                StoreSamples.append("run_2", fence: 9, from: 1),
              ]
            }
          store.submit(StoreTransaction(.synced, mutations)) { result in
            let all = collected.withLock { collected -> [StoreError.Code?]? in
              if case .failure(let error) = result { collected.append(error.code) } else { collected.append(nil) }
              return collected.count == 60 ? collected : nil
            }
            if let all { continuation.resume(returning: all) }
          }
        }
      }
      try expect(codes, (1...60).map { $0 % 3 == 1 ? nil : .staleGuard })
      try expect(try await store.run(RunID("run_1"))?.head, JournalSequence(20))
      try expect(try await store.runs(RunQuery()).count, 2)
      try expect(try await store.charges(ChargeQuery()), [])
      try expect(try await store.counters(), [])
    },
    Case("logged transactions keep the order among the others, and are read once they are acknowledged") { store in
      for step in 1...60 {
        try await store.commit(CallScenario.step(step))
        if step % 5 == 0 { try expect(try await CallScenario.steps(in: store), step) }
      }
      let told = Mutex<[Int]>([])
      await withCheckedContinuation { continuation in
        for step in 61...400 {
          store.submit(CallScenario.step(step)) { _ in
            let count = told.withLock { told in
              told.append(step)
              return told.count
            }
            if count == 340 { continuation.resume() }
          }
        }
      }
      try expect(told.withLock { $0 }, Array(61...400))
      try expect(try await CallScenario.steps(in: store), 400)
    },
    Case("a logged transaction that does not fit leaves the charge that came with it") { store in
      let outcome = Mutation.setOutcome(EffectID("eff_1"), .succeeded, StoreSamples.outcome())
      let charge = StoreSamples.charge("eff_1")
      let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
        store.submit(StoreTransaction(.logged, [outcome, .settleHold(charge)])) { continuation.resume(returning: $0) }
      }
      // Whoever is told that it failed tries the charge alone.
      if case .failure(let error) = result {
        try expect(error.code, .notFound)
        try await store.commit(StoreTransaction(.logged, [.settleHold(charge)]))
      }
      try expect(try await store.charges(ChargeQuery()), [charge])
      try expect(try await store.outcome(of: EffectID("eff_1")), nil)
    },
    Case("concurrent writers lose nothing and see what they wrote") { store in
      for writer in 1...8 { try await store.commit(.insertRun(StoreSamples.run("run_\(writer)"))) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 1...8 {
          group.addTask(name: "writer \(writer)") {
            for sequence in 1...40 as ClosedRange<Int64> {
              try await store.commit(
                StoreTransaction(
                  sequence % 3 == 0 ? .synced : .written, [StoreSamples.append("run_\(writer)", from: sequence)]))
              try expect(try await store.run(RunID("run_\(writer)"))?.head, JournalSequence(sequence))
            }
          }
        }
        try await group.waitForAll()
      }
      for writer in 1...8 {
        try expect(try await store.journal(of: RunID("run_\(writer)"), after: .none, limit: 99).count, 40)
      }
    },
    Case("a completion may submit the next transaction") { store in
      try await store.commit(.insertRun(StoreSamples.run("run_1")))
      await withCheckedContinuation { continuation in
        appendChain(store, from: 1, to: 2000) { continuation.resume() }
      }
      try expect(try await store.run(RunID("run_1"))?.head, JournalSequence(2000))
    },
    Case("a closed store refuses reads and writes") { store in
      await store.close()
      try await store.expectRefusal(.closed, .insertRun(StoreSamples.run("run_1")))
      do throws(StoreError) {
        _ = try await store.agents()
        throw StoreError(.inputOutput, "the read was accepted")
      } catch { try expect(error.code, .closed) }
      await store.close()
    },
  ]

  @Sendable
  private static func appendChain(
    _ store: any Store, from: Int64, to: Int64, _ end: @escaping @Sendable () -> Void
  ) {
    store.submit(StoreTransaction(.written, [StoreSamples.append("run_1", from: from)])) { result in
      guard case .success = result, from < to else { return end() }
      appendChain(store, from: from + 1, to: to, end)
    }
  }
}
