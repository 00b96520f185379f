// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore
internal import NexusDiagnostics

/// `naos create`: adds an agent made from a template.
struct CreateCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Add an agent to the project, made from a template.")

  @Argument(help: "The new agent's name.")
  var name: String

  @Option(name: [.customShort("t"), .long], help: ArgumentHelp("See `naos templates`.", valueName: "name"))
  var template = "custom"

  @Flag(help: "Only say what would happen.")
  var dryRun = false

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    guard let template = TemplateCatalogue.template(named: template) else {
      throw OperationError(
        .notFound, code: "NX-API-021", title: "No such template", detail: "There is no template `\(template)`.",
        hint: Suggestion.nearest(to: template, among: TemplateCatalogue.all.map(\.name)).map { "Did you mean `\($0)`?" }
          ?? "List them with `naos templates`.")
    }
    let console = context.console
    // Who only looks makes nothing, and waits for nobody: the file is replaced as a whole.
    let lock = dryRun ? nil : try await ConfigurationFile.lock(project)
    defer { lock?.release() }
    let source = try ConfigurationFile.read(project)
    let files = template.files(for: name)
    let edited: String
    switch ConfigEditor.addAgent(named: name, block: template.configBlock(name), to: source.text) {
    case .success(let text): edited = text
    case .failure(let diagnostic) where diagnostic.code == "NX-CFG-402":
      return try sayExisting(template, files, source, project, console)
    case .failure(let diagnostic): throw CommandFailure(diagnostics: [diagnostic], files: [source])
    }
    try Self.requireFree(files, project)
    if dryRun {
      console.say("would add `\(name)` to \(ConfigLoader.fileName)")
      for path in files.keys.sorted() { console.say("would write \(path)") }
      return
    }
    try ConfigurationFile.reporting { () throws(FileError) in
      for (path, bytes) in files.sorted(by: { $0.key < $1.key }) where !Files.exists("\(project.path)/\(path)") {
        if let slash = path.lastIndex(of: "/") { try Files.makeDirectory(project.path + "/" + path[..<slash]) }
        try Files.write(bytes, to: "\(project.path)/\(path)", mode: Self.mode(of: bytes))
      }
    }
    try ConfigurationFile.write(edited, project)
    say(template, files, console)
  }

  /// A script is executable.
  private static func mode(of bytes: [UInt8]) -> UInt32 { bytes.starts(with: Array("#!".utf8)) ? 0o755 : 0o644 }

  private func say(_ template: Template, _ files: [String: [UInt8]], _ console: Console) {
    console.emit(["name": .string(name), "template": .string(template.name), "files": .of(files.keys.sorted())]) { "" }
    let good = console.wordStyle.good("✓")
    console.say("\(good) \(ConfigLoader.fileName)   agent `\(name)` from the template \(template.name)")
    for path in files.keys.sorted() { console.say("\(good) \(path)") }
    console.next(template.runCommand(name), "naos inspect \(name)")
  }

  /// An agent of that name exists: exactly as the template makes it is fine, anything else is a conflict.
  private func sayExisting(
    _ template: Template, _ files: [String: [UInt8]], _ source: SourceFile, _ project: ProjectFolder, _ console: Console
  ) throws {
    let hasFiles = files.allSatisfy { path, bytes in
      (try? Files.read("\(project.path)/\(path)", limit: 1 << 20)) == bytes
    }
    guard hasFiles, isAsMade(by: template, source) else {
      throw OperationError(
        .conflict, code: "NX-API-022", title: "The agent exists and differs",
        detail:
          "There is an agent `\(name)`, and it is not what the template \(template.name) makes; nothing was changed.",
        hint: "Choose another name, or `naos delete \(name)` first.")
    }
    console.emit(["name": .string(name), "template": .string(template.name), "files": .of(files.keys.sorted())]) { "" }
    console.say("`\(name)` exists already, exactly as the template \(template.name) makes it")
    console.next(template.runCommand(name))
  }

  /// Taking it out and putting the template's in gives the same agent, whatever its text looks like.
  private func isAsMade(by template: Template, _ source: SourceFile) -> Bool {
    guard case .success(let without) = ConfigEditor.removeAgent(named: name, from: source.text),
      case .success(let again) = ConfigEditor.addAgent(named: name, block: template.configBlock(name), to: without)
    else { return false }
    return Self.words(again) == Self.words(source.text)
  }

  /// The text without what does not matter: comments, blank lines, indentation.
  private static func words(_ text: String) -> Set<String> {
    Set(
      text.split(whereSeparator: \.isNewline).map { $0.filter { $0 != " " && $0 != "\t" } }
        .filter { !$0.isEmpty && !$0.hasPrefix("#") })
  }

  /// A file that stands in the way is never overwritten.
  private static func requireFree(_ files: [String: [UInt8]], _ project: ProjectFolder) throws {
    for (path, bytes) in files.sorted(by: { $0.key < $1.key }) {
      let full = "\(project.path)/\(path)"
      guard Files.exists(full), (try? Files.read(full, limit: 1 << 20)) != bytes else { continue }
      throw OperationError(
        .conflict, code: "NX-API-022", title: "A file is in the way",
        detail: "\(path) exists and is not what the template makes; nothing was changed.",
        hint: "Choose another name, or move the file away.")
    }
  }
}
