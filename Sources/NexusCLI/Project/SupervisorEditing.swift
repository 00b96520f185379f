// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel
internal import NexusNode

/// A change of the configuration's supervisors: what is there, what would come of it, and only then the file.
///
/// Nobody else edits the file until it is released.
struct SupervisorEditing {
  let source: SourceFile
  /// Nil if the file has errors already.
  let plan: ProjectPlan?
  private let project: ProjectFolder
  private let files: [SourceFile]
  private let console: Console
  private let lock: ConfigurationLock?

  /// Reads the project's configuration; who only looks waits for nobody, for the file is replaced as a whole.
  ///
  /// - Throws: `CommandFailure` with the diagnostics if it has errors: what cannot be read is not edited.
  init(_ context: CommandContext, onlyLooks: Bool) async throws {
    project = try context.project()
    console = context.console
    lock = onlyLooks ? nil : try await ConfigurationFile.lock(project)
    do {
      source = try ConfigurationFile.read(project)
      let result = project.load()
      guard result.plan != nil else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
      plan = result.plan
      files = result.files
    } catch {
      lock?.release()
      throw error
    }
  }

  func release() { lock?.release() }

  func unknown(_ name: String) -> OperationError {
    let supervisors = plan?.supervisors.map(\.name.text) ?? []
    return OperationError(
      .notFound, code: "NX-SUP-004", title: "No such supervisor",
      detail: plan?.agent(AgentName(name)) == nil
        ? "No supervisor is named `\(name)`." : "`\(name)` is an agent, and agents have no children.",
      hint: Suggestion.nearest(to: name, among: supervisors).map { "Did you mean `\($0)`?" }
        ?? "Make one with `naos supervisor create NAME`.")
  }

  /// Children have to exist, and to be nobody else's: nothing is moved without being asked to.
  func requireFree(_ children: [String], for supervisor: String) throws {
    guard let plan else { return }
    for child in children {
      let parent: SupervisorName?
      if let agent = plan.agent(AgentName(child)) {
        parent = agent.supervisor
      } else if let inner = plan.supervisor(SupervisorName(child)) {
        parent = inner.parent
      } else {
        let names = plan.agents.map(\.name.text) + plan.supervisors.map(\.name.text)
        throw OperationError(
          .notFound, code: "NX-API-011", title: "No such agent", detail: "No agent or supervisor is named `\(child)`.",
          hint: Suggestion.nearest(to: child, among: names).map { "Did you mean `\($0)`?" }
            ?? AgentNames.creation(of: child))
      }
      guard let parent, parent.text != supervisor else { continue }
      let place = files.lazy.compactMap { ConfigEditor.childPlace(of: child, in: $0)?.location }.first
      var failure = CommandFailure(
        diagnostics: [
          Diagnostic(
            "NX-CFG-204", "`\(child)` already has a supervisor, `\(parent)`", at: place,
            help: "a child has one supervisor: take `\(child)` out of the `children` of `\(parent)` in"
              + " \(ConfigLoader.fileName) first")
        ], files: files)
      failure.exit = .conflict
      throw failure
    }
  }

  /// The plan that the edited text makes.
  ///
  /// - Throws: `CommandFailure` with what is wrong with it; nothing has been written.
  func checked(_ edited: Result<String, Diagnostic>) throws -> ProjectPlan {
    let text = try self.text(edited)
    let result = ConfigLoader.load(
      projectDirectory: project.path, environment: ProcessEnvironment.variables(), mainFile: text,
      isCheaper: PriceComparisons.comparison(in: project.path), secret: SecretStore(project: project.path).lookup)
    guard let plan = result.plan else { throw CommandFailure(diagnostics: result.diagnostics, files: result.files) }
    return plan
  }

  func write(_ edited: Result<String, Diagnostic>) throws { try ConfigurationFile.write(try text(edited), project) }

  private func text(_ edited: Result<String, Diagnostic>) throws -> String {
    switch edited {
    case .success(let text): return text
    case .failure(let diagnostic):
      var failure = CommandFailure(diagnostics: [diagnostic], files: [source])
      if diagnostic.code == "NX-CFG-403" { failure.exit = .notFound }
      throw failure
    }
  }

  func emit(_ spec: SupervisorSpec) {
    let flags = spec.flags
    let children = spec.children.map { JSONValue.string($0.description) }
    console.emit([
      "name": .string(spec.name.text), "strategy": .string(flags.strategy.rawValue),
      "maxRestarts": .int(Int64(flags.intensity.maxRestarts)),
      "withinSeconds": .int(flags.intensity.within.components.seconds),
      "onMaxRestarts": .string(flags.overIntensity.rawValue), "autoShutdown": .string(flags.autoShutdown.rawValue),
      "children": .array(children),
    ]) { "" }
  }

  /// A node goes on with the configuration that it has until it is told.
  func sayNext() async {
    if await NodeAccess.isRunning(project) {
      console.next("naos reload")
    } else {
      console.next("naos up -d", "naos supervisor tree")
    }
  }
}
