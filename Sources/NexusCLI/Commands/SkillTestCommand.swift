// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import NexusNode
internal import NexusSkills

struct SkillTestCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Run the cases of a skill, or of all skills of the project, in the real engine.",
    discussion: """
      Builds first what is not built or whose source has changed. A case is an object in a tests/*.json with `input` and \
      either `output` or `error`, or a list of them. Exits 0 if every case passes, else 1.
      """)

  @Argument(help: "The skill's folder; nothing is the working directory, or all skills of the project.")
  var folder: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let skills = try SkillLocator(context: context).skills(folder)
    let console = context.console
    guard let engine = SkillServices.engine() else {
      throw OperationError(
        .failed, code: "NX-SKL-009", title: "There is no engine for skills",
        detail: "This naos has no engine that runs WebAssembly.", hint: "`naos skill build` works without one.")
    }
    let workshop = SkillWorkshop(context)
    var reports: [JSONValue] = []
    var failures = 0
    for skill in skills {
      if skill.state != .built { _ = try await workshop.build(skill) }
      let results = try await Self.run(skill, engine)
      let failed = results.filter { !$0.passed }
      failures += failed.count
      for result in failed {
        console.complain(
          "\(console.wordStyle.bad("✗")) \(skill.manifest.name): \(TerminalText.line(result.name)) (\(TerminalText.line(result.file)))\n    "
            + TerminalText.line(result.complaint ?? "", limit: 1000))
      }
      let mark = failed.isEmpty ? console.wordStyle.good("✓") : console.wordStyle.bad("✗")
      console.say("\(mark) \(skill.manifest.name)   \(results.count - failed.count) of \(results.count) cases pass")
      reports.append(Self.report(skill, results))
    }
    console.emit(["skills": .array(reports)], lines: reports) { "" }
    if failures > 0 { throw CommandFailure(exit: .failed) }
  }

  private static func run(_ skill: SkillFolder, _ engine: any SkillEngine) async throws -> [SkillCaseResult] {
    do throws(SkillProblem) {
      try skill.checkModule()
      let cases = try SkillCase.all(of: skill)
      let caller = try SkillCaller(skill, engine: engine, tenant: "skill-test")
      var results: [SkillCaseResult] = []
      for one in cases { results.append(await one.run(by: caller)) }
      return results
    } catch {
      throw OperationError(error, skill.manifest.name)
    }
  }

  private static func report(_ skill: SkillFolder, _ results: [SkillCaseResult]) -> JSONValue {
    [
      "name": .string(skill.manifest.name), "passed": .int(Int64(results.count { $0.passed })),
      "total": .int(Int64(results.count)),
      "cases": .array(
        results.map { result in
          [
            "name": .string(result.name), "file": .string(result.file), "passed": .bool(result.passed),
            "complaint": result.complaint.map { .string($0) } ?? .null,
          ]
        }),
    ]
  }
}
