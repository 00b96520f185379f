// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

@Suite struct LedgerTests {
  @Test func `one cent at a fifth of a cent a call lets exactly five calls of fifty clients through`() async {
    let ledger = Ledger(plan([budget(dollars: 10_000_000)], prices: [flatPrice]))
    let reached = Told<EffectID>()
    let refused = await withTaskGroup(of: AdmissionRefusal?.self) { group in
      for number in 1...50 {
        group.addTask {
          let admission = await withCheckedContinuation { continuation in
            let now = ledger.admit(request("call\(number)")) { continuation.resume(returning: $0) }
            if now != .queued { continuation.resume(returning: now) }
          }
          guard let hold = admission.hold else { return admission.refusal }
          #expect(hold.bound.cost == NanoUSD(2_000_000))
          reached.add(hold.id)
          await Task.yield()
          #expect(ledger.settle(hold.id, usage: usage())?.charge.spend.cost == NanoUSD(2_000_000))
          return nil
        }
      }
      return await group.reduce(into: [AdmissionRefusal]()) { all, refusal in if let refusal { all.append(refusal) } }
    }
    #expect(reached.all.count == 5)
    #expect(refused.count == 45)
    #expect(refused.allSatisfy { $0.code == .exhausted && !$0.isRetryable && $0.refusal?.action == .refuse })
    let report = ledger.report()
    #expect(report.spent(by: writer).cost == NanoUSD(10_000_000))
    #expect(report.lines.allSatisfy { $0.held == .zero })
    #expect(report.openCalls == 0 && report.waitingCalls == 0)
  }

  @Test func `five calls priced by their tokens use the budget to the last nano-dollar`() {
    // 500 tokens of output come to exactly $0.002; the body states no cap.
    let price = PriceSpec(model: "scripted", input: .zero, output: PicoUSDPerToken(4_000_000))
    let ledger = Ledger(plan([budget(dollars: 10_000_000)], prices: [price]))
    var caps: [Int64?] = []
    for number in 1...5 {
      let admission = ledger.admit(request("\(number)", cap: nil))
      caps.append(admission.cap)
      _ = ledger.settle(EffectID("\(number)"), usage: usage(input: 900, output: 500))
    }
    #expect(caps == [2500, 2000, 1500, 1000, 500])
    let sixth = ledger.admit(request("6", cap: nil)).refusal
    #expect(sixth?.code == .exhausted)
    #expect(sixth?.message == "The budget of agent:writer is used up: $0.01 of $0.01 spent.")
    #expect(sixth?.remaining == "$0.00")
  }

  @Test func `a model without a price is refused in hard mode and estimated in soft`() {
    let hard = Ledger(plan()).admit(request("1", model: "mystery")).refusal
    #expect(hard?.code == .unknownPrice && hard?.refusal == nil)
    #expect(hard?.message.contains("upstream/mystery") == true)
    let soft = Ledger(plan(mode: .soft))
    #expect(soft.admit(request("1", model: "mystery")).hold != nil)
    #expect(soft.settle(EffectID("1"), usage: usage())?.charge.spend.cost ?? .zero > .zero)
  }

  @Test func `what has no bound is refused where a hard budget binds, and only there`() {
    let odd = request("1", unbounded: ["prediction"])
    let refusal = Ledger(plan([budget(tokens: 100_000)], prices: [flatPrice])).admit(odd).refusal
    #expect(refusal?.code == .unbounded && refusal?.message.contains("prediction") == true)
    #expect(Ledger(plan(prices: [flatPrice])).admit(odd).hold != nil)
    #expect(Ledger(plan([budget(tokens: 100_000)], prices: [flatPrice], mode: .soft)).admit(odd).hold != nil)
  }

  @Test func `local models cost nothing, and budgets of tokens bind them all the same`() {
    let ledger = Ledger(plan([budget(dollars: 1, tokens: 3000)]))
    let local = request("1", provider: "local", model: "extractive", cap: 500, bytes: 1000)
    let hold = ledger.admit(local).hold
    #expect(hold?.bound == Spend(cost: .zero, tokens: TokenCount(1000 + 64 + 16 + 500), requests: 1))
    #expect(hold?.model == "local/extractive")
    let charge = ledger.settle(EffectID("1"), usage: usage(input: 900, output: 90))?.charge
    #expect(charge?.spend == Spend(cost: .zero, tokens: TokenCount(990), requests: 1))
    let big = ledger.admit(request("2", provider: "local", model: "extractive", cap: 500, bytes: 2000)).refusal
    #expect(big?.code == .tooBig && big?.remaining == "$0.000000001 and 2010 tokens")
  }

  @Test func `a cap is put in only where the answer has no bound that counts`() {
    let tokens = [budget(tokens: 100_000)]
    #expect(Ledger(plan(tokens, prices: [flatPrice])).admit(request("1", cap: nil)).cap == 8192)
    #expect(Ledger(plan(tokens, prices: [flatPrice])).admit(request("1", cap: 70)).cap == nil)
    #expect(Ledger(plan(prices: [flatPrice])).admit(request("1", cap: nil)).cap == nil)
    let dollars = [budget(dollars: 10_000_000)]
    #expect(Ledger(plan(dollars, prices: [flatPrice])).admit(request("1", cap: nil)).cap == nil)
    let known = request("1", provider: "openai", model: "gpt-4o-mini", cap: nil)
    #expect(Ledger(plan([budget(dollars: 1_000_000_000)])).admit(known).cap == nil)
  }

  @Test func `a call is charged at the price of the model that answered`() {
    let ledger = Ledger(plan())
    for (id, answered, cost) in [
      ("1", "gpt-4o-mini-2024-07-18", 150 + 600), ("2", "gpt-4o", 2500 + 10_000), ("3", "unheard-of", 150 + 600),
    ] as [(String, String, Int64)] {
      _ = ledger.admit(request(id, provider: "openai", model: "gpt-4o-mini"))
      let charge = ledger.settle(EffectID(id), usage: usage(input: 1000, output: 1000, model: answered))?.charge
      #expect(charge?.spend.cost == NanoUSD(cost * 1000))
      #expect(charge?.model == "openai/\(answered)")
    }
  }

  @Test func `the three ways to end a call book what they say, once`() {
    let ledger = Ledger(plan([budget(dollars: 100_000_000)], prices: [flatPrice]))
    for id in ["a", "b", "c"] { _ = ledger.admit(request(id, run: RunID("run_x"))) }
    let used = ledger.settle(EffectID("a"), usage: usage(input: 7, output: 3))
    #expect(used?.charge.basis == .usage && used?.charge.run == RunID("run_x"))
    #expect(used?.charge.inputTokens == TokenCount(7) && used?.charge.outputTokens == TokenCount(3))
    let held = ledger.settleAtHold(EffectID("b"))
    #expect(held?.charge.basis == .hold && held?.charge.spend == held?.held)
    let released = ledger.release(EffectID("c"))
    #expect(released?.charge.basis == .released && released?.charge.spend == .zero)
    #expect(ledger.settle(EffectID("a"), usage: usage()) == nil && ledger.release(EffectID("b")) == nil)
    #expect(ledger.report().spent(by: writer).cost == NanoUSD(4_000_000))
  }

  @Test func `a queued call is decided by the end of another, outside the lock`() {
    let ledger = Ledger(plan([budget(dollars: 4_000_000)], prices: [flatPrice]))
    _ = ledger.admit(request("1"))
    _ = ledger.admit(request("2"))
    let told = Told<Admission>()
    let answer = ledger.admit(request("3")) { admission in
      told.add(admission)
      // A callback may use the ledger.
      told.add(ledger.admit(request("4")))
    }
    #expect(answer == .queued && told.all.isEmpty)
    #expect(ledger.report().waitingCalls == 1)
    _ = ledger.release(EffectID("1"))
    #expect(told.all.first?.hold?.id == EffectID("3"))
    #expect(told.all.last == .queued)
    #expect(ledger.abandon(EffectID("4")) && !ledger.abandon(EffectID("4")) && !ledger.abandon(EffectID("3")))
  }

  @Test func `one who waited long enough hears how much is held`() {
    let ledger = Ledger(plan([budget(dollars: 2_000_000)], prices: [flatPrice]))
    _ = ledger.admit(request("1"))
    let told = Told<Admission>()
    _ = ledger.admit(request("2")) { told.add($0) }
    _ = ledger.admit(request("3")) { told.add($0) }
    let refusal = ledger.giveUp(EffectID("2"))
    #expect(refusal?.code == .busy && refusal?.isRetryable == true)
    #expect(refusal?.message.contains("$0.00 spent and $0.002 held of $0.002") == true)
    #expect(ledger.giveUp(EffectID("2")) == nil)
    _ = ledger.release(EffectID("1"))
    #expect(told.all.map(\.hold?.id) == [EffectID("3")])
  }

  @Test func `a changed configuration lets the waiting go`() {
    let ledger = Ledger(plan([budget(dollars: 2_000_000)], prices: [flatPrice]))
    _ = ledger.admit(request("1"))
    let told = Told<Admission>()
    _ = ledger.admit(request("2")) { told.add($0) }
    ledger.reconfigure(plan([budget(dollars: 4_000_000)], prices: [flatPrice]))
    #expect(told.all.first?.hold != nil)
  }

  @Test func `thresholds and broken bounds are announced, and a model that counts more is held to more`() {
    let told = Told<LedgerNotice>()
    var spec = budget(tokens: 10_000)
    spec.alertAt = [50]
    let ledger = Ledger(
      plan: plan([spec], prices: [flatPrice]), boot: BootID("boot_now"), clock: StillClock(), notice: told.add)
    let first = ledger.admit(request("1", cap: 10, bytes: 100)).hold
    #expect(first?.bound.tokens == TokenCount(300 + 80 + 10))
    let ended = ledger.settle(EffectID("1"), usage: usage(input: 5000, output: 10))
    #expect(ended?.isViolation == true)
    #expect(told.all.count == 2)
    guard case .threshold(let alert)? = told.all.first, case .boundViolation(let charge, let held)? = told.all.last
    else {
      Issue.record("two notices")
      return
    }
    #expect(alert.percent == 50)
    let line = told.all.map(\.description).joined(separator: "\n")
    #expect(line.contains("[NX-BUD-006] a call of agent"))
    #expect(line.contains("5010 tokens, where") && line.contains("has passed 50 %"))
    #expect(!line.contains("("), "no dump of a value")
    #expect(charge.spend.tokens == TokenCount(5010) && held.tokens == TokenCount(390))
    let second = ledger.admit(request("2", cap: 10, bytes: 90)).hold
    #expect(second?.bound.tokens ?? .zero > TokenCount(4500))
  }

  @Test(arguments: AdmissionRefusal.Code.allCases)
  func `every code for clients is spelled as their providers spell theirs`(code: AdmissionRefusal.Code) {
    #expect(code.wireName.hasPrefix("naos_"))
    #expect(code.wireName.utf8.allSatisfy { $0 == UInt8(ascii: "_") || (0x61...0x7A).contains($0) })
  }

  @Test func `a wall clock that runs ahead is announced once`() {
    let clock = StillClock()
    let told = Told<LedgerNotice>()
    let ledger = Ledger(plan: plan(prices: [flatPrice]), boot: BootID("boot_now"), clock: clock, notice: told.add)
    _ = ledger.admit(request("1"))
    clock.setAhead(9000)
    _ = ledger.admit(request("2"))
    _ = ledger.admit(request("3"))
    #expect(told.all == [.clockHeld] && ledger.report().isClockHeld)
    ledger.confirmClock()
    #expect(!ledger.report().isClockHeld)
  }

  @Test func `a report has nothing of a window that is over, before anybody counts in the next`() {
    let clock = StillClock()
    let budgets = [BudgetSpec(scope: .agent(writer), window: .hour, maxCost: NanoUSD(2_000_000))]
    let ledger = Ledger(plan: plan(budgets, prices: [flatPrice]), boot: BootID("boot_now"), clock: clock) { _ in }
    _ = ledger.admit(request("1"))
    _ = ledger.settle(EffectID("1"), usage: usage())
    func spent() -> NanoUSD? { ledger.report().lines(binding: [.agent(writer)]).first?.spent.cost }
    #expect(spent() == NanoUSD(2_000_000))
    // A wall clock that ran ahead alone opens no window.
    clock.setAhead(3600)
    #expect(spent() == NanoUSD(2_000_000))
    clock.setAhead(0)
    clock.go(3600)
    #expect(spent() == nil && ledger.report().spent(by: writer).cost == NanoUSD(2_000_000))
  }

  @Test func `budgets of a supervisor and of a run bind the agent`() {
    let team = SupervisorName("team")
    let budgets = [
      BudgetSpec(scope: .supervisor(team), window: .day, maxCost: NanoUSD(6_000_000)),
      BudgetSpec(scope: .agent(writer), window: .run, maxCost: NanoUSD(2_000_000)),
    ]
    let ledger = Ledger(plan(budgets, prices: [flatPrice], supervisor: team))
    for number in 1...3 {
      _ = ledger.admit(request("\(number)", run: RunID("run_\(number)")))
      _ = ledger.settle(EffectID("\(number)"), usage: usage())
    }
    #expect(ledger.admit(request("4", run: RunID("run_1"))).refusal?.refusal?.scope == "run:run_1/agent:writer")
    let refusal = ledger.admit(request("5", run: RunID("run_9"))).refusal
    #expect(refusal?.refusal?.scope == "supervisor:team")
    #expect(refusal?.reset == WallTime(microseconds: 20_781 * 86_400_000_000))
    #expect(refusal?.message.hasSuffix("spent. A new window begins at 2026-11-24T00:00:00.000Z.") == true)
    let line = ledger.report().lines(binding: [.supervisor(team)]).first
    #expect(line?.remaining?.cost == .zero && line?.window == .day && line?.isSoft == false)
  }

  @Test func `durable holds are synced one by one, and escrow syncs where a mark is raised`() {
    var project = plan([budget(dollars: 1_000_000_000)], prices: [flatPrice])
    let ledger = Ledger(project)
    let first = ledger.admit(request("1")).marks
    #expect(ledger.commitClass(of: first) == .synced)
    ledger.resolve(first, committed: true)
    #expect(ledger.settle(EffectID("1"), usage: usage()) != nil)
    #expect(ledger.commitClass(of: ledger.admit(request("2")).marks) == .logged)
    project.holds = .durable
    ledger.reconfigure(project)
    let third = ledger.admit(request("3")).marks
    #expect(third.isEmpty && ledger.commitClass(of: third) == .synced)
  }

  @Test func `a model of which nothing is known gets its own cap, and not what a fallback could give`() {
    let price = PriceSpec(model: "upstream/unknown", input: .zero, output: PicoUSDPerToken(1_000_000))
    let ledger = Ledger(plan([budget(dollars: 1_000_000_000)], prices: [price]))
    var ask = request("a", model: "unknown", cap: nil)
    ask.alternatives = [ModelReference(provider: "openai", model: "gpt-4o")]
    let admission = ledger.admit(ask)
    #expect(admission.cap == 8192)
    #expect(ledger.turn(EffectID("a"), to: ModelReference(provider: "openai", model: "gpt-4o")) == 16_384)
  }
}
