// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// The keys of providers are canaries: whoever sees one where it must not be has found a leak.
@Suite(.seated)
struct CanaryTests {
  private static let canary = "sk-canary-7f3a9c5e1d8b4260"

  /// As it is, and as programs write bytes.
  private static let forms: [String] = {
    let bytes = Data(canary.utf8)
    return [canary, bytes.base64EncodedString(), bytes.map { String($0, radix: 16) }.joined()]
  }()

  private static func leaks(in text: String) -> Bool { forms.contains { text.contains($0) } }

  /// Every file of the project's folder that holds a canary.
  private static func leaks(of project: Project) -> [String] {
    let folder = URL(fileURLWithPath: project.folder)
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.isRegularFileKey])
    return (files?.compactMap { $0 as? URL } ?? []).filter { file in
      guard (try? file.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true,
        let bytes = try? Data(contentsOf: file)
      else { return false }
      return forms.contains { bytes.range(of: Data($0.utf8)) != nil }
    }.map(\.path)
  }

  private static func config(_ port: Int) -> String {
    let dialects = [("a", "openai", "/v1"), ("b", "anthropic", ""), ("c", "gemini", "")]
    let providers = dialects.map { name, dialect, path in
      "  \(name): { dialect: \(dialect), baseURL: \"http://127.0.0.1:\(port)\(path)\", apiKey: \"${CANARY}\" }\n"
    }
    let prices = dialects.flatMap { name, _, _ in ["fixed", "failing", "dear"].map { (name, $0) } }.map { name, model in
      "    \(name)/\(model): { inputPer1M: 0, outputPer1M: 0, perRequest: \(model == "dear" ? 5 : 0.001) }\n"
    }
    // Those that fail come last: a provider that fails gets no calls for a while.
    let calls = ["fixed", "dear", "failing"].flatMap { model in
      [("chat", "a"), ("responses", "a"), ("messages", "b"), ("contents", "c")].map { "\($0)=\($1)/\(model)" }
    }
    // One that nobody listens for, one whose certificate cannot hold, one that nobody offers.
    let odd = ["chat=gone/fixed", "chat=tls/fixed", "chat=nobody/fixed"]
    return """
      name: canary
      providers:
      \(providers.joined())\
        gone: { dialect: openai, baseURL: "http://127.0.0.1:1/v1", apiKey: "${CANARY}" }
        tls: { dialect: openai, baseURL: "https://127.0.0.1:\(port)/v1", apiKey: "${CANARY}", headers: { x-key: "${CANARY}" } }
      cost:
        budgets: { global: { maxDollars: 4 } }
        models:
      \(prices.joined())\
          gone/fixed: { inputPer1M: 0, outputPer1M: 0 }
          tls/fixed: { inputPer1M: 0, outputPer1M: 0 }
      agents:
        bird: { command: [python3, canary.py], env: { CALLS: "\((calls + odd).joined(separator: " "))" } }
        crasher: { command: [sh, -c, "env; env >&2; exit 3"], retry: 1 }
      server: { port: 0 }

      """
  }

  @Test func `the key of a provider is nowhere but on its way to it`() async throws {
    _ = try Checkout.python()
    try await Project.with { project in
      let upstream = try await Upstream(for: project, ["FAULTY": "failing", "FAULTS": "500*", "TELL_KEY": "1"])
      try project.write(Self.config(upstream.port), to: "nexus.config.yaml")
      try project.copy(Checkout.support("agents/canary.py"), to: "canary.py")
      let secrets = ["CANARY": Self.canary]
      let node = try await project.up(environment: secrets)
      var said = ""
      func naos(_ arguments: String...) async throws -> Outcome {
        let outcome = try await project.naos(arguments, environment: secrets)
        said += outcome.out + outcome.err
        return outcome
      }
      let run = try await naos("run", "bird", "-o", "json")
      #expect(run.status == 0, "\(run.err)")
      let id = try #require(try run.json["id"]?.stringValue)
      #expect(try await naos("run", "crasher").status == 1)
      // The canary sings: the calls came with it, those that failed too, and were answered with it.
      #expect(upstream.keys.count { $0.contains(Self.canary) } >= 16, "\(upstream.keys)")
      for words in ["200", "500", "402", "429", "NX-GWY-008"] { #expect(run.out.contains(words), "\(words)") }
      for command in [
        ["status"], ["runs", "list", "--all"], ["runs", "show", id], ["runs", "journal", id, "-n", "1000"],
        ["logs", "-n", "1000"], ["config", "show"], ["config", "validate"], ["cost", "status"], ["cost", "history"],
        ["inspect", "bird"], ["doctor"], ["runs", "export", id],
      ] {
        let outcome = try await project.naos(command + ["-o", "json"], environment: secrets)
        said += outcome.out + outcome.err
        #expect(outcome.status != 2, "\(command): \(outcome.err)")
      }
      #expect(Self.leaks(of: project) == [])
      // Also of a node that is gone: what it kept, and what it said.
      node.signal(SIGTERM)
      let ended = try await node.end()
      #expect(!Self.leaks(in: said))
      #expect(!Self.leaks(in: ended.outText + ended.errText))
      #expect(Self.leaks(of: project) == [])
      #expect(try Data(contentsOf: URL(fileURLWithPath: project.path(".naos/nexus.db"))).isEmpty == false)
    }
  }
}
