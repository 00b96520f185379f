// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusCore
import NexusDiagnostics
import NexusSkills
import Testing

@Suite struct ManifestTests {
  @Test func `what a manifest says is what a call may use`() async throws {
    let text = SkillBench.manifest + "\nlimits: { memory: 2MiB, cpu: 1s, wall: 3s, input: 5KiB, output: 6KiB }"
    try await SkillBench.with(text) { folder in
      let manifest = try SkillBench.read(folder).manifest
      #expect(manifest.limits.memoryBytes == 2 << 20)
      #expect(manifest.limits.processorTime == .seconds(1))
      #expect(manifest.limits.wallTime == .seconds(3))
      #expect(manifest.limits.inputBytes == 5 << 10)
      #expect(manifest.limits.outputBytes == 6 << 10)
      #expect(manifest.allowedImports == ["fail", "log"])
    }
  }

  @Test func `hosts of a skill are those of a module, and open its requests`() async throws {
    let text =
      SkillBench.manifest
      + "\nnet: [{ host: A.test, port: 443, protocol: tls, methods: [get], paths: [/v1/*] }]\n"
      + "limits: { requests: 3, netBytes: 5KiB }"
    try await SkillBench.with(text) { folder in
      let manifest = try SkillBench.read(folder).manifest
      #expect(
        manifest.hosts == [HostGrant(host: "a.test", port: 443, language: .tls, methods: ["GET"], paths: ["/v1/*"])])
      #expect(manifest.limits.egress == EgressCaps(bytes: 5 << 10, requests: 3))
      #expect(manifest.allowedImports == ["fail", "log", "http", "response"] && manifest.onlyReads)
    }
    try await SkillBench.with(SkillBench.manifest + "\nnet: [a.test]") { folder in
      let manifest = try SkillBench.read(folder).manifest
      #expect(manifest.hosts.map(\.port) == [443, 80] && !manifest.onlyReads)
      #expect(manifest.limits.egress == EgressCaps(bytes: 16 << 20, requests: 20))
    }
    try await SkillBench.with { folder in
      let manifest = try SkillBench.read(folder).manifest
      #expect(manifest.hosts.isEmpty && manifest.onlyReads)
    }
  }

  @Test func `models of a skill open them, and leave it one that only reads; state does not`() async throws {
    let text = SkillBench.manifest + "\nmodels: [openai/gpt-4o-mini, fast]\nlimits: { modelCalls: 3 }"
    try await SkillBench.with(text) { folder in
      let manifest = try SkillBench.read(folder).manifest
      #expect(manifest.models == ["openai/gpt-4o-mini", "fast"] && manifest.limits.modelCalls == 3)
      #expect(manifest.allowedImports == ["fail", "log", "llm", "response"] && manifest.onlyReads)
    }
    try await SkillBench.with(SkillBench.manifest + "\nstate: true") { folder in
      let manifest = try SkillBench.read(folder).manifest
      #expect(manifest.hasState && manifest.models.isEmpty && manifest.limits.modelCalls == 10)
      #expect(manifest.allowedImports == ["fail", "log", "kv_get", "kv_set"] && !manifest.onlyReads)
    }
    try await SkillBench.with(SkillBench.manifest + "\nstate: false") { folder in
      let manifest = try SkillBench.read(folder).manifest
      #expect(manifest.allowedImports == ["fail", "log"] && manifest.onlyReads)
    }
  }

  @Test(arguments: [("llm", "models: ["), ("kv_get", "state: true"), ("kv_set", "state: true"), ("http", "net: [")])
  func `an import that is not granted is refused, with the key that grants it`(name: String, key: String) async throws {
    let module = Module(imports: [("naos", name)]).bytes
    try await SkillBench.with(module: module) { folder in
      let skill = try SkillBench.read(folder)
      do throws(SkillProblem) {
        try skill.checkModule()
        Issue.record("it was not refused")
      } catch {
        #expect(error.code == "NX-SKL-006" && error.hint?.contains(key) == true, "\(error)")
      }
    }
  }

  @Test(arguments: [
    ("name: probe", "name: other", "NX-SKL-001"), ("version: 1.0.0", "version: \"\"", "NX-SKL-001"),
    ("lang: c", "lang: cobol", "NX-CFG-012"), ("lang: c", "", "NX-CFG-102"),
    ("input: { type: object,", "input: { type: array,", "NX-SKL-001"),
    ("output: { type: integer }", "output: { type: integre }", "NX-GAT-052"),
    ("output: { type: integer }", "output: ../elsewhere.json", "NX-SKL-001"),
    ("output: { type: integer }", "output: missing.json", "NX-CFG-002"),
    ("lang: c", "lang: c\nlimits: { memory: 3GiB }", "NX-SKL-001"),
    ("lang: c", "lang: c\nlimits: { cpu: 0s }", "NX-SKL-001"), ("lang: c", "lang: c\ngrants: [net]", "NX-CFG-012"),
    ("lang: c", "lang: c\nlanguage: c", "NX-CFG-107"),
    ("lang: c", "lang: c\nmodels: [\"a b\"]", "NX-SKL-001"), ("lang: c", "lang: c\nmodels: [\"\"]", "NX-SKL-001"),
    ("lang: c", "lang: c\nlimits: { modelCalls: 0 }", "NX-CFG-104"),
    ("lang: c", "lang: c\nstate: maybe", "NX-CFG-105"),
    ("lang: c", "lang: c\nnet: [\"a b\"]", "NX-CFG-116"), ("lang: c", "lang: c\nnet: [127.0.0.1]", "NX-SBX-070"),
    ("lang: c", "lang: c\nnet: [{ host: a.test, protocol: tcp }]", "NX-CFG-012"),
    ("lang: c", "lang: c\nnet: [{ host: a.test, resolve: [x] }]", "NX-SBX-071"),
    ("lang: c", "lang: c\nnet: [{ host: a.test, tls: terminate }]", "NX-CFG-107"),
  ])
  func `a wrong manifest is located`(line: String, wrong: String, code: String) async throws {
    let text = SkillBench.manifest.replacing(line, with: wrong)
    try await SkillBench.with(text) { folder in
      let reading = SkillReading(folder: folder, shownAs: "probe")
      #expect(reading.manifest == nil)
      let found = reading.diagnostics.map { $0.code }
      #expect(found.contains(code), "\(found)")
      #expect(reading.diagnostics.allSatisfy { $0.location?.file == "probe/skill.yaml" })
    }
  }
}

@Suite struct CaseTests {
  private static func results(
    _ cases: String, _ engine: @escaping @Sendable ([UInt8]) throws(SkillFailure) -> [UInt8]
  ) async throws -> [SkillCaseResult] {
    try await SkillBench.with { folder in
      try Files.makeDirectory(folder + "/tests")
      try Files.write(Array(cases.utf8), to: folder + "/tests/all.json")
      let skill = try SkillBench.read(folder)
      let caller = try SkillCaller(skill, engine: ScriptedEngine(answer: engine), tenant: "test")
      var results: [SkillCaseResult] = []
      for one in try SkillCase.all(of: skill) { results.append(await one.run(by: caller)) }
      return results
    }
  }

  /// Answers the number, and refuses what has none.
  @Sendable private static func echo(_ input: [UInt8]) throws(SkillFailure) -> [UInt8] {
    guard let value = try? JSONValue(parsing: input), let number = value["n"]?.intValue else {
      throw SkillFailure(.refused, code: "NX-SBX-060", "probe failed: bad_input: no number")
    }
    return Array("\(number)".utf8)
  }

  @Test(
    arguments: [
      (#"{"input": {"n": 3}, "output": 3}"#, nil), (#"{"input": {"n": 3}, "output": 3.0}"#, nil),
      (#"{"input": {"n": 3}, "output": 4}"#, "expected 4, got 3"),
      (#"{"input": {"n": 3}, "error": "bad_input"}"#, "expected the error `bad_input`, got 3"),
      (#"{"input": {"n": "x"}, "error": "bad_input"}"#, nil),
      (#"{"input": {"n": "x"}, "error": "invalid_input"}"#, nil),
      (#"{"input": {"n": "x"}, "error": "other"}"#, "expected the error `other`, got `bad_input`"),
      (#"{"input": {"n": "x"}, "output": 1}"#, "the input does not fit its schema"),
      (#"{"raw": "{", "error": "bad_input"}"#, nil),
      (#"{"raw": "{", "output": 1}"#, "expected an output, got the error"),
    ] as [(String, String?)])
  func `a case passes only if what comes is what it says`(text: String, complaint: String?) async throws {
    let results = try await Self.results(text, Self.echo)
    let result = try #require(results.first)
    #expect(result.passed == (complaint == nil))
    if let complaint { #expect(result.complaint?.contains(complaint) == true, "\(result.complaint ?? "")") }
  }

  @Test func `a trap fails every case, also one that expects an error`() async throws {
    let results = try await Self.results(#"[{"input": {"n": 1}, "error": "bad_input"}, {"raw": "", "error": "x"}]"#) {
      (_) throws(SkillFailure) in throw SkillFailure(.trapped, code: "NX-SBX-053", "trapped")
    }
    #expect(results.map(\.passed) == [false, false])
    #expect(results.map(\.name) == ["all 1", "all 2"])
  }

  @Test(arguments: [
    "[1]", "{}", #"{"input": 1}"#, #"{"output": 1}"#, #"{"input": 1, "raw": "1", "output": 1}"#,
    #"{"input": 1, "output": 1, "error": "x"}"#, #"{"inptu": 1, "output": 1}"#, #"{"raw": 1, "output": 1}"#,
    #"{"input": 1, "error": 1}"#, #"{"name": 1, "input": 1, "output": 1}"#, "[", "",
  ])
  func `a case that would test nothing is refused`(text: String) async throws {
    try await SkillBench.with { folder in
      try Files.makeDirectory(folder + "/tests")
      try Files.write(Array(text.utf8), to: folder + "/tests/all.json")
      let skill = try SkillBench.read(folder)
      let code: String?
      do throws(SkillProblem) {
        _ = try SkillCase.all(of: skill)
        code = nil
      } catch { code = error.code }
      #expect(code == "NX-SKL-010")
    }
  }
}
