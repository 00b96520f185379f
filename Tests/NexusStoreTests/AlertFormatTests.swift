// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusStore
import Testing

@Suite struct AlertFormatTests {
  private func alert(_ sign: BudgetAlert.Sign, limit: SpendLimit) -> ToldAlert {
    ToldAlert(
      BudgetAlert(
        key: CounterKey(scope: "run:run_1/agent:a", window: "run", index: 0), scope: .agent(AgentName("a")),
        window: .run, sign: sign, spent: Spend(cost: NanoUSD(7), tokens: TokenCount(8), requests: 9), limit: limit),
      at: WallTime(microseconds: 5))
  }

  @Test func `what was told comes back as it was`() throws {
    let told = [
      alert(.passed(percent: 80), limit: SpendLimit(cost: NanoUSD(10))),
      alert(.foreseen(WallTime(microseconds: 77)), limit: SpendLimit(tokens: TokenCount(10), requests: 3)),
    ]
    let row = try #require(AlertFormat.row(told))
    #expect(row.kind == .alert && row.name == "agent:a per run")
    #expect(try AlertFormat.book([row]) == AlertBook(told))
    #expect(AlertFormat.row([]) == nil)
  }

  @Test(arguments: [
    "", "[]", #"{"v":2,"alerts":[]}"#, #"{"v":1}"#, #"{"v":1,"alerts":[{}]}"#, #"{"v":1,"alerts":[],"more":1}"#,
    #"{"v":1,"alerts":[{"scope":"nobody","window":"day","counter":"x","index":1,"percent":5,"spent":{"nanoUSD":1,"tokens":1,"requests":1},"at":1}]}"#,
  ])
  func `what cannot be read is no reason to tell everything again`(state: String) {
    #expect(throws: StoreError.self) {
      try AlertFormat.book([ComponentRow(kind: .alert, name: "x", state: Array(state.utf8))])
    }
  }
}
