// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCLI
import Testing

@Suite struct CommandLineTests {
  @Test(arguments: [("stauts", "status"), ("rnu", "run"), ("dashbord", "dashboard"), ("inspct", "inspect")])
  func `a mistyped command gets a suggestion and exit 2`(typed: String, meant: String) async {
    let run = await CommandRun(typed)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.words.contains("`naos` has no command `\(typed)`"))
    #expect(run.words.contains("Did you mean `\(meant)`?"))
  }

  @Test func `a mistyped command of a group gets a suggestion from that group`() async {
    let run = await CommandRun("runs", "shwo", "run_1")
    #expect(run.status == 2)
    #expect(run.words.contains("Did you mean `show`?"))
  }

  @Test func `a mistyped option gets a suggestion and exit 2`() async {
    let run = await CommandRun("run", "researcher", "--inptu", "x")
    #expect(run.status == 2)
    #expect(run.words.contains("--inptu"))
    #expect(run.words.contains("--input"))
  }

  @Test func `a missing argument is exit 2 and says how the command is used`() async {
    let run = await CommandRun("run")
    #expect(run.status == 2)
    #expect(run.words.contains("Use it like this: naos run <name>"))
  }

  @Test func `help goes to the standard output with exit 0`() async {
    for arguments in [["--help"], ["run", "--help"], ["help", "run"], []] {
      let captured = CapturedConsole()
      let exit = await CommandLineInterface.run(arguments, console: captured.console(), environment: [:])
      #expect(exit == .ok)
      #expect(captured.output.text.contains("naos"))
      #expect(captured.words.text.isEmpty)
    }
  }

  @Test func `the version is answered before anything is set up`() async {
    #expect(CommandLineInterface.fastPath(["run"]) == nil)
    #expect(await CommandRun("version").output == "naos 0.1.0\n")
    #expect(await CommandRun("version", "-o", "json").output == "{\n  \"version\": \"0.1.0\"\n}\n")
  }

  @Test func `global options may stand before the command`() async {
    #expect(await CommandRun("-o", "json", "version").output.hasPrefix("{"))
    #expect(await CommandRun("--quiet", "--output", "json", "version").output.hasPrefix("{"))
  }

  @Test func `global options may stand between a group and its command`() async {
    for group in [["runs"], ["config"]] {
      let command = group == ["runs"] ? "list" : "show"
      let run = await CommandRun(group + ["-q", "--project", "/there-is-no-such-folder", command])
      #expect(run.status == 3 && run.words.contains("/there-is-no-such-folder"), "\(run.words)")
    }
    let alone = await CommandRun("runs", "--project", "/there-is-no-such-folder", "--status", "failed")
    #expect(alone.status == 3, "\(alone.words)")
  }

  @Test func `the exit codes are listed`() async {
    let run = await CommandRun("help", "exit-codes")
    #expect(run.output.contains("7\tover the budget\n"))
    #expect(run.output.split(separator: "\n").count == CommandExit.allCases.count)
  }

  @Test func `outside a project a command ends with the diagnostic and exit 3`() async {
    let run = await CommandRun("status", "--project", "/proc")
    #expect(run.status == 3)
    #expect(run.words.contains("NX-CFG-001"))
  }

  @Test func `an unknown code of explain suggests the nearest`() async {
    #expect(await CommandRun("explain", "NX-API-006").output.hasPrefix("# NX-API-006: No node is running"))
    let run = await CommandRun("explain", "NX-APY-006")
    #expect(run.status == 5)
    #expect(run.words.contains("Did you mean `NX-API-006`?"))
  }

  @Test func `templates are listed as a table and as lines of JSON`() async {
    #expect(await CommandRun("templates").output.contains("research"))
    let lines = await CommandRun("templates", "-o", "jsonl").output.split(separator: "\n")
    #expect(lines.count >= 11)
    #expect(lines.allSatisfy { $0.hasPrefix("{\"name\":") })
  }

  @Test(arguments: [
    (["workflow", "run", "flow"], "Use `naos run flow`."), (["sagas", "run"], "Use `naos run NAME`."),
    (["runs", "foo"], "See `naos runs --help`."), (["status", "--json"], "`-o json`"),
    (["run", "a", "--timeout", "5x"], "90s, 5m or 1h30m"),
    (["runs", "list", "-n", "-1"], "`-n` (`--limit`) has to be from 1 to"),
    (["runs", "list", "-n", "0"], "`-n` (`--limit`) has to be from 1 to"),
    (["workflow", "runs", "-n", "0"], "`-n` (`--limit`) has to be from 1 to"),
    (["logs", "-n", "-1"], "`-n` (`--lines`) has to be from 1 to"),
  ])
  func `what is used wrongly says what would be right`(arguments: [String], words: String) async {
    let captured = CapturedConsole()
    let exit = await CommandLineInterface.run(arguments, console: captured.console(), environment: [:])
    #expect(exit == .usage)
    #expect(captured.words.text.contains(words), "\(captured.words.text)")
  }

  @Test func `only what can be done is promised`() async {
    for group in ["workflow", "saga"] {
      #expect(!(await CommandRun(group, "--help")).output.contains("show and run"))
    }
    #expect(await CommandRun("run", "--help").output.contains("--input -"))
  }
}
