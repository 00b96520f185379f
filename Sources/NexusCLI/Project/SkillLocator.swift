// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusSkills

/// Finds the skills that a command is about.
struct SkillLocator {
  /// Skills of one project.
  static let maxSkills = 500

  let context: CommandContext

  /// The folder that was named, the working directory if it is a skill, or else all skills of the project; absolute.
  func folders(_ named: String?) throws -> [String] {
    let manifest = "/" + SkillManifest.fileName
    let folder = ProjectFolder.absolute(named ?? ".")
    if Files.exists(folder + manifest) { return [Self.withoutSlash(folder)] }
    if let named {
      throw Self.nothing("There is no \(SkillManifest.fileName) in `\(named)`.")
    }
    let project = try context.project()
    let folders = Self.folders(of: project)
    guard !folders.isEmpty else {
      throw Self.nothing("The project has no skills: there is no \(SkillManifest.folder)/*\(manifest).")
    }
    return folders
  }

  /// All skills of a project.
  static func folders(of project: ProjectFolder) -> [String] {
    let parent = project.path + "/" + SkillManifest.folder
    return ((try? Files.list(parent)) ?? []).map { parent + "/" + $0 }
      .filter { Files.exists($0 + "/" + SkillManifest.fileName) }.prefix(maxSkills).map { $0 }
  }

  /// The skills, each read; of all that are wrong every diagnostic.
  func skills(_ named: String?) throws -> [SkillFolder] {
    var skills: [SkillFolder] = []
    var diagnostics: [Diagnostic] = []
    var sources: [SourceFile] = []
    for folder in try folders(named) {
      let reading = SkillReading(folder: folder, shownAs: Self.shown(folder))
      diagnostics += reading.diagnostics
      sources += reading.sources
      if let manifest = reading.manifest { skills.append(SkillFolder(path: folder, manifest: manifest)) }
    }
    if diagnostics.hasErrors { throw CommandFailure(diagnostics: diagnostics, files: sources) }
    if !diagnostics.isEmpty { CommandFailure.warn(diagnostics, files: sources, on: context.console) }
    return skills
  }

  /// A folder as it is named from the working directory; empty for that itself.
  static func shown(_ folder: String) -> String {
    let here = ProcessEnvironment.workingDirectory()
    if folder == here { return "" }
    return folder.hasPrefix(here + "/") ? String(folder.dropFirst(here.count + 1)) : folder
  }

  private static func withoutSlash(_ path: String) -> String {
    path.count > 1 && path.hasSuffix("/") ? withoutSlash(String(path.dropLast())) : path
  }

  private static func nothing(_ detail: String) -> OperationError {
    OperationError(
      .notFound, code: "NX-SKL-002", title: "There is no skill", detail: detail,
      hint: "Make one with `naos skill new NAME`, or name its folder.")
  }
}

extension OperationError {
  /// What came in the way of a skill.
  init(_ problem: SkillProblem, _ skill: String) {
    self.init(
      .failed, code: problem.code, title: "The skill cannot be used", detail: "\(skill): \(problem.message)",
      hint: problem.hint)
  }
}
