// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import NexusTestKit
import Testing

/// Budgets of a place's days, over the night on which its clock is set: two calls a day, by calls over HTTP.
@Suite(.timeLimit(.minutes(1)))
struct `A day in Berlin` {
  private func bench(_ clock: ManualClock, _ store: any Store, _ boot: String, _ upstream: ScriptedUpstream)
    async throws
    -> GatewayBench
  {
    let berlin = BudgetZone(name: "Europe/Berlin", rules: try TimeZoneRules(posix: "CET-1CEST,M3.5.0,M10.5.0/3"))
    let spec = BudgetSpec(scope: .agent(AgentName("tester")), window: .day, maxRequests: 2, zone: berlin)
    return try await GatewayBench.start(
      store: store, budgets: [spec], boot: boot, clock: clock, upstream: upstream)
  }

  private func time(_ month: Int64, _ day: Int64, _ hour: Int64) -> WallTime {
    WallTime(microseconds: CivilSecond(year: 2026, month: month, day: day, hour: hour, minute: 0).value * 1_000_000)
  }

  /// Asks three times: the answers' statuses.
  private func three(_ bench: GatewayBench, _ key: VirtualKey, _ words: String) async throws -> [Int] {
    var statuses: [Int] = []
    for number in 1...3 {
      let body = GatewayBench.chat("\(words) \(number)")
      statuses.append(try await bench.call(key: key, body: body).status)
    }
    return statuses
  }

  /// The days begin at 22:00 UTC in summer and at 23:00 in winter.
  @Test(arguments: [(Int64(10), Int64(24), Int64(21), 25), (3, 27, 22, 23)])
  func `is 25 hours long in autumn and 23 in spring`(month: Int64, day: Int64, late: Int64, hours: Int) async throws {
    // The last hour of the day before; in spring the clock is set on the 29th, so a usual day comes between.
    let clock = ManualClock(wall: time(month, day, late))
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let bench = try await bench(clock, InMemoryStore(), "boot_a", upstream)
    let key = try await bench.open().key
    #expect(try await three(bench, key, "before") == [200, 200, 429])
    clock.advance(by: .seconds(3600))
    if month == 3 {
      #expect(try await three(bench, key, "usual") == [200, 200, 429])
      clock.advance(by: .seconds(24 * 3600))
    }
    #expect(try await three(bench, key, "set") == [200, 200, 429], "a new day")
    clock.advance(by: .seconds(Int64(hours) * 3600 - 60))
    #expect(try await three(bench, key, "still") == [429, 429, 429], "the last minute of \(hours) hours")
    clock.advance(by: .seconds(60))
    let refused = try await three(bench, key, "next")
    #expect(refused == [200, 200, 429])
    await bench.stop()
  }

  @Test func `says when the next one begins, also after a restart in the hour that comes twice`() async throws {
    let (clock, store) = (ManualClock(wall: time(10, 25, 0)), InMemoryStore())
    let upstream = ScriptedUpstream { number, _ in GatewayBench.answer("answer \(number)") }
    let first = try await bench(clock, store, "boot_a", upstream)
    #expect(try await three(first, first.open().key, "once") == [200, 200, 429])
    await first.gateway.shutdown()
    // 02:30 for the second time.
    clock.advance(by: .seconds(3600 + 1800))
    let second = try await bench(clock, store, "boot_b", upstream)
    try await second.ledger.restore(
      from: store, kernelBoot: "k", identifiers: IdentifierSource(clock: clock, random: SeededRandom(seed: 1)))
    let key = try await second.open(2).key
    let refused = try await second.call(key: key, body: GatewayBench.chat("more"))
    #expect(refused.status == 429)
    #expect(refused.fields["x-naos-budget-reset"]?.hasPrefix("2026-10-25T23:00:00") == true, "\(refused.fields)")
    await second.stop()
  }
}
