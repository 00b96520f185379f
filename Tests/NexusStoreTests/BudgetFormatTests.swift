// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusStore
import Testing

@Suite struct BudgetFormatTests {
  private let place = BudgetPlace(.agent(AgentName("a")), .day)

  @Test func `an override comes back as it was, and a cleared one as none`() throws {
    var override = BudgetOverride(place: place, maxCost: NanoUSD(5), at: WallTime(microseconds: 7))
    #expect(try BudgetFormat.overrides([BudgetFormat.row(override, at: place)])[place] == override)
    override.maxTokens = TokenCount(9)
    override.maxRequests = 11
    override.onLimit = .pause
    override.reason = "because \"of\" it"
    override.maxCost = nil
    let row = BudgetFormat.row(override, at: place)
    #expect(row.kind == .budget && row.name == "agent:a per day")
    #expect(try BudgetFormat.overrides([row])[place] == override)
    #expect(try BudgetFormat.overrides([BudgetFormat.row(nil, at: place)]).isEmpty)
  }

  @Test func `a note comes back with what it resolves`() throws {
    let plain = CorrectionNote(id: EffectID("eff_1"), reason: "why")
    let settling = CorrectionNote(id: EffectID("eff_2"), resolves: EffectID("eff_0"), reason: "the bill")
    let rows = BudgetFormat.rows(plain) + BudgetFormat.rows(settling)
    #expect(rows.map(\.kind) == [.correction, .correction, .resolution])
    #expect(rows.map(\.name) == ["eff_1", "eff_2", "eff_0"])
    let notes = try BudgetFormat.notes(rows.filter { $0.kind == .correction })
    #expect(notes == [plain.id: plain, settling.id: settling])
  }

  @Test(arguments: [
    "", "[]", #"{"v":2,"scope":"global","window":"day","isSet":false}"#,
    #"{"v":1,"scope":"x","window":"day","isSet":false}"#, #"{"v":1,"scope":"global","window":"year","isSet":false}"#,
    #"{"v":1,"scope":"global","window":"day","isSet":true}"#,
    #"{"v":1,"scope":"global","window":"day","isSet":true,"at":1,"onLimit":"shrug"}"#,
    #"{"v":1,"scope":"global","window":"day","isSet":true,"at":1,"maxNanoUSD":"5"}"#,
    #"{"v":1,"scope":"global","window":"day","isSet":true,"at":1,"more":5}"#,
  ])
  func `a limit that cannot be read is not taken for none`(state: String) {
    let row = ComponentRow(kind: .budget, name: "x", state: Array(state.utf8))
    #expect(throws: StoreError.self) { try BudgetFormat.overrides([row]) }
  }
}
