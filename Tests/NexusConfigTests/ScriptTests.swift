// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusCore
import NexusDiagnostics
import NexusKernel
import NexusLocalModels
import Testing

/// The configuration and the scripted model each know what a script is; these hold them to one opinion.
struct ScriptTests {
  private static func script(_ rules: String) -> ConfigLoadResult {
    MemoryFiles([
      "nexus.config.yaml": "providers: { local: { script: answers.yaml } }\nagents: { a: { command: run } }\n",
      "answers.yaml": rules,
    ]).load()
  }

  @Test func `every script of a valid configuration can be played`() throws {
    let scripts = GoldenCase.all.compactMap { $0.load().plan?.localScript }
    #expect(scripts.count >= 3)
    for script in scripts { _ = try ScriptedModel(script: script) }
  }

  @Test func `every fault of the schema is a fault of the model`() throws {
    let rule = try #require(configSchema()["$defs"]?["a-rule"]?["properties"])
    let words = try #require(rule["fault"]?["anyOf"]?.arrayValue?.first?["enum"]?.arrayValue)
    let faults = words.filter { $0.stringValue?.contains("_") == false }
    #expect(faults.count == 10)
    for fault in faults {
      let plan = try #require(Self.script("- fault: \(fault.text())").plan)
      _ = try ScriptedModel(script: try #require(plan.localScript))
    }
  }

  @Test func `a key that the configuration takes is a key of the model`() throws {
    let every = """
      - match: { contains: a, model: b, call: 1 }
        toolCalls: [{ name: c, arguments: {}, id: d }]
        usage: { inputTokens: 1, outputTokens: 2 }
        fault: no-usage
        delayMs: 1
        tokensPerSecond: 1
        retryAfterMs: 1
        times: 1
      - answer: e
      - recorded: openai.chat
        path: /v1/chat/completions
        step: f
        model: g
        request: "{}"
        digest: h
        status: 200
        headers: { i: j }
        stream: true
        body: k
        bodyHex: "6b"
        usage: { inputTokens: 1 }
      """
    let plan = try #require(Self.script(every).plan)
    _ = try ScriptedModel(script: try #require(plan.localScript))
    for name in ["a-rule", "a-match", "a-tool-call", "a-usage"] {
      let keys = try #require(configSchema()["$defs"]?[name]?["properties"]?.objectValue?.keys)
      for key in keys where !key.contains("_") { #expect(every.contains("\(key):"), "\(name) has \(key)") }
    }
  }

  @Test func `the first answers of a file are those of the model`() throws {
    let plan = try #require(
      Self.script("- { fault: 429, times: 1 }\n- answer: It rains.\n  times: 1\n- answer: Enough.").plan)
    var model = try ScriptedModel(script: try #require(plan.localScript))
    let body: JSONValue = ["model": "local/scripted", "messages": [["role": "user", "content": "weather?"]]]
    var statuses: [Int] = []
    var texts: [String] = []
    for call in 1...3 {
      guard case .respond(let reply) = model.next(body, dialect: .openAIChat, call: call).act else { continue }
      statuses.append(reply.status)
      texts.append(String(decoding: reply.bytes, as: UTF8.self))
    }
    #expect(statuses == [429, 200, 200])
    #expect(texts[1].contains("It rains."))
    #expect(texts[2].contains("Enough."))
  }

  @Test func `as many rules as the model plays are taken, and one more is refused`() throws {
    #expect(ConfigLimits.maxScriptRules == ScriptedModel.maxRules)
    let most = String(repeating: "- answer: a\n", count: ScriptedModel.maxRules)
    #expect(Self.script(most).plan != nil)
    let result = Self.script(most + "- answer: a\n")
    #expect(result.plan == nil)
    #expect(result.diagnostics.map(\.code) == ["NX-CFG-217"])
    #expect(result.diagnostics.first?.location?.line == ScriptedModel.maxRules + 1)
  }

  @Test func `nothing that a script says is taken from the environment`() throws {
    let plan = try #require(
      load(
        """
        providers: { local: { script: [{ answer: "${SECRET}" }] } }
        agents: { a: { prompt: hi, model: local/scripted } }
        """, environment: ["SECRET": "hunter2"]
      ).plan)
    #expect(plan.localScript == [["answer": "${SECRET}"]])
    #expect(!canonicalYAML(plan).contains("hunter2"))
  }

  @Test func `a large script loads in the time that a person waits`() throws {
    let keys = (0..<40_000).map { "\"k\($0)\": 1" }.joined(separator: ", ")
    var plan: ProjectPlan?
    let duration = ContinuousClock().measure {
      plan = Self.script("- toolCalls: [{ name: a, arguments: {\(keys)} }]\n").plan
    }
    #expect(plan != nil)
    #expect(duration < .seconds(20))
  }
}
