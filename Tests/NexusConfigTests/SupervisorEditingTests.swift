// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusDiagnostics
import Testing

/// What `naos supervisor create` and `add` do to the text of a configuration.
struct SupervisorEditingTests {
  private static let block = "strategy: rest-for-one\nchildren: [a]\n"

  private func grown(_ text: String, by children: [String] = ["b", "c"], of name: String = "team") throws -> String {
    try ConfigEditor.addChildren(children, toSupervisor: name, in: text).get()
  }

  @Test(arguments: [
    ("agents:\n  a: { command: x }\n", "agents:\n  a: { command: x }\nsupervisors:\n  new:\n"),
    ("supervisors:\n  team: { children: [a] } # them\n", "supervisors:\n  team: { children: [a] } # them\n  new:\n"),
    ("supervisors: {}\nname: x\n", "supervisors:\n  new:\n"),
  ])
  func `a supervisor is added in the style of the file`(_ before: String, _ after: String) throws {
    let edited = try ConfigEditor.addSupervisor(named: "new", block: Self.block, to: before).get()
    let body = "    strategy: rest-for-one\n    children: [a]\n"
    #expect(edited == after + body + (before.hasSuffix("name: x\n") ? "name: x\n" : ""))
  }

  @Test func `a supervisor in a list is added as an element`() throws {
    let before = "supervisors:\n- name: team\n  children: [a]\n"
    #expect(
      try ConfigEditor.addSupervisor(named: "new", block: Self.block, to: before).get()
        == before + "- name: new\n  strategy: rest-for-one\n  children: [a]\n")
  }

  @Test func `a supervisor that exists is not added again`() {
    let result = ConfigEditor.addSupervisor(named: "team", block: Self.block, to: "supervisors:\n  team: {}\n")
    guard case .failure(let diagnostic) = result else {
      Issue.record("it was added")
      return
    }
    #expect(diagnostic.code == "NX-CFG-402")
    #expect(diagnostic.message == "there already is a supervisor `team`")
    #expect(diagnostic.location?.line == 2)
  }

  @Test(arguments: [
    ("supervisors:\n  team: { children: [a] }\n", "supervisors:\n  team: { children: [a, b, c] }\n"),
    (
      "supervisors:\n  team: { children: [ 'a' ], strategy: one-for-all } # x\n",
      "supervisors:\n  team: { children: [ 'a', b, c ], strategy: one-for-all } # x\n"
    ),
    ("supervisors:\n  team: { children: [] }\n", "supervisors:\n  team: { children: [b, c] }\n"),
    ("supervisors:\n  team: {}\n", "supervisors:\n  team: { children: [b, c] }\n"),
    (
      "supervisors:\n  team: { maxRestarts: 5 }\n", "supervisors:\n  team: { maxRestarts: 5, children: [b, c] }\n"
    ),
    ("supervisors:\n  team:\nname: x\n", "supervisors:\n  team:\n    children: [b, c]\nname: x\n"),
    ("supervisors:\n  team: # all\n", "supervisors:\n  team: # all\n    children: [b, c]\n"),
    (
      "supervisors:\n  team:\n    maxRestarts: 5 # many\n\n# Next.\nname: x\n",
      "supervisors:\n  team:\n    maxRestarts: 5 # many\n    children: [b, c]\n\n# Next.\nname: x\n"
    ),
    (
      "supervisors:\n  team:\n    children:\n      - a # first\n    maxRestarts: 5\n",
      "supervisors:\n  team:\n    children:\n      - a # first\n      - b\n      - c\n    maxRestarts: 5\n"
    ),
    (
      "supervisors:\n  team:\n    children:\n    - a\n",
      "supervisors:\n  team:\n    children:\n    - a\n    - b\n    - c\n"
    ),
    (
      "supervisors:\n  team:\n    children:\n    maxRestarts: 5\n",
      "supervisors:\n  team:\n    children:\n      - b\n      - c\n    maxRestarts: 5\n"
    ),
    (
      "supervisors:\n  team:\n    children: [\n      a, # first\n      z,\n    ]\n",
      "supervisors:\n  team:\n    children: [\n      a, # first\n      z, b, c,\n    ]\n"
    ),
    ("supervisors:\n- name: team\n  agents: [a]\n", "supervisors:\n- name: team\n  agents: [a, b, c]\n"),
    (
      "supervisors:\n- name: other\n- name: team\n", "supervisors:\n- name: other\n- name: team\n  children: [b, c]\n"
    ),
    (
      "name: x\n---\nsupervisor:\n  name: team\n  children: [a]\n",
      "name: x\n---\nsupervisor:\n  name: team\n  children: [a, b, c]\n"
    ),
    (
      "supervisors:\r\n  team: { children: [a] }\r\n", "supervisors:\r\n  team: { children: [a, b, c] }\r\n"
    ),
    ("supervisors: { team: { children: [a] } }", "supervisors: { team: { children: [a, b, c] } }"),
  ])
  func `children are appended in the form that the list has`(_ before: String, _ after: String) throws {
    #expect(try grown(before) == after)
  }

  @Test(arguments: [
    "x-all: &all [a]\nsupervisors:\n  team: { children: *all }\n", "supervisors:\n  team: { children: a }\n",
    "supervisors:\n  team:\n    children: ~\n", "x-a: &a a\nsupervisors:\n  team: { children: [*a] }\n",
  ])
  func `a list whose shape does not allow it is left alone`(_ text: String) {
    guard case .failure(let diagnostic) = ConfigEditor.addChildren(["b"], toSupervisor: "team", in: text) else {
      Issue.record("it was edited")
      return
    }
    #expect(diagnostic.code == "NX-CFG-401")
    #expect(diagnostic.help?.contains("`supervisors:`") == true)
  }

  @Test func `a supervisor that is not there gets a suggestion, and what is no name is refused`() {
    let text = "supervisors:\n  ingest: {}\n"
    if case .failure(let diagnostic) = ConfigEditor.addChildren(["b"], toSupervisor: "ingets", in: text) {
      #expect(diagnostic.code == "NX-CFG-403")
      #expect(diagnostic.suggestion == "ingest")
    } else {
      Issue.record("it was edited")
    }
    for child in ["", "a, b", "a]", "A", "x: y"] {
      #expect(throws: Diagnostic.self) { try grown(text, by: [child], of: "ingest") }
    }
  }

  @Test func `it is found where a child is listed`() {
    let text = """
      agents: { a: { command: x } }
      supervisors:
        one: { children: [b] }
        two:
          children:
            - a
      """
    let place = ConfigEditor.childPlace(of: "a", in: SourceFile(name: "f.yaml", text: text))
    #expect(place?.supervisor == "two")
    #expect(place?.location.line == 6)
    #expect(place?.location.file == "f.yaml")
    #expect(ConfigEditor.childPlace(of: "c", in: SourceFile(name: "f.yaml", text: text)) == nil)
  }

  /// Every configuration of the cases that has no syntax error.
  private static let texts = GoldenCase.all.compactMap { golden -> String? in
    let bytes = golden.files.contents["/project/nexus.config.yaml"] ?? []
    return String(validating: bytes, as: UTF8.self)
  }

  @Test(arguments: texts) func `whatever file it is, only the new lines and names are new`(_ text: String) throws {
    guard case .success(let with) = ConfigEditor.addSupervisor(named: "quite-new", block: Self.block, to: text) else {
      return
    }
    let grown = try ConfigEditor.addChildren(["even-newer"], toSupervisor: "quite-new", in: with).get()
    let lines = zip(with.split(whereSeparator: \.isNewline), grown.split(whereSeparator: \.isNewline)).filter {
      $0 != $1
    }
    #expect(lines.count == 1)
    #expect(lines.first?.1.hasSuffix("children: [a, even-newer]") ?? false)
    let kept = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    var rest = with.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)[...]
    for line in kept where !line.contains("supervisors: {}") && !line.contains("supervisors: []") {
      let index = try #require(rest.firstIndex(of: line))
      rest = rest[(index + 1)...]
    }
  }
}
