// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Skills that ask models and keep state, as tools of an agent of a real node.
///
/// The agent's own model is a script that costs nothing; the models of the skill are a provider that counts.
@Suite(.seated)
struct SkillModelTests {
  private static let asking = [
    "c": #"""
    #include "naos.h"
    void naos_skill(const naos_json *input) {
      const naos_json *questions = naos_get(input, "questions");
      if (!questions) return naos_fail("bad_input", "`questions` has to be a list");
      naos_begin_array();
      for (const naos_json *one = questions->first; one; one = one->next) {
        naos_buffer request = {0};
        naos_append_of(&request, "{\"max_tokens\":16,\"messages\":[{\"role\":\"user\",\"content\":");
        naos_append_quoted(&request, one->text);
        naos_append_of(&request, "}]");
        naos_text model;
        if (naos_get_text(input, "model", &model)) {
          naos_append_of(&request, ",\"model\":");
          naos_append_quoted(&request, model);
        }
        naos_append_of(&request, "}");
        const naos_json *answer = naos_llm(naos_text_of(&request));
        if (!answer) return naos_fail("no_way", "no model can be asked");
        naos_value(naos_get(answer, "content"));
      }
      naos_end_array();
    }

    """#,
    "swift": #"""
    func skill(_ input: JSON) throws(SkillError) -> JSON {
      guard let questions = input["questions"]?.elements else { throw SkillError("bad_input", "no `questions`") }
      var answers: [JSON] = []
      for question in questions {
        answers.append(.string(try Model.ask(question.text ?? "", system: "Be \"brief\".", model: input["model"]?.text)))
      }
      return .array(answers)
    }

    """#,
  ]

  /// Counts its calls, and says the number.
  private static let counting = """
    func skill(_ input: JSON) throws(SkillError) -> JSON {
      let count = (try State.get("calls/n") ?? "") + "|"
      guard State.set("calls/n", count) else { throw SkillError("not_kept", "the count is not kept") }
      return .object([.init("calls", .int(Int64(count.utf8.count)))])
    }

    """

  private static func make(
    _ name: String, in project: Project, _ language: String = "c", source: String? = nil, more: String
  ) async throws {
    try await project.naos("skill", "new", name, "--lang", language)
    try project.write(source ?? asking[language] ?? "", to: "skills/\(name)/src/skill.\(language)")
    try project.write(
      """
      name: \(name)
      version: 1.0.0
      description: Asks.
      lang: \(language)
      input: { type: object }
      output: {}
      \(more)

      """, to: "skills/\(name)/skill.yaml")
  }

  /// A project whose agent calls its skill once, and then says what came of that.
  private static func with(
    _ upstream: [String: String] = [:], language: String = "c", agent: String = "", arguments: String,
    more: String = "models: [fake/fixed]",
    _ body: (Project, Upstream) async throws -> Void
  ) async throws {
    try SkillTests.needCompilers(language == "c" ? ["clang", "wasm-ld"] : ["swiftc", "clang", "wasm-ld"])
    try SkillTests.needEngine()
    try await Project.with("name: skilled\n") { project in
      let provider = try await Upstream(for: project, upstream)
      let config = provider.config.replacing("providers:", with: "providers:\n  local: { script: script.yaml }")
      try project.write(
        """
        name: skilled
        \(config)
        agents:
          reader:
            prompt: Answer.
            model: local/scripted
            tools: [skills.ask]
        \(agent)

        """, to: "nexus.config.yaml")
      try project.write(
        """
        - { match: { contains: NX-BUD- }, answer: used up }
        - { match: { contains: not granted }, answer: not granted }
        - { match: { contains: modelCalls }, answer: too many }
        - { match: { contains: answer to question }, answer: answered }
        - { match: { contains: Go. }, toolCalls: [{ name: skills_ask, arguments: \(arguments) }] }
        - { answer: something else }

        """, to: "script.yaml")
      try await make("ask", in: project, language, more: more)
      let built = try await project.naos("skill", "build")
      #expect(built.status == 0, "\(built.err)")
      try await body(project, provider)
    }
  }

  private static func run(_ project: Project) async throws -> (id: String, output: String?, shown: JSONValue) {
    let run = try await project.naos("run", "reader", "--input", "Go.", "-o", "json")
    let id = try #require(run.json["id"]?.stringValue, "\(run.err)\(run.out)")
    let shown = try await project.naos("runs", "show", id, "-o", "json").json
    return (id, shown["output"]?.stringValue, shown)
  }

  @Test(arguments: ["c", "swift"])
  func `what it asks is paid by the run that calls it`(language: String) async throws {
    try await Self.with(language: language, arguments: #"{ questions: ["a", "b"] }"#) { project, upstream in
      let run = try await Self.run(project)
      #expect(run.output == "answered", "\(run.shown)")
      #expect(upstream.calls.count == 2)
      #expect(run.shown["cost"]?["costNanoUSD"] == 4_000_000, "\(run.shown)")
      let text = try await project.naos("runs", "show", run.id).out
      #expect(text.contains("$0.004"), "\(text)")
    }
  }

  @Test func `another model is not asked, and that is told`() async throws {
    try await Self.with(arguments: #"{ questions: ["a"], model: fakegemini/fixed }"#) { project, upstream in
      let run = try await Self.run(project)
      #expect(run.output == "not granted" && upstream.calls.isEmpty, "\(run.shown)")
      let denied = try await project.naos(
        "audit", "tail", "--event", "sandbox.denied", "--run", run.id, "-o", "jsonl"
      ).out
      #expect(denied.contains("skills.ask: fakegemini/fixed") && denied.contains(#""model""#), "\(denied)")
      let explained = try await project.naos("sandbox", "explain", run.id)
      #expect(explained.out.contains("is not in its `models`"), "\(explained.out)\(explained.err)")
    }
  }

  @Test func `it asks no more often than its limit says`() async throws {
    try await Self.with(
      arguments: #"{ questions: ["a", "b", "c"] }"#, more: "models: [fake/fixed]\nlimits: { modelCalls: 2 }"
    ) { project, upstream in
      let run = try await Self.run(project)
      #expect(run.output == "too many", "\(run.shown)")
      #expect(upstream.calls.count == 2)
    }
  }

  @Test func `the budget of the agent that calls it says no`() async throws {
    try await Self.with(
      agent: "    cost: { budget: { maxDollars: 0.003 } }", arguments: #"{ questions: ["a", "b"] }"#
    ) { project, upstream in
      let run = try await Self.run(project)
      #expect(upstream.calls.count == 1)
      #expect(run.shown["cost"]?["costNanoUSD"] == 2_000_000, "\(run.shown)")
      #expect(run.output == "used up", "\(run.shown)")
    }
  }

  @Test func `a node that is killed in the middle pays for no answer twice`() async throws {
    try await Self.with(["HOLD_AT": "2"], arguments: #"{ questions: ["a", "b", "c"] }"#) { project, upstream in
      let first = try project.startNaos("run", "reader", "--input", "Go.")
      try await upstream.waitForCall(2)
      first.signal(SIGKILL)
      try await first.end()
      let node = try await project.up()
      let run = try await project.newestRun()
      #expect(try await project.naos("runs", "wait", run).status == 0)
      let shown = try await project.naos("runs", "show", run, "-o", "json").json
      #expect(shown["output"] == "answered", "\(shown)")
      // The first is answered from the record; the one that was under way is asked again.
      #expect(upstream.calls.count == 4)
      node.signal(SIGTERM)
      #expect(try await node.end().exit == .code(0))
    }
  }

  @Test func `without models in its manifest a skill that asks them is not built, and its tests ask none`() async throws
  {
    try SkillTests.needCompilers(["clang", "wasm-ld"])
    try SkillTests.needEngine()
    try await Project.with("name: skilled\n") { project in
      try await Self.make("ask", in: project, more: "models: []")
      let refused = try await project.naos("skill", "build")
      #expect(refused.status == 1 && refused.err.contains("NX-SKL-006") && refused.err.contains("models: ["))
      try await Self.make("ask", in: project, more: "models: [fake/fixed]")
      try project.write(
        """
        [{ "name": "none", "input": { "questions": ["a"] },
           "output": [{ "error": "tests of skills ask no models", "code": "unreachable" }] }]
        """, to: "skills/ask/tests/cases.json")
      #expect(try await project.naos("skill", "build").status == 0)
      let test = try await project.naos("skill", "test")
      #expect(test.status == 0, "\(test.err)\(test.out)")
    }
  }

  @Test func `what it keeps is found by the next run, and by people`() async throws {
    try SkillTests.needCompilers()
    try SkillTests.needEngine()
    try await Project.with(
      """
      name: skilled
      providers:
        local: { script: script.yaml }
      agents:
        reader:
          prompt: Answer.
          model: local/scripted
          tools: [skills.count]

      """
    ) { project in
      try project.write(
        """
        - { match: { contains: '"calls":1' }, answer: once }
        - { match: { contains: '"calls":2' }, answer: twice }
        - { match: { contains: Go. }, toolCalls: [{ name: skills_count, arguments: {} }] }
        - { answer: something else }

        """, to: "script.yaml")
      try await Self.make("count", in: project, "swift", source: Self.counting, more: "state: true")
      try project.write(
        #"[{ "name": "first", "input": {}, "output": { "calls": 1 } }, { "name": "again", "input": {}, "output": { "calls": 1 } }]"#,
        to: "skills/count/tests/cases.json")
      #expect(try await project.naos("skill", "build").status == 0)
      let test = try await project.naos("skill", "test")
      #expect(test.status == 0, "\(test.err)\(test.out)")
      let first = try await Self.run(project)
      #expect(first.output == "once", "\(first.shown)")
      let second = try await Self.run(project)
      #expect(second.output == "twice", "\(second.shown)")
      let state = try await project.naos("state", "show", "skills/count/calls/n")
      #expect(state.out.contains("reader · ") && state.out.contains(second.id.prefix(12)), "\(state.out)\(state.err)")
    }
  }
}
