// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Skills that send requests, as tools of an agent of a real node.
@Suite(.seated)
struct SkillRequestTests {
  private static let config = """
    name: skilled
    providers:
      local: { script: script.yaml }
    agents:
      reader:
        prompt: Answer.
        model: local/scripted
        tools: [skills.fetch]

    """

  private static let sources = [
    "c": """
    #include "naos.h"
    void naos_skill(const naos_json *input) {
      naos_text url;
      if (!naos_get_text(input, "url", &url)) return naos_fail("bad_input", "`url` has to be a text");
      naos_buffer request = {0};
      naos_append_of(&request, "{\\"url\\":");
      naos_append_quoted(&request, url);
      naos_append_of(&request, "}");
      const naos_json *answer = naos_http(naos_text_of(&request));
      if (!answer) return naos_fail("no_way", "no request can be sent");
      naos_value(naos_get(answer, "content"));
    }

    """,
    "swift": """
    func skill(_ input: JSON) throws(SkillError) -> JSON {
      guard let url = input["url"]?.text else { throw SkillError("bad_input", "`url` has to be a text") }
      guard let answer = Http.send("GET", url, headers: [("X-A", "\\"quoted\\"")]) else {
        throw SkillError("no_way", "no request can be sent")
      }
      return answer["content"] ?? .null
    }

    """,
  ]

  /// Makes the skill `fetch`, whose output is what the host says.
  private static func make(in project: Project, _ language: String, net: String, limits: String) async throws {
    try await project.naos("skill", "new", "fetch", "--lang", language)
    try project.write(sources[language] ?? "", to: "skills/fetch/src/skill.\(language)")
    try project.write(
      """
      name: fetch
      version: 1.0.0
      description: Fetches.
      lang: \(language)
      input: { type: object, properties: { url: { type: string } }, required: [url] }
      output: {}
      limits: \(limits)
      net: \(net)

      """, to: "skills/fetch/skill.yaml")
  }

  @Test(arguments: ["c", "swift"])
  func `a skill reaches its own hosts, in the name of the run that calls it`(language: String) async throws {
    try SkillTests.needCompilers()
    try SkillTests.needEngine()
    try await Project.with(Self.config) { project in
      let host = try await GrantedHost(for: project)
      try await Self.make(
        in: project, language,
        net:
          "[{ host: example.test, port: \(host.plain), protocol: http, resolve: [127.0.0.1], methods: [GET], paths: [/v1/*] }]",
        limits: "{ requests: 1 }")
      try project.write(
        """
        - { toolCalls: [{ name: skills_fetch, arguments: { url: "http://example.test:\(host.plain)/v1/a" } }], times: 1 }
        - { toolCalls: [{ name: skills_fetch, arguments: { url: "http://elsewhere.test/" } }], times: 1 }
        - { toolCalls: [{ name: skills_fetch, arguments: { url: "http://example.test:\(host.plain)/v2/a" } }], times: 1 }
        - { answer: done }

        """, to: "script.yaml")
      let built = try await project.naos("skill", "build")
      #expect(built.status == 0, "\(built.err)")
      let run = try await project.naos("run", "reader", "--input", "Fetch.", "-o", "json")
      #expect(run.status == 0, "\(run.err)\(run.out)")
      #expect(host.requests == ["request GET /v1/a example.test:\(host.plain)"], "\(host.lines)")
      let id = try #require(run.json["id"]?.stringValue)
      let flows = try await project.naos("audit", "tail", "--event", "sandbox.flow", "--run", id, "-o", "jsonl").out
      #expect(flows.contains("\"example.test\"") && flows.contains(#""agent":"reader""#), "\(flows)")
      let denied = try await project.naos("audit", "tail", "--event", "sandbox.denied", "--run", id, "-o", "jsonl").out
      #expect(denied.contains("skills.fetch: elsewhere.test") && denied.contains("/v2/a"), "\(denied)")
      let explained = try await project.naos("sandbox", "explain", id)
      #expect(explained.out.contains("skills/fetch/skill.yaml"), "\(explained.out)\(explained.err)")
    }
  }

  @Test func `without hosts in its manifest a skill that sends requests is not built`() async throws {
    try SkillTests.needCompilers(["clang", "wasm-ld"])
    try await Project.with("name: skilled\n") { project in
      try await Self.make(in: project, "c", net: "[]", limits: "{}")
      let built = try await project.naos("skill", "build")
      #expect(built.status == 1 && built.err.contains("NX-SKL-006") && built.err.contains("net: ["), "\(built.err)")
      try await Self.make(in: project, "c", net: "[example.test]", limits: "{}")
      #expect(try await project.naos("skill", "build").status == 0)
    }
  }

  @Test func `its tests send none`() async throws {
    try SkillTests.needCompilers(["clang", "wasm-ld"])
    try SkillTests.needEngine()
    try await Project.with("name: skilled\n") { project in
      try await Self.make(in: project, "c", net: "[example.test]", limits: "{}")
      try project.write(
        """
        [{ "name": "none", "input": { "url": "http://example.test/" },
           "output": { "error": "tests of skills send no requests", "code": "unreachable" } }]
        """, to: "skills/fetch/tests/cases.json")
      #expect(try await project.naos("skill", "build").status == 0)
      let test = try await project.naos("skill", "test")
      #expect(test.status == 0, "\(test.err)\(test.out)")
    }
  }
}
