// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// `naos gate check` as a filter, in a folder without a project.
@Suite(.seated)
struct GateCheckTests {
  private static let schema = """
    {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}, "day": {"format": "date"}}}
    """

  @Test func `each line gets a verdict, and the exit status says whether all may go on`() async throws {
    try await Project.with { project in
      try project.write(Self.schema, to: "schema.json")
      try project.write(
        "- {id: cap, expr: output.total <= 10, path: /total, onFail: retry}\n- {id: even, expr: output.total % 2 == 0, onFail: warn}\n",
        to: "rules.yaml")
      let lines =
        #"{"total": 4}"# + "\n\n" + #"{"total": 3}"# + "\r\n" + #"{"total": 12}"# + "\nnot json\n" + #"{"total": "4"}"#
      try project.write(lines, to: "values.jsonl")
      let check = try await project.naos(
        "gate", "check", "--schema", "schema.json", "--rules", "rules.yaml", "values.jsonl")
      #expect(check.status == 10, "\(check.err)")
      let verdicts = try check.out.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
      #expect(verdicts.map { $0["verdict"]?.stringValue } == ["pass", "warn", "retry", "stop", "stop"])
      #expect(verdicts[2]["errors"]?.arrayValue?.first?["path"] == "/total")
      #expect(check.err.contains("2 of 5 pass"))
      let json = try await project.naos("gate", "check", "--schema", "schema.json", "-o", "json", "values.jsonl")
      #expect(try json.json.arrayValue?.count == 5)
      try project.write(#"{"total": 3}"#, to: "one.json")
      #expect(try await project.naos("gate", "check", "--rules", "rules.yaml", "one.json").status == 10)
      #expect(
        try await project.naos("gate", "check", "--schema", "schema.json", "--rules", "rules.yaml", "one.json").status
          == 0)
    }
  }

  @Test func `formats assert only when they are asked to`() async throws {
    try await Project.with { project in
      try project.write(Self.schema, to: "schema.json")
      try project.write(#"{"total": 1, "day": "someday"}"#, to: "value.json")
      let check = ["gate", "check", "--schema", "schema.json", "value.json"]
      #expect(try await project.naos(check).status == 0)
      #expect(try await project.naos(check + ["--assert-formats"]).status == 10)
    }
  }

  @Test func `what it cannot check against is told, and nothing passes`() async throws {
    try await Project.with { project in
      try project.write("{}", to: "value.json")
      try project.write(#"{"type": "strin"}"#, to: "wrong.json")
      try project.write("- {id: a, expr: output.total > }\n", to: "rules.yaml")
      for (arguments, status, word) in [
        (["value.json"], Int32(2), "NX-API-016"), (["--schema", "none.json", "value.json"], 3, "NX-CFG-002"),
        (["--schema", "wrong.json", "value.json"], 3, "NX-GAT-052"),
        (["--rules", "rules.yaml", "value.json"], 3, "rules.yaml:1:"),
        (["--schema", "value.json", "nowhere.json"], 2, "nowhere.json"),
      ] {
        let outcome = try await project.naos(["gate", "check"] + arguments)
        #expect(outcome.status == status, "\(arguments): \(outcome.err)")
        #expect(outcome.err.contains(word), "\(arguments): \(outcome.err)")
        #expect(outcome.out.isEmpty)
      }
    }
  }

  @Test func `a line beyond the limit is refused, and the next one is read`() async throws {
    try await Project.with { project in
      try project.write("{}", to: "schema.json")
      try project.write(String(repeating: " ", count: (4 << 20) + 1) + "1\n2\n", to: "values.jsonl")
      let check = try await project.naos("gate", "check", "--schema", "schema.json", "values.jsonl")
      #expect(check.status == 10)
      #expect(check.out.contains("limitPassed"))
      #expect(check.err.contains("1 of 2 pass"))
    }
  }
}
