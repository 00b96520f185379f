// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// What rules say of flows, and what a dashboard hears of questions to people, with the real binary.
@Suite(.seated)
struct GovernedFlowTests {
  @Test(
    arguments: [
      ("detour", 50, nil), ("detour", 900, "NX-GAT-091"), ("detour", 200, "NX-GAT-111"), ("around", 900, "NX-GAT-091"),
      ("crowd", 900, "NX-GAT-091"), ("open", 1, "NX-GAT-090"),
    ] as [(String, Int, String?)])
  func `an agent has nothing done by a flow that it may not have done by a call`(
    flow: String, amount: Int, code: String?
  ) async throws {
    let flows = """
      \(try GovernanceTests.config())
      workflows:
        detour: { steps: [ { name: pay, agent: payer } ] }
        around: { steps: [ { name: further, workflow: detour } ] }
        open: { steps: [ { name: again, agent: clerk } ] }
      pools:
        crowd: { agents: [payer, payer], strategy: first }

      """
    let names = ["detour", "around", "crowd", "open"]
    let declared = names.map { "    agents.\($0): { effect: readOnly, egress: false }\n" }
    let config = flows.replacingOccurrences(
      of: "    agents.reader:", with: declared.joined() + "    agents.reader:")
    try await Project.with(config) { project in
      let input = #"{"steps": [{"call": "\#(flow)", "input": {"amount": \#(amount)}}]}"#
      let run = try await project.naos("run", "clerk", "--input", input, "-o", "json")
      let called = try await project.naos("runs", "list", flow, "--all", "-o", "json").json["runs"]?.arrayValue?.first
      // A pool whose members may do nothing has no answer, and says so in its own words.
      let status = code == nil ? "completed" : flow == "crowd" ? "failed" : "stopped"
      #expect(called?["status"]?.stringValue == status, "\(run.out)\(run.err)")
      // What stopped a flow within it is told of that one.
      if flow == "detour" || flow == "open" { #expect(called?["error"]?["code"]?.stringValue == code) }
      #expect(project.exists("paid") == (code == nil))
      // Who starts it by hand is asked by nobody.
      guard flow == "detour", amount == 900 else { return }
      let own = try await project.naos("run", flow, "--input", #"{"amount": 900}"#)
      #expect(own.status == 0, "\(own.err)")
      #expect(project.exists("paid"))
    }
  }

  @Test func `questions to people and what becomes of them come over the stream`() async throws {
    guard let curl = Checkout.onPath("curl") else { return }
    try await Project.with(try GovernanceTests.config()) { project in
      let node = try await project.up()
      let url = try #require(try await project.naos("status", "-o", "json").json["node"]?["dashboard"]?.stringValue)
      let token = try project.read(".naos/token").trimmingCharacters(in: .newlines)
      let stream = try project.start([curl, "-sN", "-H", "Authorization: Bearer \(token)", "\(url)/api/v1/stream"])
      try await stream.wait(for: "the snapshot") { $0.outText.contains("event: snapshot") ? true : nil }
      let run = try await project.naos("run", "clerk", "--input", GovernanceTests.pay(420), "--detach").out
        .trimmingCharacters(in: .newlines)
      let mark = #""type":"approval","approval":""#
      let asked = try await stream.wait(for: "the question") { transcript -> Substring? in
        transcript.outText.range(of: mark).map { transcript.outText[$0.upperBound...].prefix { $0 != "\n" } }
      }
      let expected = [#""run":"\#(run)""#, #""tool":"agents.payer""#, #""status":"requested""#]
      for part in expected { #expect(asked.contains(part), "\(asked)") }
      let id = String(asked.prefix { $0 != "\"" })
      #expect(try await project.naos("approvals", "approve", id).status == 0)
      try await stream.wait(for: "the answer") { transcript in
        transcript.outText.components(separatedBy: mark).dropFirst(2).contains {
          $0.hasPrefix(id) && $0.contains(#""status":"approved""#)
        } ? true : nil
      }
      #expect(try await project.naos("runs", "wait", run).status == 0)
      node.signal(SIGTERM)
      try await node.end()
      try await stream.end()
    }
  }
}
