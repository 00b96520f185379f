// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusSkills

extension SkillManifest.Language: ExpressibleByArgument {}

struct SkillNewCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Make a skill that counts words, as a beginning.",
    discussion: "It is made in skills/NAME of the project, or in NAME of the working directory where there is none.")

  @Argument(help: "The new skill's name.")
  var name: String

  @Option(help: ArgumentHelp("swift, c or python.", valueName: "language"))
  var lang: SkillManifest.Language = .swift

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    guard SkillManifest.accepts(name: name) else {
      throw CommandFailure.usage(
        "`\(name)` is no name for a skill.", hint: "A name begins with a letter and has small letters, digits and `-`.")
    }
    let files = SkillKit.files(of: name, in: lang)
    let folder = folder(context)
    guard !Files.exists(folder) else {
      throw OperationError(
        .conflict, code: "NX-SKL-007", title: "The folder is there already",
        detail: "`\(SkillLocator.shown(folder))` exists; nothing was changed.", hint: "Choose another name.")
    }
    try ConfigurationFile.reporting { () throws(FileError) in
      for (path, bytes) in files.sorted(by: { $0.key < $1.key }) {
        let full = folder + "/" + path
        if let slash = full.lastIndex(of: "/") { try Files.makeDirectory(String(full[..<slash])) }
        try Files.write(bytes, to: full)
      }
    }
    let console = context.console
    let shown = SkillLocator.shown(folder)
    console.emit(
      [
        "name": .string(name), "lang": .string(lang.rawValue), "folder": .string(folder),
        "files": .of(files.keys.sorted()),
      ]
    ) { "" }
    for path in files.keys.sorted() { console.say("\(console.wordStyle.good("✓")) \(shown)/\(path)") }
    console.next("naos skill build \(shown)", "naos skill test \(shown)")
  }

  private func folder(_ context: CommandContext) -> String {
    guard let project = try? context.project() else { return ProjectFolder.absolute(name) }
    return "\(project.path)/\(SkillManifest.folder)/\(name)"
  }
}
