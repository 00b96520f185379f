// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// Everything that a user can get wrong on the command line and in the configuration.
@Suite(.seated)
struct BadInputTests {
  private static let config = """
    name: bad
    server: { port: 0 }
    agents:
      echo:
        command: [cat]
      nothing:
        command: [/no/such/program]
      folder:
        command: [/tmp]
      binary:
        command: [printf, 'a\\377b\\000c\\033[31m']
      crash:
        command: [sh, -c, 'echo it broke >&2; exit 3']

    """

  @Test func `outside a project every command says so`() async throws {
    try await Project.with { project in
      for command in [
        ["run", "a"], ["status"], ["up"], ["logs"], ["runs", "list"], ["config", "validate"], ["create", "a"],
      ] {
        let outcome = try await project.naos(command)
        #expect(outcome.status == 3, "\(command): \(outcome.err)")
        #expect(outcome.err.contains("error[NX-CFG-001]"))
        #expect(outcome.err.contains("naos init"))
      }
    }
  }

  @Test func `broken YAML is shown with its place, and all mistakes at once`() async throws {
    try await Project.with("name: bad\nagents:\n  a:\n    comand: [cat]\n    restart: permanant\n") { project in
      for command in [["config", "validate"], ["run", "a"], ["up"], ["up", "-d"]] {
        let outcome = try await project.naos(command)
        #expect(outcome.status == 3, "\(command): \(outcome.err)")
        #expect(outcome.err.contains("--> nexus.config.yaml:4:5"))
        #expect(outcome.err.contains("--> nexus.config.yaml:5:14"))
        #expect(outcome.err.contains("`command`"))
        #expect(outcome.err.contains("`permanent`"))
        #expect(outcome.out.isEmpty)
      }
      try project.write("agents: [\n", to: "nexus.config.yaml")
      let torn = try await project.naos("config", "validate")
      #expect(torn.status == 3)
      #expect(torn.err.contains("error[NX-CFG-"))
    }
  }

  @Test func `an unknown agent, run, code or template is not found, with a suggestion`() async throws {
    try await Project.with(Self.config) { project in
      for (command, suggestion) in [
        (["run", "ecko"], "Did you mean `echo`?"), (["inspect", "ecko"], "Did you mean `echo`?"),
        (["create", "x", "--template", "researsh"], "Did you mean `research`?"),
        (["explain", "NX-BUD-01"], "Did you mean `NX-BUD-001`?"), (["runs", "show", "run_1"], "naos runs list"),
      ] {
        let outcome = try await project.naos(command)
        #expect(outcome.status == 5, "\(command): \(outcome.err)")
        #expect(outcome.err.contains(suggestion), "\(command): \(outcome.err)")
      }
    }
  }

  @Test func `wrong flags and verbs are usage errors, with a suggestion`() async throws {
    try await Project.with(Self.config) { project in
      for command in [
        ["runn"], ["run"], ["run", "echo", "--inputt", "x"], ["runs", "lst"], ["status", "-o", "xml"],
        ["run", "echo", "--set", "nonsense"], ["run", "echo", "--timeout", "soon"],
        ["run", "echo", "--input", "@missing"],
      ] {
        let outcome = try await project.naos(command)
        #expect(outcome.status == 2, "\(command): \(outcome.err)")
        #expect(outcome.err.contains("error[NX-"), "\(command): \(outcome.err)")
        #expect(outcome.out.isEmpty)
      }
      #expect(try await project.naos("runn").err.contains("`run`"))
      #expect(try await project.naos("runs", "lst").err.contains("`list`"))
    }
  }

  @Test(arguments: ["nothing", "folder"])
  func `a command that cannot start is a coded failure`(agent: String) async throws {
    try await Project.with(Self.config) { project in
      let run = try await project.naos("run", agent, "-o", "json")
      #expect(run.status == 1, "\(run.err)")
      let error = try #require(try run.json["error"])
      #expect(error["code"]?.stringValue?.hasPrefix("NX-") == true)
      #expect(
        error["message"]?.stringValue?.contains(agent == "nothing" ? "/no/such/program" : "/tmp") == true, "\(error)")
      #expect(try await project.naos("explain", #require(error["code"]?.stringValue)).status == 0)
    }
  }

  @Test func `a program that fails is a coded failure with its log`() async throws {
    try await Project.with(Self.config) { project in
      let run = try await project.naos("run", "crash", "-o", "json")
      #expect(run.status == 1)
      #expect(try run.json["status"] == "failed")
      #expect(try run.json["error"]?["code"]?.stringValue?.hasPrefix("NX-") == true)
      #expect(try await project.naos("logs", "crash").out.contains("it broke"))
    }
  }

  @Test func `output that is no UTF-8 becomes a text that harms nobody`() async throws {
    try await Project.with(Self.config) { project in
      let run = try await project.naos("run", "binary", "-o", "json")
      #expect(run.status == 0, "\(run.err)")
      #expect(try run.json["output"]?.stringValue == "a\u{fffd}b\u{0}c\u{1b}[31m")
      for command in [["runs", "list"], ["logs"], ["status"]] { #expect(try await project.naos(command).status == 0) }
    }
  }

  @Test func `input comes from an argument, a file or stdin, and has a limit`() async throws {
    try await Project.with(Self.config) { project in
      let text = "ä text with \"quotes\"\nand lines"
      #expect(try await project.naos("run", "echo", "--input", text).out == text + "\n")
      try project.write(text, to: "input.txt")
      #expect(try await project.naos("run", "echo", "--input", "@input.txt").out == text + "\n")
      #expect(try await project.naos("run", "echo", "--input", "-", input: text).out == text + "\n")
      let object = try await project.naos("run", "echo", "--set", "a=1", "--set", "b=two", "-o", "json").json
      #expect(object["output"] == ["a": 1, "b": "two"])

      let large = String(repeating: "0123456789abcdef", count: 3 << 16)
      let whole = try await project.naos("run", "echo", "--input", "-", "-o", "json", input: large)
      #expect(whole.status == 0, "\(whole.err)")
      #expect(try whole.json["output"]?.stringValue?.count == large.count)
      let tooLarge = try await project.naos("run", "echo", "--input", "-", input: large + large)
      #expect(tooLarge.status == 2, "\(tooLarge.err)")
      #expect(tooLarge.err.contains("NX-"))
    }
  }

  @Test func `a gigabyte of output ends in a coded error, and the node stays small`() async throws {
    try await Project.with(
      """
      name: flood
      server: { port: 0 }
      agents:
        flood:
          command: [head, -c, "1073741824", /dev/zero]
        noise:
          command: [sh, -c, 'yes "a line of noise" | head -c 200000000 >&2; echo done']

      """
    ) { project in
      let node = try await project.up()
      let flood = try await project.naos("run", "flood", "-o", "json")
      #expect(flood.status == 1, "\(flood.err)")
      #expect(try flood.json["error"]?["code"]?.stringValue?.hasPrefix("NX-") == true)
      let noise = try await project.naos("run", "noise")
      #expect(noise.out == "done\n", "\(noise.err)")
      let status = try String(contentsOfFile: "/proc/\(node.pid)/status", encoding: .utf8)
      let peak = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
      let kilobytes = try #require(Int(peak.split(separator: " ").dropFirst().first ?? ""))
      #expect(kilobytes < 200_000, "the node grew to \(kilobytes) kB")
      let logs = try FileManager.default.subpathsOfDirectory(atPath: project.path(".naos/logs")).map {
        try FileManager.default.attributesOfItem(atPath: project.path(".naos/logs/" + $0))[.size] as? Int ?? 0
      }
      #expect(logs.reduce(0, +) < 100_000_000, "logs have a limit")
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  @Test func `Ctrl-C once cancels the run, and a cancelled run can be retried`() async throws {
    try await waiting { project, run, go in
      run.signal(SIGINT)
      let ended = try await run.end()
      #expect(ended.exit == .code(130), "\(ended.errText)")
      let list = try await project.naos("runs", "list", "-o", "json").json
      #expect(list["runs"]?.arrayValue?.first?["status"] == "cancelled")
      let again = try project.startNaos("runs", "retry", try await project.newestRun())
      try await go()
      let retried = try await again.end()
      #expect(retried.exit == .code(0), "\(retried.errText)")
      #expect(retried.outText == "went\n")
    }
  }

  @Test func `Ctrl-C twice leaves at once, and the next node ends the run as it was asked to`() async throws {
    try await waiting(ignoresTerm: true) { project, run, _ in
      run.signal(SIGINT)
      try await run.wait(for: "the first Ctrl-C") { $0.errText.contains("cancel asked") ? true : nil }
      run.signal(SIGINT)
      #expect(try await run.end().exit == .code(130))
      let node = try await project.up()
      let waited = try await project.naos("runs", "wait", try await project.newestRun())
      #expect(waited.status == 130, "\(waited.err)")
      node.signal(SIGTERM)
      try await node.end()
    }
  }

  /// A run whose agent waits for a word.
  private func waiting(
    ignoresTerm: Bool = false, _ body: (Project, Running, () async throws -> Void) async throws -> Void
  ) async throws {
    try await Project.with { project in
      let lifeline = try Lifeline(in: project)
      try await project.start(["/usr/bin/mkfifo", project.path("go")]).end()
      let trap = ignoresTerm ? "trap \"\" TERM; " : ""
      try project.write(
        """
        name: waiting
        server: { port: 0 }
        agents:
          slow:
            command: [sh, -c, '\(trap)echo "$$ started" >"$LINE"; read go <"$GO"; echo "$go"']
            env: { LINE: \(lifeline.path), GO: \(project.path("go")) }

        """, to: "nexus.config.yaml")
      let run = try project.startNaos("run", "slow")
      try await lifeline.announcements(1)
      try await body(project, run) { try await project.start(["/bin/sh", "-c", "echo went >go"]).end() }
    }
  }
}
