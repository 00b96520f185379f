// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusEgress
import Testing

struct DenialCountsTests {
  private let cpu = "skills.x: limits.cpu"

  private func caller(_ run: String) -> Caller {
    Caller(agent: AgentName("a"), run: RunID(run), step: .main, attempt: AttemptNumber(1))
  }

  private func told(_ events: [DenialEvent]) -> [String] {
    events.map { "\($0.caller.run?.text ?? "") \($0.target) \($0.count)" }
  }

  @Test func `each run is told of its own, at once and whenever the count has doubled`() {
    var counts = DenialCounts()
    #expect(told(counts.note(.limit, cpu, of: caller("r1"))) == ["r1 skills.x: limits.cpu 1"])
    #expect(told(counts.note(.limit, cpu, of: caller("r2"))) == ["r2 skills.x: limits.cpu 1"])
    #expect(told(counts.note(.limit, cpu, of: caller("r1"))) == ["r1 skills.x: limits.cpu 1"])
    #expect(told(counts.note(.limit, cpu, of: caller("r1"))) == [])
    #expect(told(counts.note(.limit, cpu, of: caller("r1"))) == ["r1 skills.x: limits.cpu 2"])
  }

  @Test func `a run that is forgotten leaves nothing untold`() {
    var counts = DenialCounts()
    for _ in 0..<3 { _ = counts.note(.limit, cpu, of: caller("first")) }
    var late: [DenialEvent] = []
    for index in 0..<DenialCounts.mostCallers {
      late += counts.note(.limit, cpu, of: caller("r\(index)")).filter { $0.caller.run == RunID("first") }
    }
    #expect(told(late) == ["first skills.x: limits.cpu 1"])
  }

  @Test func `different ones of a run are bounded`() {
    var counts = DenialCounts()
    for index in 0..<DenialCounts.most { _ = counts.note(.limit, "\(index)", of: caller("r")) }
    #expect(told(counts.note(.limit, cpu, of: caller("r"))) == ["r (others) 1"])
  }
}
