// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusDiagnostics

/// Reads the files of a configuration: the main one, then what it includes, each once.
struct ConfigReading<Files: ConfigFiles> {
  let paths: ProjectPaths
  let files: Files
  private(set) var documents: [YAMLNode] = []
  private(set) var sources: [SourceFile] = []
  private(set) var diagnostics: [Diagnostic] = []
  /// Some file could not be read whole.
  private(set) var isIncomplete = false
  private var seen: Set<String> = []
  /// The files that were read, absolute.
  private(set) var readPaths: [String] = []
  /// Names that no file has yet, and that would be read if one had: the patterns of `include`, and `.env`.
  private(set) var openNames: [OpenName] = []

  init(paths: ProjectPaths, files: Files) {
    self.paths = paths
    self.files = files
  }

  mutating func readProject() {
    var queue: [(path: String, from: SourceLocation?)] = [(paths.resolved(ConfigLoader.fileName), nil)]
    var next = 0
    while next < queue.count {
      let (path, from) = queue[next]
      next += 1
      guard seen.insert(path).inserted else { continue }
      guard seen.count <= ConfigLimits.maxFiles else {
        diagnostics.append(
          Diagnostic(
            "NX-CFG-011", "the project includes more than \(ConfigLimits.maxFiles) files", at: from,
            help: "include fewer, larger files"))
        isIncomplete = true
        return
      }
      for document in read(path, from: from) {
        documents.append(document)
        queue += includes(of: document, in: path)
      }
    }
  }

  /// Reads the `validators` of another file, which take the place of those of the project.
  ///
  /// What else stands in it is left out.
  mutating func readValidators(from path: String) {
    documents = documents.map { $0.keeping { $0 != Self.validators } }
    documents += read(path, from: nil).map { $0.keeping { $0 == Self.validators } }
  }

  private static var validators: String { "validators" }

  private mutating func read(_ path: String, from location: SourceLocation?) -> [YAMLNode] {
    switch files.readText(path, shownAs: paths.relative(path), from: location) {
    case .failure(let diagnostic):
      diagnostics.append(diagnostic)
      isIncomplete = true
      return []
    case .success(let source):
      sources.append(source)
      readPaths.append(path)
      let stream = YAMLReader.read(source)
      diagnostics += stream.diagnostics
      if stream.documents.isEmpty, stream.diagnostics.hasErrors { isIncomplete = true }
      return stream.documents
    }
  }

  // MARK: Includes

  /// Reads the key before the table is held against the document, because the files are needed first.
  private mutating func includes(of document: YAMLNode, in path: String) -> [(path: String, from: SourceLocation?)] {
    guard case .mapping(let entries) = document.content, let entry = entries.first(where: { $0.key == "include" })
    else {
      return []
    }
    var nodes = [entry.value]
    if case .sequence(let elements) = entry.value.content { nodes = elements }
    let folder = ProjectPaths.normalised(path + "/..")
    var found: [(path: String, from: SourceLocation?)] = []
    for node in nodes {
      guard case .scalar(let scalar) = node.content, !scalar.isNull else { continue }
      for match in matches(scalar.text, in: folder, at: node.location) { found.append((match, node.location)) }
    }
    return found
  }

  private mutating func matches(_ pattern: String, in folder: String, at location: SourceLocation) -> [String] {
    let full = ProjectPaths.normalised(pattern.hasPrefix("/") ? pattern : folder + "/" + pattern)
    guard paths.contains(full) else {
      diagnostics.append(
        Diagnostic(
          "NX-CFG-011", "`\(pattern)` is outside the project", at: location,
          help: "include files of the project's folder"))
      return []
    }
    guard pattern.contains(where: { $0 == "*" || $0 == "?" }) else { return [full] }
    openNames.append(OpenName(pattern: full, shown: paths.relative(full), location: location))
    var found = [paths.directory]
    for part in full.dropFirst(paths.directory.count).split(separator: "/") {
      if part.contains(where: { $0 == "*" || $0 == "?" }) {
        found = found.flatMap { directory in
          files.names(in: directory).filter { Wildcard.matches($0, String(part)) }.map { directory + "/" + $0 }
        }
      } else {
        found = found.map { $0 + "/" + part }.filter { files.exists($0) }
      }
    }
    if found.isEmpty {
      diagnostics.append(
        Diagnostic(
          "NX-CFG-011", .warning, "no file matches `\(pattern)`", at: location, help: "remove it, or add the files"))
    }
    return found
  }

  // MARK: .env

  /// The variables of `.env`; the environment itself goes before them.
  mutating func readEnvironment() -> [String: String] {
    let path = paths.resolved(ConfigLoader.environmentFileName)
    guard files.exists(path) else {
      openNames.append(OpenName(pattern: path, shown: ConfigLoader.environmentFileName, location: nil))
      return [:]
    }
    switch files.readText(path, shownAs: ConfigLoader.environmentFileName, from: nil) {
    case .failure(let diagnostic):
      diagnostics.append(diagnostic)
      return [:]
    case .success(let source):
      // It is not among the sources: a line of it may be a secret, and no diagnostic shows it.
      let read = EnvironmentFile.parse(source)
      diagnostics += read.diagnostics
      return read.variables
    }
  }
}

/// A name that whoever makes a file of it adds to the configuration.
struct OpenName: Sendable {
  /// Absolute; perhaps with `*` and `?`.
  let pattern: String
  let shown: String
  /// Where it is written, if it is.
  let location: SourceLocation?

  /// Whether a file of that name can be below `folder`.
  func isBelow(_ folder: String) -> Bool {
    let (parts, above) = (pattern.split(separator: "/"), folder.split(separator: "/"))
    return above.count < parts.count
      && zip(above, parts).allSatisfy { $0 == $1 || Wildcard.matches(String($0), String($1)) }
  }
}

/// `*` stands for any characters of a name, `?` for one; a dot at the start must be written.
enum Wildcard {
  static func matches(_ name: String, _ pattern: String) -> Bool {
    if name.hasPrefix("."), !pattern.hasPrefix(".") { return false }
    let name = Array(name)
    let pattern = Array(pattern)
    var (i, j) = (0, 0)
    var star: (pattern: Int, name: Int)?
    while i < name.count {
      if j < pattern.count, pattern[j] == "*" {
        star = (j, i)
        j += 1
      } else if j < pattern.count, pattern[j] == "?" || pattern[j] == name[i] {
        i += 1
        j += 1
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        i = last.name + 1
        j = last.pattern + 1
      } else {
        return false
      }
    }
    return pattern[j...].allSatisfy { $0 == "*" }
  }
}

extension YAMLNode {
  /// A mapping with only those of its members.
  fileprivate func keeping(_ isKept: (String) -> Bool) -> YAMLNode {
    guard case .mapping(let entries) = content else { return self }
    var node = self
    node.content = .mapping(entries.filter { isKept($0.key) })
    return node
  }
}
