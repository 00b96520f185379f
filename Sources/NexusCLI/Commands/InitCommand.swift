// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusConfig
internal import NexusCore

/// `naos init`: makes a project that runs at once, offline, without a key.
struct InitCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make a project that runs at once, offline, without an API key.")

  @Argument(help: "The project's name, which is the folder to make.")
  var name: String

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let folder = ProjectFolder.absolute(context.named.map { "\($0)/\(name)" } ?? name)
    let project = String(folder.split(separator: "/").last ?? "project")
    try Self.requireEmpty(folder, shown: name)
    let files = TemplateCatalogue.project(named: ProjectName.made(from: project))
    let console = context.console
    try ConfigurationFile.reporting { () throws(FileError) in
      let wasThere = Files.exists(folder)
      do throws(FileError) { try Self.write(files, to: folder) } catch {
        Self.takeBack(files.keys, from: folder, wasThere: wasThere)
        throw error
      }
    }
    console.emit(["name": .string(project), "directory": .string(folder), "files": .of(files.keys.sorted())]) { "" }
    let good = console.wordStyle.good("✓")
    let documents = files.keys.count { $0.hasPrefix("docs/") }
    console.say("\(good) \(ConfigLoader.fileName)   a researcher, supervised, with a budget; runs offline")
    if documents > 0 { console.say("\(good) docs/               \(documents) sample documents") }
    let place = context.named == nil ? name : folder
    let change = place == "." ? "" : "cd \(ShellText.word(place)) && "
    console.next("\(change)naos run researcher --input \"What happens when step five of a saga fails?\"")
  }

  private static let schema = ".naos/schema.json"

  private static func write(_ files: [String: [UInt8]], to folder: String) throws(FileError) {
    try Files.makeDirectory(folder)
    for (path, bytes) in files.sorted(by: { $0.key < $1.key }) {
      if let slash = path.lastIndex(of: "/") { try Files.makeDirectory(folder + "/" + path[..<slash]) }
      try Files.write(bytes, to: "\(folder)/\(path)")
    }
    try Files.makeDirectory("\(folder)/.naos", mode: 0o700)
    try Files.write(configSchema().encoded(.pretty), to: "\(folder)/\(schema)")
  }

  /// Half a project would be in the way of the next try, which takes only a folder that is empty.
  private static func takeBack(_ files: some Sequence<String>, from folder: String, wasThere: Bool) {
    let paths = Array(files) + [schema]
    for path in paths { try? Files.remove("\(folder)/\(path)") }
    // The deepest first; none of them has a name that another one begins with but for those above it.
    let folders = Set(paths.map { Files.parent(of: "\(folder)/\($0)") }).subtracting([folder])
    for path in folders.sorted(by: >) { try? Files.removeDirectory(path) }
    if !wasThere { try? Files.removeDirectory(folder) }
  }

  /// A folder that holds anything is somebody's: it is refused.
  private static func requireEmpty(_ folder: String, shown: String) throws {
    guard Files.exists(folder) else { return }
    let isEmpty = Files.isDirectory(folder) && ((try? Files.list(folder)) ?? ["?"]).isEmpty
    guard isEmpty else {
      throw OperationError(
        .conflict, code: "NX-API-020", title: "The folder is not empty",
        detail: "\(shown) exists and holds something; nothing was changed.", hint: "Choose another name.")
    }
  }
}

/// Names that the configuration takes.
enum ProjectName {
  /// Lower case, digits and dashes, a letter first; what a folder's name holds besides becomes a dash.
  static func made(from text: String) -> String {
    var name = ""
    for character in text.lowercased() {
      let isPlain = character.isASCII && (character.isLetter || character.isNumber)
      if isPlain { name.append(character) } else if !name.hasSuffix("-"), !name.isEmpty { name.append("-") }
    }
    while name.hasSuffix("-") { name.removeLast() }
    guard let first = name.first, first.isLetter else { return name.isEmpty ? "project" : "project-" + name.prefix(50) }
    return String(name.prefix(60))
  }
}
