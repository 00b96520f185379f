// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

@Suite struct LedgerRestoreTests {
  let store = InMemoryStore()
  let clock = StillClock()
  let project = plan([budget(dollars: 100_000_000)], prices: [flatPrice])

  /// Starts a node: restores, then records the boot.
  private func start(_ boot: String, kernel: String) async throws -> Ledger {
    let ledger = Ledger(project, clock: clock, boot: boot)
    try await ledger.restore(
      from: store, kernelBoot: kernel, identifiers: IdentifierSource(clock: clock, random: clock))
    let row = BootRow(id: BootID(boot), pid: 1, startedAt: clock.wallNow(), kernelBoot: kernel, version: "0")
    try await store.commit(StoreTransaction(.synced, [.insertBoot(row)]))
    return ledger
  }

  /// Admits and commits as the data path does.
  private func place(_ id: String, in ledger: Ledger) async throws {
    guard case .admitted(let hold, let marks, _) = ledger.admit(request(id)) else {
      Issue.record("not admitted")
      return
    }
    try await store.commit(StoreTransaction(marks.isEmpty ? .written : .synced, [.setMarks(marks), .placeHold(hold)]))
    ledger.resolve(marks, committed: true)
  }

  private func end(_ settlement: Settlement?, in ledger: Ledger) async throws {
    guard let settlement else { return }
    try await store.commit(StoreTransaction(.written, [.settleHold(settlement.charge), .setMarks(settlement.marks)]))
    ledger.resolve(settlement.marks, committed: true)
  }

  @Test func `after kill -9 nothing is lost and open calls are charged in full`() async throws {
    let first = try await start("boot_1", kernel: "k")
    for id in ["a", "b", "c"] { try await place(id, in: first) }
    try await end(first.settle(EffectID("a"), usage: usage()), in: first)
    try await end(first.release(EffectID("b")), in: first)
    let second = try await start("boot_2", kernel: "k")
    #expect(second.report().spent(by: writer).cost == NanoUSD(4_000_000))
    let charges = try await store.charges(ChargeQuery())
    #expect(charges.map(\.basis) == [.unresolved, .released, .usage])
    #expect(charges.first?.spend.cost == NanoUSD(2_000_000) && charges.first?.agent == writer)
    #expect(charges.first?.price == charges.last?.price && charges.last?.price?.source == "cost.models")
    #expect(try await store.openHolds().isEmpty)
    let third = try await start("boot_3", kernel: "k")
    #expect(third.report().spent(by: writer).cost == NanoUSD(4_000_000))
  }

  @Test func `after a power loss the counter goes on from its mark, and the next start remembers it`() async throws {
    let first = try await start("boot_1", kernel: "k")
    try await place("a", in: first)
    try await end(first.settle(EffectID("a"), usage: usage()), in: first)
    let key = CounterKey(scope: "agent:writer", window: "lifetime", index: 0)
    try await store.commit(
      StoreTransaction(.synced, [.setMarks([CounterMark(key: key, mark: Spend(cost: NanoUSD(9_000_000)))])]))
    let second = try await start("boot_2", kernel: "other")
    #expect(second.report().spent(by: writer).cost == NanoUSD(9_000_000))
    let burn = try await store.charges(ChargeQuery(agent: writer)).first
    #expect(burn?.basis == .unresolved && burn?.spend == Spend(cost: NanoUSD(7_000_000)))
    let third = try await start("boot_3", kernel: "other")
    #expect(third.report().spent(by: writer).cost == NanoUSD(9_000_000))
  }

  @Test func `a clock set ahead while no node runs opens no new window until a person confirms it`() async throws {
    let first = try await start("boot_1", kernel: "k")
    #expect(!first.report().isClockHeld)
    clock.go(60)
    clock.setAhead(86_400)
    #expect(try await start("boot_2", kernel: "k").report().isClockHeld)
    // Another restart is no confirmation either.
    clock.go(60)
    let third = try await start("boot_3", kernel: "k")
    #expect(third.report().isClockHeld)
    let reading = third.reading
    try await store.commit(StoreTransaction(.synced, [.putComponent(ClockFormat.row(reading, under: "k"))]))
    third.confirmClock(reading)
    #expect(!third.report().isClockHeld)
    clock.go(3600)
    #expect(!(try await start("boot_4", kernel: "k").report().isClockHeld))
  }

  @Test func `where the machine was started anew its clock is taken as it is`() async throws {
    _ = try await start("boot_1", kernel: "k")
    clock.setAhead(86_400)
    #expect(!(try await start("boot_2", kernel: "other").report().isClockHeld))
  }

  @Test func `a trusted reading that cannot be read is not taken for none`() async throws {
    try await store.commit(
      StoreTransaction(.synced, [.putComponent(ComponentRow(kind: .clock, name: "trusted", state: Array("{}".utf8)))]))
    await #expect(throws: StoreError.self) { try await start("boot_1", kernel: "k") }
  }

  @Test func `a hold carries what its charge needs`() async throws {
    let ledger = try await start("boot_1", kernel: "k")
    try await place("a", in: ledger)
    let hold = try await store.openHolds().first
    #expect(hold?.boot == BootID("boot_1") && hold?.model == "upstream/scripted" && hold?.at == clock.wallNow())
    #expect(hold?.counters == [CounterKey(scope: "agent:writer", window: "lifetime", index: 0)])
    #expect(try await store.counters().first?.mark.cost == NanoUSD(2_000_000))
  }

  @Test(arguments: 0...11)
  func `whenever the node dies, the budget is charged for every call that went upstream`(after: Int) async throws {
    var upstream: Int64 = 0
    let first = try await start("boot_1", kernel: "k")
    for step in 0..<after {
      let id = "call\(step / 2)"
      if step % 2 == 0 {
        try await place(id, in: first)
        upstream += 1
      } else {
        try await end(first.settle(EffectID(id), usage: usage()), in: first)
      }
    }
    let second = try await start("boot_2", kernel: "k")
    #expect(second.report().spent(by: writer).cost == NanoUSD(upstream * 2_000_000))
  }
}
