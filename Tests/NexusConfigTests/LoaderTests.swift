// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import FoundationEssentials
import Glibc
import NexusConfig
import NexusCore
import NexusDiagnostics
import NexusKernel
import Testing

struct LoaderTests {
  @Test func `every code of the configuration has a page and a case`() {
    var shown: Set<String> = []
    for golden in GoldenCase.all { shown.formUnion(golden.load().diagnostics.map(\.code)) }
    shown.formUnion(Self.shownElsewhere)
    let pages = Set(ErrorCatalogue.codes.filter { $0.hasPrefix("NX-CFG-") })
    #expect(shown.subtracting(ErrorCatalogue.codes).sorted() == [], "these have no page")
    #expect(pages.subtracting(shown).sorted() == [], "these are shown by no case")
  }

  /// Covered by tests of their own: no project, too large a file, too long a prompt, a run that is refused, the editor.
  private static let shownElsewhere = [
    "NX-CFG-001", "NX-CFG-003", "NX-CFG-120", "NX-CFG-401", "NX-CFG-402", "NX-CFG-403",
  ]

  @Test func `no message shows what a variable holds`() {
    let result = load(
      """
      server: { port: "${SECRET}" }
      agents:
        a: { command: "${SECRET}", mode: "${SECRET}", autoStart: "${SECRET}", cost: "${SECRET}", timeout: "${SECRET}" }
      """, environment: ["SECRET": "hunter2 |"])
    #expect(result.diagnostics.count == 6)
    #expect(!DiagnosticRenderer(files: result.files).render(result.diagnostics).contains("hunter2"))
    #expect(!result.diagnostics.json.text().contains("hunter2"))
  }

  @Test func `a plan never shows its secrets`() throws {
    let plan = try #require(
      load(
        """
        providers: { openai: { apiKey: "${KEY}", headers: { X-Key: "${KEY}" } } }
        agents: { a: { command: run, env: { TOKEN: "${KEY}", OPEN: text } } }
        """, environment: ["KEY": "hunter2"]
      ).plan)
    #expect(!canonicalYAML(plan).contains("hunter2"))
    #expect(!plan.agents[0].definition.text().contains("hunter2"))
    #expect(plan.providers[0].apiKey?.revealed == "hunter2")
    #expect(
      plan.agents[0].environment == [EnvironmentVariable("TOKEN", "hunter2"), EnvironmentVariable("OPEN", "text")])
    #expect(plan.agents[0].secretVariables == ["TOKEN"])
  }

  @Test func `a file above the limit is refused`() {
    let result = load("# " + String(repeating: "x", count: ConfigLimits.maxFileBytes))
    #expect(result.plan == nil)
    #expect(result.diagnostics.map(\.code) == ["NX-CFG-003"])
  }

  @Test func `the longest prompt is taken, and a longer one is refused where it stands`() throws {
    let longest = String(repeating: "x", count: ConfigLimits.maxPromptBytes)
    #expect(load("agents: { a: { prompt: \(longest) } }").plan != nil)
    let result = load("agents: { a: { prompt: \(longest)x } }")
    #expect(result.plan == nil)
    #expect(result.diagnostics.map(\.code) == ["NX-CFG-120"])
    #expect(result.diagnostics.first?.location?.column == 24)
  }

  @Test func `a prompt in a file is measured as the JSON that an attempt gets`() throws {
    let half = ConfigLimits.maxPromptBytes / 2
    func project(_ prompt: String) -> ConfigLoadResult {
      MemoryFiles(["nexus.config.yaml": "agents: { a: { prompt: { file: a.md } } }", "a.md": prompt]).load()
    }
    #expect(project(String(repeating: "\n", count: half)).plan != nil)
    let result = project(String(repeating: "\n", count: half + 1))
    #expect(result.diagnostics.map(\.code) == ["NX-CFG-120"])
    #expect(result.diagnostics.first?.location?.file == "nexus.config.yaml")
  }

  @Test func `every example loads without a word`() throws {
    let folder = #filePath.split(separator: "/Tests/NexusConfigTests/").first.map { $0 + "/examples" } ?? ""
    // The others hold skills, which are no projects.
    let examples = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      FileManager.default.fileExists(atPath: "\(folder)/\($0)/nexus.config.yaml")
    }
    #expect(examples.count >= 4)
    for example in examples {
      let result = ConfigLoader.load(projectDirectory: folder + "/" + example, environment: [:])
      #expect(result.plan?.name == example)
      #expect(result.diagnostics == [], "\(DiagnosticRenderer(files: result.files).render(result.diagnostics))")
    }
  }

  @Test(arguments: ["workflows", "sagas", "pools"]) func `every configuration in a guide loads without a word`(
    _ guide: String
  ) throws {
    let root = #filePath.split(separator: "/Tests/NexusConfigTests/").first.map(String.init) ?? ""
    let page = try String(
      decoding: #require(FileManager.default.contents(atPath: root + "/docs/guides/\(guide).md")), as: UTF8.self)
    let blocks = page.split(separator: "```yaml\n").dropFirst().compactMap { $0.split(separator: "```").first }
    #expect(blocks.count >= 3)
    for block in blocks {
      let result = load(String(block))
      let findings = result.diagnostics.filter { $0.code != "NX-CFG-301" }
      #expect(findings == [], "\(DiagnosticRenderer(files: result.files).render(findings))")
      #expect(result.plan.map { $0.flows.count + $0.queuePools.count > 0 } == true)
    }
  }

  @Test func `the largest file loads in the time that a person waits`() {
    var text = "agents:\n"
    for index in 0..<14_000 { text += "  agent-\(index): { command: run, cost: $5 }\n" }
    text += "supervisor: { name: team, agents: [" + (0..<14_000).map { "agent-\($0)" }.joined(separator: ", ") + "] }\n"
    #expect(text.utf8.count < ConfigLimits.maxFileBytes)
    var plan: ProjectPlan?
    let duration = ContinuousClock().measure { plan = load(text).plan }
    #expect(plan?.agents.count == 14_000)
    #expect(plan?.supervisors.first?.children.count == 14_000)
    #expect(duration < .seconds(20))
  }

  @Test func `a missing project file is a diagnostic`() {
    let result = MemoryFiles([:]).load()
    #expect(result.plan == nil)
    #expect(result.diagnostics.map(\.code) == ["NX-CFG-002"])
    #expect(ConfigLoader.noProject(from: "/tmp").code == "NX-CFG-001")
  }

  @Test func `the refusals of a plan say what cannot be enforced`() throws {
    let plan = try #require(
      load(
        """
        agents:
          boxed: { command: run, sandbox: { net: [{ host: example.org }] } }
          shown: { command: run, sandbox: { fs: [docs] } }
          open: { command: run, sandbox: { engine: none } }
          script: { source: a.py }
          tied: { command: run, wasm: {} }
          free: { command: run }
        """
      ).plan)
    let refused = plan.agents.filter { !$0.refusals.isEmpty }.map { ($0.name.text, $0.refusals.map(\.code)) }
    #expect(refused.map(\.0) == ["script", "tied"])
    #expect(refused.flatMap(\.1) == ["NX-CFG-304", "NX-CFG-302"])
  }

  @Test func `trust refuses every agent`() throws {
    let plan = try #require(load("agents: { a: { command: run }, b: { prompt: hi } }\ntrust: {}\n").plan)
    #expect(plan.agents.allSatisfy { $0.refusals.map(\.code) == ["NX-CFG-302"] })
  }

  @Test func `a project is found from any folder below it`() throws {
    let root = FileManager.default.temporaryDirectory.path + "/naos-config-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: root + "/p/a/b", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: root) }
    #expect(ConfigLoader.findProject(from: root + "/p/a/b") == nil)
    try Data("agents:\n  a: { command: run }\n".utf8).write(to: URL(filePath: root + "/p/nexus.config.yaml"))
    #expect(ConfigLoader.findProject(from: root + "/p/a/b") == root + "/p")
    let result = ConfigLoader.load(projectDirectory: root + "/p", environment: [:])
    #expect(result.plan?.name == "p")
    #expect(result.plan?.agents[0].workingDirectory == root + "/p")
  }

  @Test func `a folder in the place of the file is a diagnostic`() throws {
    let root = FileManager.default.temporaryDirectory.path + "/naos-folder-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(
      atPath: root + "/nexus.config.yaml", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: root) }
    #expect(ConfigLoader.load(projectDirectory: root, environment: [:]).diagnostics.map(\.code) == ["NX-CFG-002"])
  }

  @Test func `a file that another program has a lease on is said to be held`() throws {
    let root = FileManager.default.temporaryDirectory.path + "/naos-lease-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: root) }
    let (setSignal, setLease): (Int32, Int32) = (10, 1024)
    func lease(_ name: String, _ text: String) throws -> Int32 {
      try Data(text.utf8).write(to: URL(filePath: root + "/" + name))
      let held = unsafe open(root + "/" + name, O_RDONLY | O_CLOEXEC)
      // Who has a lease is sent a signal when somebody else opens the file: one that does nothing.
      guard fcntl(held, setSignal, SIGURG) == 0, fcntl(held, setLease, Int32(F_WRLCK)) == 0 else {
        close(held)
        try Test.cancel("no leases on the file system of \(root)")
      }
      return held
    }
    let module = try lease("agent.wasm", "\0asm\u{1}\0\0\0")
    defer { close(module) }
    let text = "agents: { a: { source: ./agent.wasm } }"
    try Data(text.utf8).write(to: URL(filePath: root + "/nexus.config.yaml"))
    let warned = ConfigLoader.load(projectDirectory: root, environment: [:]).diagnostics
    #expect(warned.contains { $0.message.hasPrefix("`agent.wasm` is held by another program") }, "\(warned)")

    let main = try lease("nexus.config.yaml", text)
    defer { close(main) }
    let found = ConfigLoader.load(projectDirectory: root, environment: [:]).diagnostics
    #expect(found.map(\.code) == ["NX-CFG-002"])
    #expect(found.first?.message == "`nexus.config.yaml` is held by another program")
    #expect(found.first?.help?.contains("lslocks") == true, "\(found)")
  }
}
