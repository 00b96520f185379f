// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// The state that agents share, and what becomes of those who go out from an old one, with the real binary.
@Suite(.seated)
struct ContextTests {
  /// An agent that does what its words say.
  private static func sharer(_ name: String, _ words: String...) throws -> String {
    let words = ([try Checkout.python(), Checkout.support("agents/sharer.py")] + words).map { JSONValue.string($0) }
    return "\(name): { command: \(JSONValue.array(words).text()), retry: { maxAttempts: 1 } }"
  }

  private static func config(_ agents: [String], _ rest: String) -> String {
    """
    name: sharing
    server: { port: 0 }
    agents:
      payer: { command: ["sh", "-c", "cat >> paid; echo >> paid; echo '{}'"] }
    \(agents.map { "  " + $0 }.joined(separator: "\n"))
    \(rest)

    """
  }

  private static func lines(_ project: Project, _ name: String) -> [String] {
    ((try? project.read(name)) ?? "").split(separator: "\n").map(String.init)
  }

  // MARK: State

  @Test func `a value is written over the version that was read, and by nobody who has read an older one`() async throws
  {
    let config = Self.config(
      [
        try Self.sharer("first", "put", "price", "10", "0", "put", "price", "11", "0", "get", "price"),
        try Self.sharer(
          "second", "get", "price", "put", "price", "12", "read", "put", "price", "13", "read", "get", "price"),
      ],
      """
      workflows:
        prices: { steps: [ { name: first, agent: first }, { name: second, agent: second } ] }
      """)
    try await Project.with(config) { project in
      let outcome = try await project.naos("run", "prices", "-o", "json")
      #expect(outcome.status == 0, "\(outcome.err)")
      #expect(
        Self.lines(project, "answers") == [
          "first put 200 null", "first put 409 NX-GAT-105", "first get 200 10",
          "second get 200 10", "second put 200 null", "second put 409 NX-GAT-105", "second get 200 12",
        ])
      let list = try await project.naos("state", "list", "-o", "json").json["keys"]?.arrayValue ?? []
      #expect(list.map { $0["key"] } == ["price"])
      #expect(list.first?["versions"]?.arrayValue?.first?["version"] == 2)
      let shown = try await project.naos("state", "show", "price")
      #expect(shown.out.contains("second · ") && shown.out.contains("superseded"), "\(shown.out)")
      let none = try await project.naos("state", "show", "nothing")
      #expect(none.status == 5 && none.err.contains("NX-GAT-107"), "\(none.err)")
    }
  }

  @Test func `what is not understood is not written`() async throws {
    let config = Self.config(
      [
        try Self.sharer(
          "clumsy", "get", "none", "put", "k", "1", "-1", "context", #"{"key": "k", "verison": 1}"#, "context",
          #"{"key": "k", "validUntil": "soon"}"#, "context", #"{"key": "k", "observedAt": "2999-01-01T00:00:00Z"}"#,
          "put", "k", "\"" + String(repeating: "x", count: 70_000) + "\"", "0")
      ], "")
    try await Project.with(config) { project in
      let outcome = try await project.naos("run", "clumsy")
      #expect(outcome.status == 0, "\(outcome.err)")
      #expect(
        Self.lines(project, "answers") == [
          "main get 404 NX-GAT-107", "main put 400 NX-API-001", "main context 400 NX-API-001",
          "main context 400 NX-API-001", "main context 400 NX-API-001", "main put 413 NX-GAT-106",
        ])
      let list = try await project.naos("state", "list", "-o", "json").json
      #expect(list["keys"] == [])
    }
  }

  // MARK: Stale

  /// The price is read, and written by somebody else before the step that read it is over.
  private static func overtaken(_ freshness: String) throws -> String {
    config(
      [
        try sharer("first", "put", "price", "10", "0"),
        // The second time nobody is faster any more.
        try sharer(
          "orderer", "get", "price", "once", "overtaken", "call", "faster", "then", "print", #"{"ordered": true}"#),
        try sharer("faster", "get", "price", "put", "price", "12", "read"),
        "reader: { command: [\"sh\", \"-c\", \"cat > read; cat read\"] }",
      ],
      """
      workflows:
        orders: { steps: [ { name: first, agent: first }, { name: order, agent: orderer }, { name: read, agent: reader } ] }
      validators:
        priced: { target: steps.order.output, freshness: \(freshness) }
      """)
  }

  @Test func `an output made out of what is superseded is asked for anew`() async throws {
    try await Project.with(try Self.overtaken("{ superseded: refresh }")) { project in
      let outcome = try await project.naos("run", "orders", "-o", "json")
      #expect(outcome.status == 0, "\(outcome.err)")
      #expect(
        Self.lines(project, "answers") == [
          "first put 200 null", "order get 200 10", "main get 200 10", "main put 200 null", "order call 200 null",
          "order get 200 12",
        ])
      let run = try #require(try outcome.json["id"]?.stringValue)
      let journal = try await project.naos("runs", "journal", run, "-o", "jsonl")
      let entries = try journal.out.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
      let read = entries.filter { $0["kind"] == "context-read" }.compactMap { $0["entry"]?["version"] }
      #expect(read == [1, 2])
      let judged = entries.filter { $0["kind"] == "judged" }
      #expect(judged.compactMap { $0["entry"]?["consequence"] } == ["retry", "pass"])
      #expect(journal.out.contains("was read in version 1, and is in version 2 now"), "\(journal.out)")
    }
  }

  @Test func `superseded context is refused where it may not be read anew`() async throws {
    try await Project.with(try Self.overtaken("{ superseded: stop }")) { project in
      let outcome = try await project.naos("run", "orders", "-o", "json")
      #expect(outcome.status == 10, "\(outcome.err)")
      #expect(try outcome.json["status"] == "stopped")
      #expect(!project.exists("read"))
    }
  }

  @Test func `stale context is refused before the action that follows from it`() async throws {
    func config(_ onStale: String) throws -> String {
      Self.config(
        [
          try Self.sharer("first", "put", "price", "10", "0"),
          try Self.sharer(
            "buyer", "get", "price", "once", "overtaken", "call", "faster", "call", "payer", "get", "price", "then",
            "call",
            "payer"),
          try Self.sharer("faster", "get", "price", "put", "price", "12", "read"),
          try Self.sharer(
            "guesser", "context", #"{"key": "weather", "source": "a window"}"#, "call", "payer", "context",
            #"{"key": "weather", "source": "a window", "validUntil": "10m"}"#, "call", "payer"),
        ],
        """
        workflows:
          buys: { steps: [ { name: first, agent: first }, { name: buy, agent: buyer } ] }
        governance:
          onStaleContext: \(onStale)
          tools: { agents.payer: { effect: irreversible }, agents.faster: { effect: readOnly } }
          boundaries: [ { id: all, permit: "true" } ]
        """)
    }
    try await Project.with(try config("refuse")) { project in
      let outcome = try await project.naos("run", "buys", "-o", "json")
      #expect(outcome.status == 0, "\(outcome.err)")
      #expect(
        Self.lines(project, "answers").filter { $0.hasPrefix("buy ") } == [
          "buy get 200 10", "buy call 200 null", "buy call 403 NX-GAT-108", "buy get 200 12", "buy call 200 null",
        ])
      // Only what was decided on the price of now was paid.
      #expect(Self.lines(project, "paid") == ["12"])
      // Of what nobody can tell, nothing that cannot be undone is done.
      #expect(try await project.naos("run", "guesser").status == 0)
      #expect(
        Self.lines(project, "answers").suffix(4) == [
          "main context 200 unknown", "main call 403 NX-GAT-108", "main context 200 fresh", "main call 200 null",
        ])
    }
    try await Project.with(try config("stop")) { project in
      let outcome = try await project.naos("run", "buys", "-o", "json")
      #expect(outcome.status == 10, "\(outcome.err)")
      #expect(try outcome.json["error"]?["code"] == "NX-GAT-108", "\(outcome.out)")
      #expect(!project.exists("paid"))
    }
  }

  // MARK: Quarantine

  @Test func `what an invalid intermediate result has left behind is quarantined, and its readers are known`()
    async throws
  {
    let config = Self.config(
      [
        try Self.sharer("first", "put", "price", "10", "0"),
        // Writes what is wrong, has it read, and comes to a wrong result.
        try Self.sharer(
          "guesser", "get", "price", "put", "price", "-5", "read", "call", "looker", "print", #"{"price": -5}"#),
        try Self.sharer("looker", "get", "price"),
      ],
      """
      workflows:
        prices: { steps: [ { name: first, agent: first }, { name: guess, agent: guesser } ] }
      validators:
        positive:
          target: steps.guess.output
          retry: 1
          rules: [ { id: positive, expr: "output.price > 0.0", onFail: stop } ]
      """)
    try await Project.with(config) { project in
      let outcome = try await project.naos("run", "prices", "-o", "json")
      #expect(outcome.status == 10, "\(outcome.err)")
      #expect(Self.lines(project, "answers").contains("main get 200 -5"))
      let shown = try await project.naos("state", "show", "price", "-o", "json").json
      let versions = shown["versions"]?.arrayValue ?? []
      #expect(versions.map { $0["version"] } == [3, 2, 1])
      #expect(versions.first?["value"] == 10 && versions.first?["restores"] == 1)
      #expect(versions.dropFirst().first?["quarantined"] == true)
      let readers = versions.dropFirst().first?["readers"]?.arrayValue ?? []
      #expect(readers.count == 1 && readers[0].stringValue?.hasSuffix("/main") == true, "\(shown.text())")
      // Whoever comes next reads what was good.
      #expect(try await project.naos("run", "looker", "-o", "json").json["output"] == 10)
      #expect(try await project.naos("state", "show", "price").out.contains("quarantined"))
    }
  }

  @Test func `a doubt about what was read halts the run where the project wants that`() async throws {
    let config = Self.config(
      [
        try Self.sharer(
          "guesser", "context", #"{"key": "weather", "source": "a window"}"#, "call", "payer", "print",
          #"{"done": true}"#)
      ],
      """
      governance:
        stopWhen: [readSetUnknown]
        tools: { agents.payer: { effect: irreversible } }
        boundaries: [ { id: all, permit: "true" } ]
      """)
    try await Project.with(config) { project in
      let outcome = try await project.naos("run", "guesser", "-o", "json")
      #expect(outcome.status == 11, "\(outcome.err)")
      #expect(try outcome.json["status"] == "halted")
      #expect(try outcome.json["error"]?["message"]?.stringValue?.contains("readSetUnknown") == true, "\(outcome.out)")
      #expect(!project.exists("paid"))
    }
  }
}
