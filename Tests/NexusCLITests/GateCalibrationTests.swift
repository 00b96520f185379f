// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCLI
import NexusCore
import Testing

@Suite struct `What people made of confidence` {
  private func item(_ kind: String, _ entry: JSONValue) -> JournalItem {
    JournalItem(
      sequence: JournalSequence(1), at: WallTime(microseconds: 1), kind: kind, summary: "", entry: entry)
  }

  private func judged(_ confidence: String?, more: [JSONValue] = [], step: String = "a") -> JournalItem {
    let errors: [JSONValue] = confidence.map { [["code": "confidenceLow", "got": .string($0)]] } ?? []
    let finding: JSONValue = [
      "validator": "sure", "verdict": errors.isEmpty && more.isEmpty ? "pass" : "escalate",
      "errors": .array(errors + more),
    ]
    return item("judged", ["step": .string(step), "findings": [finding]])
  }

  private func decided(_ word: String, step: String = "a") -> JournalItem {
    item("gate-decided", ["step": .string(step), "decision": .string(word)])
  }

  private func calibration(_ journal: [JournalItem]) -> GateCalibration? {
    var all: [String: GateCalibration] = [:]
    GateCalibration.take(journal, into: &all)
    return all["sure"]
  }

  @Test func `counts what was decided by how sure it was`() throws {
    let found = try #require(
      calibration([
        judged(nil), judged("0.73"), decided("accept"), judged("0.71"), decided("retry"), judged("0.72"),
        decided("stop"), judged("0.92", step: "b"), judged("0.1"), decided("accept", step: "b"),
      ]))
    #expect(found.asked == 6 && found.fired == 5)
    #expect(found.decided == 4)
    #expect(found.bins[14] == GateCalibration.Bin(decided: 3, accepted: 1))
    #expect(found.bins[18] == GateCalibration.Bin(decided: 1, accepted: 1))
  }

  @Test func `leaves out what was decided for another reason as well`() {
    let found = calibration([judged("0.7", more: [["code": "ruleBroken"]]), decided("accept")])
    #expect(found?.fired == 1 && found?.decided == 0)
  }

  @Test func `names from where on nearly all was accepted, and nothing where little is known`() {
    func journal(_ confidence: String, accepted: Int, of count: Int) -> [JournalItem] {
      (0..<count).flatMap { [judged(confidence), decided($0 < accepted ? "accept" : "stop")] }
    }
    let known =
      journal("0.96", accepted: 20, of: 20) + journal("0.86", accepted: 19, of: 20)
      + journal("0.66", accepted: 10, of: 20)
    #expect(calibration(known)?.threshold(accepting: 0.95) == 0.85)
    #expect(calibration(known)?.threshold(accepting: 0.5) == 0.65)
    #expect(calibration(known)?.threshold(accepting: 1) == 0.95)
    #expect(calibration(journal("0.95", accepted: 9, of: 9))?.threshold(accepting: 0.5) == nil)
  }
}
