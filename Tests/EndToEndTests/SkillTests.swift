// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// `naos skill`, with the compilers and the engine of this machine.
@Suite(.seated)
struct SkillTests {
  private static let config = "name: skilled\n"

  /// The tests that build need the compilers.
  static func needCompilers(_ tools: [String] = ["swiftc", "clang", "wasm-ld"]) throws {
    for tool in tools where Checkout.onPath(tool) == nil { try Test.cancel("no \(tool) on this machine") }
  }

  /// The tests that call need the engine, too.
  static func needEngine() throws {
    let folder = (Checkout.naos as NSString).deletingLastPathComponent
    let places = [folder + "/libwasmtime.so", folder + "/../../wasmtime/libwasmtime.so"]
    let stated = ProcessInfo.processInfo.environment["NAOS_WASMTIME"]
    guard (stated.map { [$0] } ?? places).contains(where: FileManager.default.fileExists) else {
      try Test.cancel("no engine for WebAssembly: `make wasmtime`")
    }
  }

  private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

  private func state(of skill: String, _ project: Project) async throws -> String? {
    let list = try await project.naos("skill", "list", "-o", "json").json
    return list["skills"]?.arrayValue?.first { $0["name"]?.stringValue == skill }?["state"]?.stringValue
  }

  @Test(arguments: ["swift", "c"])
  func `a new skill builds, the same source to the same bytes, and a changed one is stale`(language: String)
    async throws
  {
    try Self.needCompilers()
    try await Project.with(Self.config) { project in
      let new = try await project.naos("skill", "new", "word-count", "--lang", language)
      #expect(new.status == 0, "\(new.err)")
      #expect(try await state(of: "word-count", project) == "missing")
      let build = try await project.naos("skill", "build", "-o", "json")
      #expect(build.status == 0, "\(build.err)")
      let module = try bytes(project.path("skills/word-count/word-count.wasm"))
      #expect(try build.json["skills"]?.arrayValue?.first?["bytes"] == .int(Int64(module.count)))
      #expect(module.count < 100_000)
      #expect(try await state(of: "word-count", project) == "built")
      // Another folder, named in another way.
      try await Project.with { other in
        try FileManager.default.createDirectory(atPath: other.path("deep/er"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(
          atPath: project.path("skills/word-count"), toPath: other.path("deep/er/word-count"))
        try FileManager.default.removeItem(atPath: other.path("deep/er/word-count/word-count.wasm"))
        let again = try await other.naos("skill", "build", "deep/er/word-count/")
        #expect(again.status == 0, "\(again.err)")
        #expect(try bytes(other.path("deep/er/word-count/word-count.wasm")) == module)
      }
      let source = "skills/word-count/src/skill.\(language)"
      try project.write(try project.read(source) + "\n// changed\n", to: source)
      #expect(try await state(of: "word-count", project) == "stale")
      let taken = try await project.naos("skill", "new", "word-count")
      #expect(taken.status == 6)
      #expect(taken.err.contains("NX-SKL-007"))
    }
  }

  @Test(arguments: [("swift", "let x: Int = \"no\"\n", "error: "), ("c", "int x = nowhere;\n", "error: ")])
  func `what does not compile is located, and the module of before stays`(language: String, line: String, word: String)
    async throws
  {
    try Self.needCompilers()
    try await Project.with(Self.config) { project in
      try await project.naos("skill", "new", "broken", "--lang", language)
      #expect(try await project.naos("skill", "build").status == 0)
      let module = try bytes(project.path("skills/broken/broken.wasm"))
      let source = "skills/broken/src/skill.\(language)"
      try project.write(line + (try project.read(source)), to: source)
      let build = try await project.naos("skill", "build")
      #expect(build.status == 1)
      #expect(build.err.contains("\(source):1:"), "\(build.err)")
      #expect(build.err.contains(word))
      #expect(build.err.contains("error[NX-SKL-004]"))
      #expect(try bytes(project.path("skills/broken/broken.wasm")) == module)
    }
  }

  @Test func `without compilers the error says which is missing and how to get it`() async throws {
    try await Project.with(Self.config) { project in
      try await project.naos("skill", "new", "a-skill")
      let build = try await project.naos(["skill", "build"], environment: ["PATH": project.folder])
      #expect(build.status == 1)
      #expect(build.err.contains("error[NX-SKL-003]"))
      #expect(build.err.contains("`swiftc`"))
      #expect(build.err.contains("swift.org"))
      try await project.naos("skill", "new", "a-snake", "--lang", "python")
      let python = try await project.naos(
        ["skill", "build", "skills/a-snake"], environment: ["PATH": project.folder])
      #expect(python.status == 1)
      #expect(python.err.contains("error[NX-SKL-003]") && python.err.contains("componentize-py"), "\(python.err)")
    }
  }

  @Test func `a skill in Python is built, tested and told what is wrong with it`() async throws {
    try Self.needEngine()
    let folder = (try Checkout.pythonSDK() as NSString).deletingLastPathComponent
    guard FileManager.default.isExecutableFile(atPath: folder + "/componentize-py") else {
      try Test.cancel("no componentize-py beside the Python of the tests")
    }
    let path = ["PATH": folder + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")]
    try await Project.with(Self.config) { project in
      try await project.naos("skill", "new", "a-snake", "--lang", "python")
      let build = try await project.naos(["skill", "build"], environment: path)
      #expect(build.status == 0, "\(build.err)")
      #expect(try await state(of: "a-snake", project) == "built")
      #expect(!project.exists("skills/a-snake/src/__pycache__"))
      let test = try await project.naos(["skill", "test"], environment: path)
      #expect(test.status == 0, "\(test.err)\(test.out)")
      #expect((test.out + test.err).contains("5 of 5 cases pass"), "\(test.err)\(test.out)")
      try project.write("import json\ndef skill(input)\n  return {}\n", to: "skills/a-snake/src/skill.py")
      #expect(try await state(of: "a-snake", project) == "stale")
      let broken = try await project.naos(["skill", "build"], environment: path)
      #expect(broken.status == 1 && broken.err.contains("error[NX-SKL-004]"), "\(broken.err)")
      #expect(broken.err.contains("skills/a-snake/src/skill.py"), "\(broken.err)")
      let manifest = try String(contentsOfFile: project.path("skills/a-snake/skill.yaml"), encoding: .utf8)
      try project.write(manifest + "grants: [time]\n", to: "skills/a-snake/skill.yaml")
      let granted = try await project.naos(["skill", "build"], environment: path)
      #expect(granted.status == 1 && granted.err.contains("error[NX-SKL-011]"), "\(granted.err)")
    }
  }

  @Test func `what is wrong with a manifest is told all at once, with its place`() async throws {
    try await Project.with(Self.config) { project in
      try project.write(
        "name: other\nversion: 1\ndescription: x\nlang: rust\ninput: { type: string }\noutput: ../out.json\n"
          + "limits: { memory: 1KiB }\ngrants: [kv]\n", to: "skills/mine/skill.yaml")
      let build = try await project.naos("skill", "build")
      #expect(build.status == 3)
      for place in ["1:7", "4:7", "5:8", "6:9", "7:19", "8:10"] {
        #expect(build.err.contains("skills/mine/skill.yaml:\(place)"), "\(place): \(build.err)")
      }
      let missing = try await project.naos("skill", "build", "skills/none")
      #expect(missing.status == 5)
      #expect(missing.err.contains("NX-SKL-002"))
    }
  }

  @Test func `a module that wants what is not granted is not built`() async throws {
    try Self.needCompilers(["clang", "wasm-ld"])
    try await Project.with(Self.config) { project in
      try await project.naos("skill", "new", "clock", "--lang", "c")
      let source = "skills/clock/src/skill.c"
      try project.write(
        "#include \"naos.h\"\n__attribute__((import_module(\"naos\"), import_name(\"time\"))) int64_t now(void);\n"
          + "void naos_skill(const naos_json *input) { (void)input; naos_int(now() > 0); }\n", to: source)
      let build = try await project.naos("skill", "build")
      #expect(build.status == 1)
      #expect(build.err.contains("error[NX-SKL-006]"))
      #expect(build.err.contains("grants: [time]"))
      try project.write(try project.read("skills/clock/skill.yaml") + "grants: [time]\n", to: "skills/clock/skill.yaml")
      #expect(try await project.naos("skill", "build").status == 0)
    }
  }

  @Test(arguments: ["csv-to-json", "date-parser", "email-extractor", "json-query", "markdown-to-html", "text-summary"])
  func `the cases of the examples pass in the real engine`(name: String) async throws {
    try Self.needCompilers()
    try Self.needEngine()
    try await Project.with(Self.config) { project in
      try FileManager.default.createDirectory(atPath: project.path("skills"), withIntermediateDirectories: true)
      try project.copy(Checkout.example("skills/\(name)"), to: "skills/\(name)")
      let test = try await project.naos("skill", "test", "-o", "json")
      #expect(test.status == 0, "\(test.err)")
      let report = try #require(try test.json["skills"]?.arrayValue?.first)
      #expect(report["passed"] == report["total"])
      #expect((report["total"]?.intValue ?? 0) > 30)
      #expect(try bytes(project.path("skills/\(name)/\(name).wasm")).count < 100_000)
    }
  }

  @Test func `a case that fails says what was expected and what came`() async throws {
    try Self.needCompilers(["clang", "wasm-ld"])
    try Self.needEngine()
    try await Project.with(Self.config) { project in
      try await project.naos("skill", "new", "count", "--lang", "c")
      try project.write(
        """
        [{"name": "wrong", "input": {"text": "a b"}, "output": {"words": 3, "lines": 1}},
         {"name": "misfit", "input": {"txt": "a"}, "output": {"words": 0, "lines": 0}},
         {"name": "no error", "input": {"text": "a"}, "error": "bad_input"}]
        """, to: "skills/count/tests/cases.json")
      let test = try await project.naos("skill", "test")
      #expect(test.status == 1)
      #expect(test.err.contains("at $.words expected 3, got 2"), "\(test.err)")
      #expect(test.err.contains("the input does not fit its schema"))
      #expect(test.err.contains("expected the error `bad_input`, got {\"words\":1,\"lines\":1}"))
      #expect(test.err.contains("0 of 3 cases pass"))
      try project.write("[{\"inptu\": 1}]", to: "skills/count/tests/cases.json")
      let mistyped = try await project.naos("skill", "test")
      #expect(mistyped.status == 1)
      #expect(mistyped.err.contains("error[NX-SKL-010]"))
    }
  }

  @Test func `an agent calls a skill as a tool, within its schemas`() async throws {
    try Self.needCompilers(["clang", "wasm-ld"])
    try Self.needEngine()
    let config = """
      name: skilled
      providers:
        local: { script: script.yaml }
      agents:
        reader:
          prompt: Answer from the table.
          model: local/scripted
          tools: [skills.csv-to-json]
      """
    try await Project.with(config) { project in
      let missing = try await project.naos("config", "validate")
      #expect(missing.status == 3)
      #expect(missing.err.contains("skills/csv-to-json/skill.yaml"), "\(missing.err)")
      try FileManager.default.createDirectory(atPath: project.path("skills"), withIntermediateDirectories: true)
      try project.copy(Checkout.example("skills/csv-to-json"), to: "skills/csv-to-json")
      try project.write(
        """
        - toolCalls:
            - name: skills_csv-to-json
              arguments: { csv: "city,people\\nUr,65000\\n", types: true }
          times: 1
        - match: { contains: '{"city":"Ur","people":65000}' }
          toolCalls:
            - name: skills_csv-to-json
              arguments: { text: "a" }
          times: 1
        - match: { contains: '"code":"invalid_input"' }
          toolCalls:
            - name: skills_csv-to-json
              arguments: { csv: "a\\n\\"" }
          times: 1
        - match: { contains: '"code":"unclosed_quote"' }
          answer: done
        """, to: "script.yaml")
      let unbuilt = try await project.naos("config", "validate")
      #expect(unbuilt.status == 0)
      #expect(unbuilt.err.contains("NX-SKL-005"), "\(unbuilt.err)")
      #expect(try await project.naos("skill", "build").status == 0)
      let run = try await project.naos("run", "reader", "--input", "How many people?")
      #expect(run.status == 0, "\(run.err)")
      #expect(run.out == "done\n")
      #expect(run.err.contains("skills.csv-to-json"), "\(run.err)")
    }
  }

  @Test func `what a skill was not let do names the run that called it`() async throws {
    try Self.needCompilers(["clang", "wasm-ld"])
    try Self.needEngine()
    let config = """
      name: skilled
      providers:
        local: { script: script.yaml }
      agents:
        reader:
          prompt: Answer.
          model: local/scripted
          tools: [skills.spin]
      """
    try await Project.with(config) { project in
      try await project.naos("skill", "new", "spin", "--lang", "c")
      try project.write(
        """
        #include "naos.h"
        void naos_skill(const naos_json *input) { (void)input; for (;;) __asm__ volatile(""); }

        """, to: "skills/spin/src/skill.c")
      let manifest = try project.read("skills/spin/skill.yaml")
      try project.write(
        manifest.split(separator: "\n").filter { !$0.hasPrefix("limits:") }.joined(separator: "\n")
          + "\nlimits: { cpu: 100ms }\n", to: "skills/spin/skill.yaml")
      try project.write(
        """
        - toolCalls:
            - name: skills_spin
              arguments: { text: "" }
          times: 1
        - match: { contains: "NX-SBX-054" }
          answer: done
        """, to: "script.yaml")
      let built = try await project.naos("skill", "build")
      #expect(built.status == 0, "\(built.err)")
      let run = try await project.naos("run", "reader", "--input", "Spin.", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      let id = try #require(run.json["id"]?.stringValue)
      let rows = try await project.naos("audit", "tail", "--event", "sandbox.denied", "--run", id, "-o", "jsonl").out
      #expect(rows.contains("skills.spin: limits.cpu") && rows.contains(#""agent":"reader""#), "\(rows)")
      let explained = try await project.naos("sandbox", "explain", id)
      #expect(explained.out.contains("skills/spin/skill.yaml: raise `limits.cpu`"), "\(explained.out)\(explained.err)")
    }
  }
}
