// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// The schemas of agents, with the real binary.
@Suite(.seated)
struct SchemaTests {
  private static let config = """
    name: gates
    agents:
      counter:
        command: ["sh", "-c", "echo x >> tries; if [ $(wc -l < tries) -lt 3 ]; then echo '{\\"total\\": \\"three\\"}'; else echo '{\\"total\\": 3}'; fi"]
        retry: { maxAttempts: 3, initial: 0s }
        output: total.json
      liar:
        command: ["sh", "-c", "echo '{\\"total\\": -1}'"]
        retry: 2
        output: total.json
      twice: { command: ["sh", "-c", "echo '{\\"total\\": 1, \\"total\\": 2}'"], output: total.json, retry: 1 }
      picky:
        command: [cat]
        input: { type: object, required: [topic] }
      reader: { command: ["sh", "-c", "cat > read"] }
    workflows:
      chain: { steps: [ { name: make, agent: liar }, { name: read, agent: reader } ] }
    server: { port: 0 }

    """
  private static let schema =
    #"{"type": "object", "required": ["total"], "properties": {"total": {"type": "integer", "minimum": 0}}}"#

  @Test func `an output that does not fit is asked for again, and never read by the next step`() async throws {
    try await Project.with(Self.config) { project in
      try project.write(Self.schema, to: "total.json")
      let good = try await project.naos("run", "counter")
      #expect(good.status == 0, "\(good.err)")
      #expect(try good.json["total"] == 3)
      let bad = try await project.naos("run", "chain", "-o", "json")
      #expect(bad.status == 10, "\(bad.err)")
      #expect(try bad.json["error"]?["code"] == "NX-GAT-060")
      #expect(try bad.json["error"]?["message"]?.stringValue?.contains("/total") == true)
      #expect(!project.exists("read"))
      // What was meant as JSON is told as what it is not.
      let twice = try await project.naos("run", "twice", "-o", "json")
      let message = try twice.json["error"]?["message"]?.stringValue ?? ""
      #expect(message.contains("no JSON") && message.contains("duplicate"), "\(message)")
    }
  }

  @Test func `an input that does not fit starts nothing`() async throws {
    try await Project.with(Self.config) { project in
      try project.write(Self.schema, to: "total.json")
      let refused = try await project.naos("run", "picky", "--input", "about rain")
      #expect(refused.status == 10, "\(refused.err)")
      #expect(refused.err.contains("NX-GAT-061"))
      let taken = try await project.naos("run", "picky", "--input", #"{"topic": "rain"}"#)
      #expect(taken.status == 0, "\(taken.err)")
    }
  }

  @Test func `a schema that cannot be used is told where it is written`() async throws {
    try await Project.with(Self.config) { project in
      try project.write("{\"type\": \"object\",\n  oops}", to: "total.json")
      let validate = try await project.naos("config", "validate")
      #expect(validate.status == 3)
      #expect(validate.err.contains("total.json:2:3"), "\(validate.err)")
      #expect(validate.err.contains("NX-GAT-051"))
    }
  }
}
