// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusCore
import NexusSkills
import Testing

@Suite struct CallingTests {
  private func answer(
    to input: JSONValue, _ engine: @escaping @Sendable ([UInt8]) throws(SkillFailure) -> [UInt8]
  ) async throws -> SkillAnswer {
    try await SkillBench.with { folder in
      let caller = try SkillCaller(try SkillBench.read(folder), engine: ScriptedEngine(answer: engine), tenant: "test")
      return await caller.call(input)
    }
  }

  private static func failing(_ failure: SkillFailure) -> @Sendable ([UInt8]) throws(SkillFailure) -> [UInt8] {
    { (_) throws(SkillFailure) in throw failure }
  }

  @Test func `what fits its schema goes through, as JSON`() async throws {
    let got = try await answer(to: ["n": 1]) { input in input == Array(#"{"n":1}"#.utf8) ? Array("7".utf8) : [] }
    #expect(got == .output(7))
  }

  @Test func `an input that does not fit never reaches the module`() async throws {
    let got = try await answer(to: ["n": "1"], Self.failing(SkillFailure(.trapped, code: "NX-SBX-053", "asked")))
    guard case .refused(let code, let message) = got else {
      Issue.record("\(got)")
      return
    }
    #expect(code == "invalid_input")
    #expect(message.contains("/n"))
  }

  @Test(arguments: ["", "7 7", "{", "\"7\"", "1.5", "null"])
  func `an output that is no JSON or does not fit is an error of the skill`(output: String) async throws {
    let got = try await answer(to: ["n": 1]) { _ in Array(output.utf8) }
    guard case .broken(let code, _) = got else {
      Issue.record("\(got)")
      return
    }
    #expect(code == "NX-SKL-008")
  }

  @Test(arguments: [
    ("probe failed: bad_input: `n` is odd", "bad_input", "`n` is odd"),
    ("probe failed: e2: x: y", "e2", "x: y"),
    ("probe failed: Oops", "failed", "Oops"),
    ("probe failed: Not a code: x", "failed", "Not a code: x"),
    ("probe failed: : x", "failed", ": x"),
    ("probe failed: -1", "failed", "-1"),
    ("plain: words", "plain", "words"),
  ])
  func `a refusal has the code that the skill gives, if that is one`(text: String, code: String, message: String)
    async throws
  {
    let got = try await answer(to: ["n": 1], Self.failing(SkillFailure(.refused, code: "NX-SBX-060", text)))
    #expect(got == .refused(code: code, message: message))
  }

  @Test(arguments: [SkillFailure.Reason.trapped, .limit, .invalid, .unavailable])
  func `what is no answer of the skill keeps the code of the engine`(reason: SkillFailure.Reason) async throws {
    let got = try await answer(to: ["n": 1], Self.failing(SkillFailure(reason, code: "NX-SBX-999", "a: b")))
    #expect(got == .broken(code: "NX-SBX-999", message: "a: b"))
  }

  @Test func `a module that wants what is not granted is not called`() async throws {
    for (module, name, grants, isAllowed) in [
      ("naos", "log", "", true), ("naos", "time", "", false), ("naos", "time", "grants: [time]", true),
      ("naos", "kv_get", "grants: [time]", false), ("env", "log", "", false),
      ("wasi_snapshot_preview1", "fd_write", "", false),
    ] {
      let bytes = Module(imports: [(module, name)]).bytes
      let code = try await SkillBench.with(SkillBench.manifest + "\n" + grants, module: bytes) { folder -> String? in
        do throws(SkillProblem) { try (try? SkillBench.read(folder))?.checkModule() } catch { return error.code }
        return nil
      }
      #expect(code == (isAllowed ? nil : "NX-SKL-006"), "\(module).\(name) \(grants)")
    }
  }

  @Test func `a module that is cut anywhere is refused and never read past its end`() async throws {
    let bytes = Module().bytes
    for count in 0..<bytes.count {
      let code = try await SkillBench.with(module: Array(bytes[..<count])) { folder -> String? in
        let skill = try SkillBench.read(folder)
        #expect(skill.state == .broken)
        do throws(SkillProblem) { try skill.checkModule() } catch { return error.code }
        return nil
      }
      #expect(code == "NX-SKL-005" || code == "NX-SKL-006", "\(count)")
    }
    try await SkillBench.with { folder in
      let skill = try SkillBench.read(folder)
      #expect(skill.state == .stale)
      try skill.checkModule()
    }
  }
}
