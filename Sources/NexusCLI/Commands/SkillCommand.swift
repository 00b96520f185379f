// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusSkills

/// `naos skill`: tools of agents, compiled to WebAssembly.
struct SkillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "skill", abstract: "Make, build and test skills: tools compiled to WebAssembly.",
    subcommands: [SkillNewCommand.self, SkillBuildCommand.self, SkillTestCommand.self, SkillListCommand.self],
    defaultSubcommand: SkillListCommand.self)
}

struct SkillListCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the project's skills and how their modules stand to their sources.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let rows = SkillLocator.folders(of: project).map(Row.init)
    let console = context.console
    let lines = rows.map(\.json)
    console.emit(["skills": .array(lines)], lines: lines) {
      guard !rows.isEmpty else { return "" }
      var table = TextTable(["SKILL", "VERSION", "LANG", "MODULE", "CASES", "DESCRIPTION"], rightAligned: [4])
      for row in rows { table.add(row.cells, note: row.note) }
      return table.render(console.outputStyle)
    }
    guard console.format == .table else { return }
    if rows.isEmpty { console.say("there are no skills") }
    console.next(contentsOf: rows.isEmpty ? ["naos skill new NAME"] : ["naos skill build", "naos skill test"])
  }

  private struct Row {
    let name: String
    let skill: SkillFolder?
    let cases: Int?
    let note: String?

    init(_ folder: String) {
      name = folder.split(separator: "/").last.map(String.init) ?? folder
      let reading = SkillReading(folder: folder, shownAs: SkillLocator.shown(folder))
      skill = reading.manifest.map { SkillFolder(path: folder, manifest: $0) }
      cases = skill.flatMap { try? SkillCase.all(of: $0).count }
      note = skill == nil ? reading.diagnostics.first.map { "\($0.code): \($0.message)" } : nil
    }

    private var module: String {
      guard let skill else { return "wrong" }
      guard let size = skill.moduleSize else { return skill.state.rawValue }
      return "\(skill.state.rawValue), \(Quantities.bytes(Int64(size)))"
    }

    var cells: [String] {
      guard let skill else { return [name, "–", "–", module, "–", "–"] }
      let manifest = skill.manifest
      return [
        name, manifest.version, manifest.language.rawValue, module, cases.map(String.init) ?? "?", manifest.description,
      ]
    }

    var json: JSONValue {
      guard let skill else {
        return ["name": .string(name), "state": "wrong", "problem": note.map(JSONValue.string) ?? .null]
      }
      let manifest = skill.manifest
      return [
        "name": .string(name), "version": .string(manifest.version), "lang": .string(manifest.language.rawValue),
        "state": .string(skill.state.rawValue), "bytes": skill.moduleSize.map { JSONValue.int(Int64($0)) } ?? .null,
        "cases": cases.map { JSONValue.int(Int64($0)) } ?? .null, "description": .string(manifest.description),
      ]
    }
  }
}
