// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusConfig
import NexusDiagnostics
import Testing

struct EditorTests {
  private static let block = "command: run\nenv:\n  A: b\n"

  private func added(_ text: String, name: String = "new") throws -> String {
    try ConfigEditor.addAgent(named: name, block: Self.block, to: text).get()
  }

  @Test func `an agent is added behind the last one, before the comments that follow`() throws {
    let text = """
      # The project.
      agents:   # all of them
        first:  { command: one }   # odd   spacing

        # About the second.
        second:
          prompt: |
            Two
            lines

      # About the team.
      supervisors:
        team: { children: [first] }
      """
    #expect(
      try added(text) == """
        # The project.
        agents:   # all of them
          first:  { command: one }   # odd   spacing

          # About the second.
          second:
            prompt: |
              Two
              lines

          new:
            command: run
            env:
              A: b
        # About the team.
        supervisors:
          team: { children: [first] }
        """)
  }

  @Test(arguments: [
    ("", "agents:\n  new:\n    command: run\n    env:\n      A: b\n"),
    ("# only a comment", "# only a comment\nagents:\n  new:\n    command: run\n    env:\n      A: b\n"),
    ("name: x", "name: x\nagents:\n  new:\n    command: run\n    env:\n      A: b\n"),
    ("agents:\nname: x\n", "agents:\n  new:\n    command: run\n    env:\n      A: b\nname: x\n"),
    ("agents: {} # none\n", "agents: # none\n  new:\n    command: run\n    env:\n      A: b\n"),
    (
      "agents:\n    a:\n        command: x\n",
      "agents:\n    a:\n        command: x\n    new:\n      command: run\n      env:\n        A: b\n"
    ),
    (
      "agents:\n- name: a\n  command: x\n",
      "agents:\n- name: a\n  command: x\n- name: new\n  command: run\n  env:\n    A: b\n"
    ),
    (
      "name: x\n---\nagents:\n  a: { command: x }\n---\ncost: {}\n",
      "name: x\n---\nagents:\n  a: { command: x }\n  new:\n    command: run\n    env:\n      A: b\n---\ncost: {}\n"
    ),
    (
      "agents:\r\n  a: { command: x }\r\n",
      "agents:\r\n  a: { command: x }\r\n  new:\r\n    command: run\r\n    env:\r\n      A: b\r\n"
    ),
  ])
  func `an agent is added in the style of the file`(_ before: String, _ after: String) throws {
    #expect(try added(before) == after)
  }

  @Test(arguments: [
    "{ agents: { a: { command: x } } }\n", "agents: { a: { command: x } }\n", "agents: [{ name: a, command: x }]\n",
    "x-all: &all { a: { command: x } }\nagents: *all\n", "agents: text\n",
  ])
  func `a file whose shape does not allow it is left alone`(_ text: String) {
    let result = ConfigEditor.addAgent(named: "new", block: Self.block, to: text)
    #expect(throws: Diagnostic.self) { try result.get() }
    if case .failure(let diagnostic) = result { #expect(diagnostic.code == "NX-CFG-401") }
  }

  @Test func `a name that is taken, or that is no name, is refused`() {
    for text in ["agents: { new: { command: x } }", "agents:\n- name: new\n", "agent: { name: new, command: x }"] {
      #expect(throws: Diagnostic.self) { try added(text) }
    }
    if case .failure(let diagnostic) = ConfigEditor.addAgent(
      named: "new", block: Self.block, to: "agents:\n  new: {}\n")
    {
      #expect(diagnostic.code == "NX-CFG-402")
      #expect(diagnostic.location?.line == 2)
    }
    for name in ["New", "", "a: b", "a\nb"] {
      if case .failure(let diagnostic) = ConfigEditor.addAgent(named: name, block: Self.block, to: "") {
        #expect(diagnostic.code == "NX-CFG-103")
      } else {
        Issue.record("the name was taken")
      }
    }
  }

  @Test func `a broken file is not edited`() {
    if case .failure(let diagnostic) = ConfigEditor.addAgent(named: "new", block: Self.block, to: "a: [\n") {
      #expect(diagnostic.code == "NX-CFG-005")
    } else {
      Issue.record("the file was edited")
    }
  }

  @Test func `an agent is removed and every comment stays`() throws {
    let text = """
      agents:
        # About the first.
        first:
          command: one # inside
        # About the second.
        second: { command: two }
      # End.
      """
    #expect(
      try ConfigEditor.removeAgent(named: "first", from: text).get() == """
        agents:
          # About the first.
          # About the second.
          second: { command: two }
        # End.
        """)
  }

  @Test(arguments: [
    ("agents:\n  a: { command: x }\n", "agents:\n"),
    ("agents:\n- name: a\n  command: x\n- name: b\n  command: y\n", "agents:\n- name: b\n  command: y\n"),
    ("agent: { name: a, command: x }\nname: y\n", "name: y\n"),
    ("name: y\n---\nagent:\n  name: a\n  command: x\n---\ncost: {}\n", "name: y\n---\n---\ncost: {}\n"),
  ])
  func `an agent is removed in the style of the file`(_ before: String, _ after: String) throws {
    #expect(try ConfigEditor.removeAgent(named: "a", from: before).get() == after)
  }

  @Test func `an agent whose anchor others use is not removed`() {
    let text = "agents:\n  a: &a { command: x }\n  b: *a\n"
    if case .failure(let diagnostic) = ConfigEditor.removeAgent(named: "a", from: text) {
      #expect(diagnostic.code == "NX-CFG-401")
    } else {
      Issue.record("the agent was removed")
    }
  }

  @Test func `an agent that is not there gets a suggestion`() {
    let text = "agents:\n  researcher: { command: x }\n"
    if case .failure(let diagnostic) = ConfigEditor.removeAgent(named: "resaercher", from: text) {
      #expect(diagnostic.code == "NX-CFG-403")
      #expect(diagnostic.suggestion == "researcher")
    } else {
      Issue.record("something was removed")
    }
  }

  /// Every configuration of the cases that has no syntax error.
  private static let texts = GoldenCase.all.compactMap { golden -> String? in
    let bytes = golden.files.contents["/project/nexus.config.yaml"] ?? []
    return String(validating: bytes, as: UTF8.self)
  }

  @Test(arguments: texts) func `what is added can be removed again, and only it has changed`(_ text: String) throws {
    guard case .success(let edited) = ConfigEditor.addAgent(named: "quite-new", block: Self.block, to: text) else {
      return
    }
    #expect(edited.utf8.count > text.utf8.count)
    let kept = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    var rest = edited.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)[...]
    for line in kept where !line.contains("agents: {}") && !line.contains("agents: []") {
      let index = try #require(rest.firstIndex(of: line))
      rest = rest[(index + 1)...]
    }
    let removed = try ConfigEditor.removeAgent(named: "quite-new", from: edited).get()
    if ("\n" + text).contains("\nagents:\n") { #expect(removed == text || removed == text + "\n") }
  }
}
