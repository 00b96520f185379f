// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusDiagnostics

extension PlanBuilder {
  /// Whether a tool `skills.NAME` is a skill of the project; what is wrong with it is reported.
  mutating func checkSkill(_ tool: String, at location: SourceLocation) -> Bool {
    let name = String(tool.dropFirst(ToolCatalogue.skillPrefix.count))
    guard NameRule.plain.accepts(name) else {
      report(
        Diagnostic(
          "NX-CFG-205", "there is no skill `\(name)`: that is no name", at: location, label: "expected skills.NAME"))
      return false
    }
    let folder = project.resolved("\(SkillManifest.folder)/\(name)")
    let reading = SkillReading(folder: folder, shownAs: project.relative(folder)) { path, _, from in
      readFile(path, from ?? location)
    }
    sources += reading.sources
    for diagnostic in reading.diagnostics { report(diagnostic) }
    guard let manifest = reading.manifest else { return false }
    let module = folder + "/" + manifest.moduleFile
    guard case .module = moduleHead(module) else {
      report(
        Diagnostic(
          "NX-SKL-005", .warning, "the skill `\(name)` has no module `\(project.relative(module))`: its calls fail",
          at: location, help: "build it: `naos skill build \(project.relative(folder))`"))
      return true
    }
    return true
  }
}
