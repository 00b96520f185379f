// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// `naos secret`, and what uses it.
@Suite(.seated)
struct SecretTests {
  private static let value = "sk-canary-5e2f"

  private func bytes(_ project: Project, _ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: project.path(".naos/\(name)"))))
  }

  private func mode(_ project: Project, _ name: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: project.path(".naos/\(name)"))
    return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
  }

  @Test func `secrets are set, listed and deleted, and never shown`() async throws {
    try await Project.with("name: secrets\n") { project in
      #expect(
        try await project.naos("secret", "list", "-o", "json").json["secrets"]?.arrayValue?.isEmpty
          == true)
      let set = try await project.naos(
        "secret", "set", "openai-key", "-o", "json", input: Self.value + "\n")
      #expect(set.status == 0, "\(set.err)")
      #expect(try set.json["new"] == true)
      #expect(try await project.naos("secret", "set", "other", input: "x").status == 0)
      let again = try await project.naos(
        "secret", "set", "openai-key", "-o", "json", input: Self.value)
      #expect(try again.json["new"] == false)
      let list = try await project.naos("secret", "list", "-o", "json")
      #expect(
        try list.json["secrets"]?.arrayValue?.compactMap { $0["name"]?.stringValue } == [
          "openai-key", "other",
        ])
      for file in ["secrets", "secrets.key", "secrets.lock"] {
        #expect(try mode(project, file) == 0o600, "\(file)")
      }
      let kept = String(decoding: try bytes(project, "secrets"), as: UTF8.self)
      #expect(!kept.contains("canary") && !kept.contains("openai-key"), "names are encrypted too")
      for outcome in [set, again, list] { #expect(!(outcome.out + outcome.err).contains("canary")) }
      #expect(try await project.naos("secret", "delete", "other").status == 0)
      #expect(try await project.naos("secret", "delete", "other").status == 5)
      #expect(try await project.naos("secret", "set", "a/b", input: "x").status == 2)
      #expect(try await project.naos("secret", "set", "empty", input: "").status == 2)
      #expect(
        try await project.naos(
          "secret", "set", "long", input: String(repeating: "x", count: 20_000)
        ).status == 2)
      // The value is no argument.
      #expect(try await project.naos("secret", "set", "b", Self.value, input: "x").status == 2)
    }
  }

  @Test func `what is typed at a terminal is not shown, and Ctrl-C changes nothing`() async throws {
    try await Project.with("name: secrets\n") { project in
      for (answer, exit) in [(Self.value + "\r", Int64(0)), (Self.value + "\u{3}", 130)] {
        let run = try project.start([
          Checkout.python(), Checkout.support("hidden.py"), answer, Checkout.naos, "secret", "set",
          "typed",
        ])
        let said = try JSONValue(parsing: Array(try await run.end().outText.utf8))
        #expect(said["exit"]?.intValue == exit, "\(said)")
        #expect(
          said["seen"]?.stringValue?.contains("canary") == false && said["restored"] == true,
          "\(said)")
      }
      #expect(try await project.naos("secret", "list").out.contains("typed"))
    }
  }

  @Test func `a changed byte, another key and a key that others may read are errors with codes`()
    async throws
  {
    try await Project.with("name: secrets\n") { project in
      #expect(try await project.naos("secret", "set", "one", input: "x").status == 0)
      let (file, key) = (try bytes(project, "secrets"), try bytes(project, "secrets.key"))
      func refused(_ code: String, _ what: String) async throws {
        for words in [["secret", "list"], ["secret", "set", "two"], ["secret", "delete", "one"]] {
          let outcome = try await project.naos(words, input: "y")
          #expect(outcome.status == 1 && outcome.err.contains(code), "\(what): \(outcome.err)")
        }
      }
      func write(_ bytes: [UInt8], _ name: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: project.path(".naos/\(name)")))
      }
      // The mark, the version, the nonce, the text and the tag.
      for (place, code) in [
        (0, "NX-STO-042"), (12, "NX-STO-042"), (13, "NX-STO-040"), (30, "NX-STO-040"),
        (file.count - 1, "NX-STO-040"),
      ] {
        var changed = file
        changed[place] ^= 1
        try write(changed, "secrets")
        try await refused(code, "byte \(place)")
      }
      try write(Array(file.dropLast()), "secrets")
      try await refused("NX-STO-040", "cut short")
      try write(file, "secrets")
      var other = key
      other[5] ^= 1
      try write(other, "secrets.key")
      try await refused("NX-STO-040", "another key")
      try write(Array(key.dropLast()), "secrets.key")
      try await refused("NX-STO-041", "half a key")
      try write(key, "secrets.key")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o644], ofItemAtPath: project.path(".naos/secrets.key"))
      try await refused("NX-STO-041", "a key for all to read")
      try FileManager.default.removeItem(atPath: project.path(".naos/secrets.key"))
      try await refused("NX-STO-041", "no key")
      try write(key, "secrets.key")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o600], ofItemAtPath: project.path(".naos/secrets.key"))
      #expect(try await project.naos("secret", "list").out.contains("one"), "nothing was lost")
    }
  }

  @Test func `many who set at once lose nothing`() async throws {
    try await Project.with("name: secrets\n") { project in
      try await withThrowingTaskGroup(of: Int32.self) { group in
        for number in 0..<8 {
          group.addTask {
            try await project.naos("secret", "set", "key-\(number)", input: "value").status
          }
        }
        for try await status in group { #expect(status == 0) }
      }
      let list = try await project.naos("secret", "list", "-o", "json")
      #expect(try list.json["secrets"]?.arrayValue?.count == 8)
    }
  }

  @Test func `a provider takes its key from there, and it is shown nowhere`() async throws {
    let python = try Checkout.pythonSDK()
    try await Project.with { project in
      let upstream = try await Upstream(for: project, ["TELL_KEY": "1"])
      try project.copy(Checkout.support("agents/spender.py"), to: "agent.py")
      try project.write(
        upstream.config.replacing("apiKey: sk-test", with: "apiKey: \"secret:upstream\"") + """
          name: secrets
          agents:
            spender: { command: [\(python), agent.py], env: { MODEL: fake/fixed, CLIENTS: "1", QUESTIONS: "1" } }

          """, to: "nexus.config.yaml")
      #expect(try await project.naos("secret", "set", "upstram", input: "x").status == 0)
      let missing = try await project.naos("config", "validate")
      #expect(missing.status == 3)
      #expect(
        missing.err.contains("nexus.config.yaml:2:") && missing.err.contains("NX-CFG-262"),
        "\(missing.err)")
      #expect(missing.err.contains("upstram"), "it suggests the one that is there")
      #expect(try await project.naos("secret", "set", "upstream", input: Self.value).status == 0)
      #expect(try await project.naos("config", "validate").status == 0)
      let shown = try await project.naos("config", "show")
      #expect(
        shown.out.contains("secret:upstream") && !shown.out.contains("canary"), "\(shown.out)")
      let node = try await project.up()
      #expect(try await project.naos("run", "spender").status == 0)
      #expect(upstream.keys.allSatisfy { $0.contains(Self.value) } && !upstream.keys.isEmpty)
      #expect(try await project.naos("secret", "list").out.contains("provider fake"))
      let logs = try await project.naos("logs", "spender").out
      node.signal(SIGTERM)
      let words = try await node.end().errText
      #expect(words.contains("the secret upstream was read for provider fake"), "\(words)")
      #expect(!(words + logs).contains("canary"))
      let audit = try await project.naos("audit", "tail", "--event", "secret.read", "-n", "100", "-o", "jsonl").out
      #expect(audit.contains("provider fake") && !audit.contains("canary"), "\(audit)")
      for file in try FileManager.default.contentsOfDirectory(atPath: project.path(".naos")) {
        guard let data = FileManager.default.contents(atPath: project.path(".naos/\(file)")) else {
          continue
        }
        #expect(data.range(of: Data("canary".utf8)) == nil, "\(file)")
      }
    }
  }
}
