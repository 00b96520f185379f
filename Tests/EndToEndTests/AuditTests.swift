// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import Glibc
import NexusCore
import Testing

/// The audit log of a real node: what stands in it, and that nothing can be done to it unseen.
@Suite(.seated)
struct AuditTests {
  private static let config = """
    name: audited
    server: { port: 0 }
    audit: { anchor: outside.anchor, every: 1s }
    agents:
      echo: { command: [cat] }
      strict: { command: [sh, -c, 'echo 3'], output: { type: object }, retry: 1 }

    """

  private func used(_ body: (Project) async throws -> Void) async throws {
    try await Project.with(Self.config) { project in
      let node = try await project.up()
      for input in ["one", "two"] { #expect(try await project.naos("run", "echo", "--input", input).status == 0) }
      node.signal(SIGTERM)
      _ = try await node.end()
      try await body(project)
    }
  }

  /// The exit code of `audit verify`, and the kinds of what it found.
  private func verify(_ project: Project) async throws -> [String] {
    let outcome = try await project.naos("audit", "verify", "-o", "json")
    guard outcome.status == 0 || outcome.status == 11 else { return ["\(outcome.status)"] }
    let faults = try outcome.json["faults"]?.arrayValue ?? []
    return ["\(outcome.status)"] + faults.compactMap { $0["kind"]?.stringValue }
  }

  /// Runs a script of SQL on the project's database, as somebody would who can write it.
  private func tamper(_ project: Project, _ script: String) async throws {
    let program = "import sqlite3, sys; db = sqlite3.connect('.naos/nexus.db'); db.executescript(sys.argv[1])"
    let running = try project.start([try Checkout.python(), "-c", program, script])
    running.closeInput()
    let transcript = try await running.end()
    try #require(transcript.exit == .code(0), "\(transcript.errText)")
  }

  /// Keeps the state of a project and puts it back.
  private func restoring(_ project: Project, _ body: () async throws -> Void) async throws {
    let (state, copy) = (project.path(".naos"), project.path("kept"))
    try? FileManager.default.removeItem(atPath: copy)
    try FileManager.default.copyItem(atPath: state, toPath: copy)
    try await body()
    try FileManager.default.removeItem(atPath: state)
    try FileManager.default.moveItem(atPath: copy, toPath: state)
  }

  @Test func `who did what stands in the log, in order, and is intact`() async throws {
    try await Project.with(Self.config) { project in
      let node = try await project.up()
      #expect(try await project.naos("run", "echo", "--input", "one").status == 0)
      #expect(try await project.naos("run", "strict").status != 0)
      #expect(try await project.naos("stop", "echo").status == 0)
      node.signal(SIGTERM)
      _ = try await node.end()
      let tail = try await project.naos("audit", "tail", "-n", "1000", "-o", "jsonl")
      #expect(tail.status == 0, "\(tail.err)")
      let entries = try tail.out.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
      #expect(entries.map { $0["seq"]?.intValue } == (0..<Int64(entries.count)).map { $0 })
      let events = entries.compactMap { $0["event"]?.stringValue }
      #expect(events.first == "log.opened" && events.last == "node.stopped", "\(events)")
      for event in ["node.started", "operator.request", "operator.outcome", "run.started", "run.ended", "gate.verdict"]
      {
        #expect(events.contains(event), "\(event) is missing in \(events)")
      }
      let request = try #require(
        entries.first { $0["subject"]?.stringValue == "POST /api/v1/agents/{name}/stop" })
      #expect(request["actor"] == ["id": "owner", "kind": "operator", "authn": "token"])
      let verdict = try #require(entries.first { $0["event"]?.stringValue == "gate.verdict" })
      #expect(verdict["code"]?.stringValue?.hasPrefix("NX-GAT-") == true)
      #expect(try await verify(project) == ["0"])
      let found = try await project.naos("audit", "search", "GATE.verdict", "-o", "jsonl")
      #expect(found.out.split(separator: "\n").count >= 1)
    }
  }

  @Test func `an export is checked by another program, and so is a proof`() async throws {
    try await used { project in
      let exported = try await project.naos("audit", "export", project.path("export"))
      #expect(exported.status == 0, "\(exported.err)")
      let key = try project.read("export/key.pub").trimmingCharacters(in: .whitespacesAndNewlines)
      let proof = try await project.naos("audit", "prove", "2", "-o", "json")
      try project.write(proof.out, to: "proof.json")
      func check(_ arguments: [String]) async throws -> (exit: Transcript.Exit?, words: String) {
        let running = try project.start([try Checkout.python(), Checkout.support("verify_audit.py")] + arguments)
        running.closeInput()
        let transcript = try await running.end()
        return (transcript.exit, transcript.outText + transcript.errText)
      }
      for arguments in [[project.path("export"), key], ["--proof", project.path("proof.json"), key]] {
        let checked = try await check(arguments)
        #expect(checked.exit == .code(0), "\(checked.words)")
      }
      let entries = try project.read("export/entries.jsonl")
      try project.write(entries.replacing("completed", with: "succeeded"), to: "export/entries.jsonl")
      let changed = try await check([project.path("export"), key])
      #expect(changed.exit == .code(1) && changed.words.contains("not the one that was signed"), "\(changed.words)")
    }
  }

  @Test func `whatever is done to the database is found, by its kind`() async throws {
    try await used { project in
      #expect(try await verify(project) == ["0"])
      let last = "(SELECT max(seq) FROM audit_entry)"
      for (script, kind) in [
        (
          "UPDATE audit_entry SET entry = CAST(replace(CAST(entry AS TEXT), 'owner', 'nobody') AS BLOB) "
            + "WHERE CAST(entry AS TEXT) LIKE '%owner%'", "edited"
        ),
        ("UPDATE audit_entry SET leaf = zeroblob(32) WHERE seq = 2", "edited"),
        ("DELETE FROM audit_entry WHERE seq = 3", "missing"), ("DELETE FROM audit_entry WHERE seq = 0", "missing"),
        ("DELETE FROM audit_entry WHERE seq = \(last)", "missing"),
        (
          "UPDATE audit_entry SET seq = -7 WHERE seq = 2; UPDATE audit_entry SET seq = 2 WHERE seq = 3; "
            + "UPDATE audit_entry SET seq = 3 WHERE seq = -7", "misplaced"
        ),
        ("INSERT INTO audit_entry SELECT \(last) + 1, leaf, entry FROM audit_entry WHERE seq = 2", "misplaced"),
        ("UPDATE audit_log SET size = size - 1", "unsealed"), ("UPDATE audit_log SET seal = zeroblob(32)", "unsealed"),
        ("UPDATE audit_log SET origin = 'naos/audited/0'", "replaced"),
        ("UPDATE audit_checkpoint SET note = replace(note, 'naos/', 'naos-')", "unsigned"),
        ("DELETE FROM audit_log", "no-log"), ("DELETE FROM audit_entry; DELETE FROM audit_log", "tail-cut"),
      ] {
        try await restoring(project) {
          try await tamper(project, script)
          let found = try await verify(project)
          #expect(found.first == "11" && found.contains(kind), "\(script): \(found)")
          // No node goes on from there.
          let up = try await project.naos("up")
          #expect(up.status == 11 && up.err.contains("NX-STO-03"), "\(script): \(up.err)")
        }
      }
      #expect(try await verify(project) == ["0"])
    }
  }

  @Test func `what is kept beside the log can be read, and is checked with it`() async throws {
    try await Project.with(Self.config) { project in
      let node = try await project.up()
      let asked = try project.start([
        try Checkout.python(), Checkout.support("many_requests.py"), project.folder, "2", "POST",
        "/api/v1/agents/echo/stop", #"{"reason": "Tom Jones"}"#,
      ])
      _ = try await asked.end()
      node.signal(SIGTERM)
      _ = try await node.end()
      let tail = try await project.naos("audit", "tail", "-n", "1000", "-o", "jsonl")
      let kept = try tail.out.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        .filter { $0["payload"] != nil }
      #expect(kept.count == 2, "\(tail.out)")
      let number = try #require(kept.first?["seq"]?.intValue)
      let shown = try await project.naos("audit", "show", "\(number)", "-o", "json")
      #expect(try shown.json["payload"]?.stringValue?.contains("Tom Jones") == true, "\(shown.out)")
      #expect(try await project.naos("audit", "show", "999999").status == 5)
      #expect(try await verify(project) == ["0"])
      let forged = "UPDATE audit_payload SET bytes = CAST(replace(CAST(bytes AS TEXT), 'Tom', 'Tim') AS BLOB)"
      for (script, kinds) in [
        (forged, ["payload-edited", "payload-edited"]),
        ("DELETE FROM audit_payload WHERE seq = \(number)", ["payload-missing"]),
      ] {
        try await restoring(project) {
          try await tamper(project, script)
          #expect(try await verify(project) == ["11"] + kinds, "\(script)")
        }
      }
      // What is erased in order is missed by nobody.
      let digest = try #require(kept.first?["payload"]?.stringValue)
      #expect(try await project.naos("audit", "erase", "--payload", digest).status == 0)
      #expect(try await verify(project) == ["0"])
      #expect(try await project.naos("audit", "show", "\(number)", "-o", "json").json["payload"] == .null)
    }
  }

  @Test func `an older state of the whole project is found by an anchor that was kept elsewhere`() async throws {
    try await used { project in
      try FileManager.default.copyItem(atPath: project.path(".naos"), toPath: project.path("older"))
      #expect(try await project.naos("run", "echo", "--input", "three").status == 0)
      #expect(try await verify(project) == ["0"])
      try FileManager.default.removeItem(atPath: project.path(".naos"))
      try FileManager.default.moveItem(atPath: project.path("older"), toPath: project.path(".naos"))
      #expect(try await verify(project) == ["11", "tail-cut"])
      let up = try await project.naos("run", "echo", "--input", "four")
      #expect(up.status == 11 && up.err.contains("NX-STO-030"), "\(up.err)")
      // Whoever says so goes on with a new log, which names the old one.
      let renewed = try await project.naos("audit", "renew", "--yes")
      #expect(renewed.status == 0, "\(renewed.err)")
      #expect(project.exists(".naos/audit-1/entries.jsonl"))
      #expect(try await project.naos("run", "echo", "--input", "four").status == 0)
      #expect(try await verify(project) == ["0"])
      let first = try await project.naos("audit", "search", "log.opened", "-o", "json").json
      #expect(first["epoch"]?.intValue == 2 && first["details"]?["previous"]?.stringValue != nil, "\(first)")
    }
  }

  /// Whoever has the key can write a log of their own that is longer: the one that was seen outside is not its beginning.
  @Test func `another long log with the same key is found by the anchor, which stays as it was`() async throws {
    try await used { project in
      let (state, key, kept) = (project.path(".naos"), project.path(".naos/audit.key"), project.path("anchor"))
      func grow(_ count: Int) async throws {
        let node = try await project.up()
        let script = [try Checkout.python(), Checkout.support("many_requests.py"), project.folder, "\(count)"]
        let asking = try project.start(script + ["POST", "/api/v1/agents/nobody/stop"])
        let asked = try await asking.end()
        #expect(asked.outText == "404\n", "\(asked.errText)")
        node.signal(SIGTERM)
        #expect(try await node.end().exit == .code(0))
      }
      try FileManager.default.copyItem(atPath: state, toPath: project.path("older"))
      try await grow(10)
      try FileManager.default.moveItem(atPath: project.path("outside.anchor"), toPath: kept)
      try FileManager.default.removeItem(atPath: state)
      try FileManager.default.moveItem(atPath: project.path("older"), toPath: state)
      #expect(FileManager.default.fileExists(atPath: key))
      try await grow(600)
      #expect(try await verify(project) == ["0"])
      try FileManager.default.removeItem(atPath: project.path("outside.anchor"))
      try FileManager.default.copyItem(atPath: kept, toPath: project.path("outside.anchor"))
      let node = try project.startNaos("up")
      let ended = try await node.end()
      #expect(ended.exit == .code(11) && ended.errText.contains("NX-STO-030"), "\(ended.errText)")
      #expect(try project.read("outside.anchor") == String(contentsOfFile: kept, encoding: .utf8))
      #expect(try await verify(project) == ["11", "forged"])
    }
  }

  @Test func `a key, an anchor or a database that is gone is no reason to begin again in silence`() async throws {
    try await used { project in
      for (name, code) in [
        (".naos/audit.key", "NX-STO-031"), (".naos/audit.anchor", "NX-STO-030"), (".naos/nexus.db", "NX-STO-030"),
      ] {
        try await restoring(project) {
          try FileManager.default.removeItem(atPath: project.path(name))
          let up = try await project.naos("up")
          #expect(up.status == 11 && up.err.contains(code), "\(name): \(up.err)")
        }
      }
      // A torn anchor is no anchor.
      try await restoring(project) {
        let anchor = try project.read(".naos/audit.anchor")
        try project.write(String(anchor.dropLast(9)), to: ".naos/audit.anchor")
        #expect(try await verify(project) == ["11", "no-anchor"])
        #expect(try await project.naos("up").status == 11)
        // The other copy is as good.
        try project.write(try project.read("outside.anchor"), to: ".naos/audit.anchor")
        #expect(try await verify(project) == ["0"])
        #expect(try await project.naos("run", "echo", "--input", "x").status == 0)
      }
    }
  }

  @Test func `a node that is killed leaves a log that is whole, and the next one says so`() async throws {
    try await Project.with(Self.config) { project in
      for round in 1...3 {
        let node = try await project.up()
        #expect(try await project.naos("run", "echo", "--input", "\(round)").status == 0)
        node.signal(SIGKILL)
        _ = try await node.end()
        #expect(try await verify(project) == ["0"])
      }
      let node = try await project.up()
      node.signal(SIGTERM)
      _ = try await node.end()
      let crashes = try await project.naos("audit", "tail", "--event", "node.crashed", "-n", "1000", "-o", "jsonl")
      #expect(crashes.out.split(separator: "\n").count == 3, "\(crashes.out)")
    }
  }

  @Test func `the key is its owner's alone, and no agent's`() async throws {
    try await used { project in
      let mode = try FileManager.default.attributesOfItem(atPath: project.path(".naos/audit.key"))[.posixPermissions]
      #expect(mode as? Int == 0o600)
    }
  }
}
