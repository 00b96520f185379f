// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct `What the end of an attempt says of its run` {
  private func machine(after journal: [RunEntry]) -> RunMachine {
    var state = RunState()
    state.apply(.created(RunCreation(kind: .agent, name: "a", input: .null, definition: DefinitionHash("d"))))
    for entry in journal { state.apply(entry) }
    return RunMachine(state: state, retry: RetryPolicy())
  }

  private func play(_ machine: inout RunMachine, _ event: RunMachine.Event) {
    for entry in machine.decide(event).entries { machine.apply(entry) }
  }

  @Test(arguments: [
    (BudgetRefusal.Reason.loop, PauseReason.loop, "NX-GWY-052"), (.ceiling, .calls, "NX-GWY-053"),
    (.exhausted, .budget, "NX-BUD-001"),
  ])
  func `a pause for a loop, or for too many calls, is not one for a budget`(
    reason: BudgetRefusal.Reason, pause: PauseReason, code: String
  ) {
    for action in [OnLimit.pause, .refuse] {
      var machine = machine(after: [])
      play(&machine, .claimed(trapped: false))
      let refusal = BudgetRefusal(reason: reason, scope: "agent:a", action: action, message: "no more")
      play(&machine, .attemptEnded(AttemptEnd(outcome: .budgetStopped(refusal)), output: nil))
      #expect(machine.state.pauseReason == (action == .pause ? pause : nil))
      #expect(machine.state.error?.code == (action == .pause ? nil : code))
    }
  }

  @Test func `what an attempt came to whose node died is written down with its end`() {
    let spent = Spend(cost: NanoUSD(7), tokens: TokenCount(40))
    var machine = machine(after: [.attemptStarted(step: .main, attempt: AttemptNumber(1), dropped: 0)])
    #expect(machine.orphanedSteps == [.main])
    machine.note(spent: [.main: spent])
    play(&machine, .claimed(trapped: false))
    #expect(machine.orphanedSteps.isEmpty)
    #expect(machine.outlook.cost == spent.cost && machine.outlook.tokens == spent.tokens)
    // Once only: the next attempt says itself what it came to.
    play(
      &machine,
      .attemptEnded(AttemptEnd(outcome: .succeeded, tokens: TokenCount(2), cost: NanoUSD(3)), output: "done"))
    #expect(machine.outlook.cost == NanoUSD(10) && machine.outlook.tokens == TokenCount(42))
  }
}
