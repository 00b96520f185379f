// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import Testing

@Suite struct `The ledger's reserves` {
  private let run = RunID("run_1")
  private let reserve = [CompensationReserve(agent: writer, amount: Spend(cost: NanoUSD(4_000_000)))]

  private func ask(_ ledger: Ledger, _ id: String, isCompensating: Bool = false) -> Admission {
    var request = request(id, run: run)
    request.caller = Caller(
      agent: writer, run: run, step: .main, attempt: AttemptNumber(1), isCompensating: isCompensating)
    return ledger.admit(request)
  }

  @Test func `are kept from ordinary calls, and given to compensations`() {
    let ledger = Ledger(plan([budget(dollars: 10_000_000)], prices: [flatPrice]))
    #expect(ledger.report().kept.isEmpty)
    #expect(ledger.keep(reserve, for: run, isForced: false) == nil)
    #expect(ledger.report().kept == [BudgetPlace(.agent(writer), .lifetime): reserve[0].amount])
    for call in ["a", "b", "c"] {
      #expect(ask(ledger, call).hold != nil)
      _ = ledger.settle(EffectID(call), usage: usage())
    }
    let refusal = ask(ledger, "d").refusal
    #expect(refusal?.code == .exhausted)
    #expect(refusal?.message.contains("$0.004 kept for compensations") == true, "\(refusal?.message ?? "")")
    for call in ["e", "f"] { #expect(ask(ledger, call, isCompensating: true).hold != nil) }
    // What they hold may come back, so it waits.
    #expect(ask(ledger, "g", isCompensating: true).hold == nil)
  }

  @Test func `refuse a run that could not be undone, and say which budget is short`() {
    let ledger = Ledger(plan([budget(dollars: 5_000_000)], prices: [flatPrice]))
    #expect(ask(ledger, "a").hold != nil)
    #expect(ledger.keep(reserve, for: run, isForced: false)?.reason == .busy)
    _ = ledger.settle(EffectID("a"), usage: usage())
    let refusal = ledger.keep(reserve, for: run, isForced: false)
    #expect(refusal?.reason == .reserve)
    #expect(refusal?.scope == "agent:writer")
    #expect(refusal?.message.contains("cannot keep $0.004") == true, "\(refusal?.message ?? "")")
    #expect(ledger.keep(reserve, for: run, isForced: true) == nil)
    ledger.releaseReserve(of: run)
    #expect(ask(ledger, "b").hold != nil)
  }
}
