// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
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
    let failures = try await SkillWorkshop.opened(context) { workshop in
      try await workshop.build(all: skills.filter { $0.state != .built }).failures
    }
    let (state, isOwn) = try stateFolder(context)
    defer { if isOwn { try? Files.removeTree(state) } }
    let local = LocalSkills(state: state, executable: ProcessEnvironment.executable())
    let reports: [JSONValue]
    do {
      reports = try await run(skills.filter { !failures.has($0) }, local.engine, context.console)
      await local.shutDown()
    } catch {
      await local.shutDown()
      throw error
    }
    context.console.emit(["skills": .array(reports)], lines: reports) { "" }
    try failures.report(to: context.console)
    if reports.contains(where: { $0["passed"] != $0["total"] }) { throw CommandFailure(exit: .failed) }
  }

  /// Where compiled modules are kept: the project's own folder, or one for this call.
  private func stateFolder(_ context: CommandContext) throws -> (path: String, isOwn: Bool) {
    if let project = try? context.project() {
      try ConfigurationFile.reporting { () throws(FileError) in try Files.makeDirectory(project.state, mode: 0o700) }
      return (project.state, false)
    }
    do throws(SkillProblem) { return (try SkillBuilder.makeScratch(context.environment), true) } catch {
      throw OperationError(error, "skill test")
    }
  }

  private func run(_ skills: [SkillFolder], _ engine: any SkillEngine, _ console: Console) async throws -> [JSONValue] {
    var reports: [JSONValue] = []
    for skill in skills {
      let results = try await Self.run(skill, engine)
      let failed = results.filter { !$0.passed }
      for result in failed {
        console.complain(
          "\(console.wordStyle.bad("✗")) \(skill.manifest.name): \(TerminalText.line(result.name)) (\(TerminalText.line(result.file)))\n    "
            + TerminalText.line(result.complaint ?? "", limit: 1000))
      }
      let mark = failed.isEmpty ? console.wordStyle.good("✓") : console.wordStyle.bad("✗")
      console.say("\(mark) \(skill.manifest.name)   \(results.count - failed.count) of \(results.count) cases pass")
      reports.append(Self.report(skill, results))
    }
    return reports
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
            "complaint": result.complaint.map(JSONValue.string) ?? .null,
          ]
        }),
    ]
  }
}
