// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusCore
import NexusDiagnostics
import NexusKernel
import Testing

struct PropertyTests {
  /// The same numbers for the same seed (SplitMix64).
  struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  private static let valid = GoldenCase.all.filter { $0.load().plan != nil }

  @Test(arguments: 0..<40) func `a mutated configuration never traps and always ends`(_ seed: UInt64) throws {
    var random = Seeded(state: seed)
    let tokens = [
      ": ", "\n", "  ", "- ", "{", "}", "[", "]", "&a ", "*a", "${", "}", "\"", "'", "|", "#", "---\n", "\t",
      "null", "-1", "99999999999999999999", "\u{0}", "\u{202E}", "é", "$5/day", "!!str ", "? ", "<<: *a",
    ]
    for _ in 0..<25 {
      let golden = try #require(Self.valid.randomElement(using: &random))
      var files = golden.files
      var bytes = files.contents["/project/nexus.config.yaml"] ?? []
      for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        case 2: bytes.insert(contentsOf: Array((tokens.randomElement(using: &random) ?? "").utf8), at: index)
        case 3: bytes.removeSubrange(index..<min(bytes.count, index + 20))
        default: bytes.insert(contentsOf: bytes[index..<min(bytes.count, index + 30)], at: index)
        }
      }
      files.contents["/project/nexus.config.yaml"] = bytes
      let result = files.load(environment: golden.environment)
      #expect((result.plan == nil) == result.diagnostics.hasErrors)
      #expect(result.diagnostics.allSatisfy { ErrorCatalogue.page(for: $0.code) != nil })
      let text = DiagnosticRenderer(files: result.files).render(result.diagnostics)
      #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 })
    }
  }

  @Test(arguments: valid) func `the canonical form loads again as an equal plan`(_ golden: GoldenCase) throws {
    let plan = try #require(golden.load().plan)
    var files = MemoryFiles(["nexus.config.yaml": Self.withSecrets(canonicalYAML(plan), of: plan)])
    for (path, bytes) in golden.files.contents where path.hasSuffix(".pem") { files.contents[path] = bytes }
    let again = files.load(secrets: golden.secrets)
    let text = DiagnosticRenderer(files: again.files).render(again.diagnostics)
    let reloaded = try #require(again.plan, "\(text)")
    #expect(Self.comparable(reloaded) == Self.comparable(plan))
    #expect(canonicalYAML(Self.comparable(reloaded)) == canonicalYAML(Self.comparable(plan)))
  }

  /// The secrets of webhooks are too long to be taken for what stands in their place.
  private static func withSecrets(_ text: String, of plan: ProjectPlan) -> String {
    plan.webhooks.reduce(text) { text, hook in
      text.replacing(
        "url: \"\(hook.url)\"\n    secret: \"\(redactedText)\"",
        with: "url: \"\(hook.url)\"\n    secret: \"\(hook.secret.revealed)\"")
    }
  }

  /// Without what the canonical form does not carry: secrets, files, and reasons for refusals.
  private static func comparable(_ plan: ProjectPlan) -> ProjectPlan {
    var plan = plan
    plan.configurationFiles = []
    for index in plan.providers.indices {
      if plan.providers[index].apiKey != nil { plan.providers[index].apiKey = SecretText(redactedText) }
      plan.providers[index].headers = plan.providers[index].headers.map { EnvironmentVariable($0.name, redactedText) }
      plan.providers[index].query = plan.providers[index].query.map {
        $0.name == ProviderSpec.apiVersion ? $0 : EnvironmentVariable($0.name, redactedText)
      }
    }
    for index in plan.agents.indices {
      let secrets = plan.agents[index].secretVariables
      plan.agents[index].environment = plan.agents[index].environment.map {
        secrets.contains($0.name) ? EnvironmentVariable($0.name, redactedText) : $0
      }
      plan.agents[index].secretVariables = []
      plan.agents[index].refusals = []
    }
    plan.flows = plan.flows.map(withoutRefusals)
    return plan
  }

  private static func withoutRefusals(_ flow: FlowDefinition) -> FlowDefinition {
    var flow = flow
    flow.refusals = []
    flow.children = flow.children.mapValues(withoutRefusals)
    return flow
  }

  @Test(arguments: valid) func `a flow reads back from its pinned form`(_ golden: GoldenCase) throws {
    for flow in try #require(golden.load().plan).flows {
      #expect(FlowDefinition(pinned: try JSONValue(parsing: flow.pinned.text(.canonical))) == flow)
    }
  }

  @Test(arguments: valid) func `a definition reads back as the agent that it pins`(_ golden: GoldenCase) throws {
    for agent in try #require(golden.load().plan).agents {
      let definition = try JSONValue(parsing: agent.definition.text(.canonical))
      // Whatever the agent has become since, the pinned part comes from the definition.
      var changed = agent
      changed.kind = .process(command: ["another"])
      changed.mode = agent.mode == .task ? .service : .task
      changed.workingDirectory = "/elsewhere"
      changed.shutdown = .brutalKill
      changed.retry = RetryPolicy(maxAttempts: 99, initial: .seconds(9), factor: 9, max: .seconds(99))
      changed.timeout = .seconds(9)
      changed.health = HealthSpec(liveness: ProbeSpec(check: .heartbeat), stuckAfter: nil, heartbeat: .seconds(9))
      changed.grants = ToolGrants(readPaths: ["/elsewhere"], hosts: ["elsewhere"])
      changed.ceilings = ProcessCeilings(memoryBytes: 9, milliCores: 9, cpuTime: .seconds(9), processes: 9)
      #expect(changed.pinned(to: definition) == agent)
    }
  }

  @Test func `any text survives the canonical form`() throws {
    var random = Seeded(state: 7)
    let pieces = [
      "a", " ", "\n", "${X}", "$${", "$", "#", ": ", "- ", "\"", "'", "\\", "\t", "é", "\u{85}", "\u{2028}",
      "\u{7F}", "\u{FEFF}", "😀", "|", "yes", "0x1", "\r", "%", "@",
    ]
    for _ in 0..<300 {
      let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
        .joined()
      var agent = AgentSpec(
        name: AgentName("a"), kind: .llm(LLMSpec(prompt: text, model: "local/extractive", tools: [])),
        workingDirectory: "/project")
      agent.environment = []
      var plan = ProjectPlan(name: "project")
      plan.agents = [agent]
      plan.configurationFiles = ["/project/nexus.config.yaml"]
      #expect(load(canonicalYAML(plan)).plan == plan, "\(text.debugDescription)")
    }
  }
}
