// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusDiagnostics

/// Changes the text of a configuration and leaves every other byte of it as it was, comments included.
///
/// Each change is checked by reading the result: what it means must be what was meant before, but for the one change.
/// Where the file's shape does not allow that, the answer is a diagnostic and the file stays.
package enum ConfigEditor {
  /// Adds an agent; `block` holds its keys in block style, without indentation.
  package static func addAgent(
    named name: String, block: String, to text: String, file: String = ConfigLoader.fileName
  ) -> Result<String, Diagnostic> {
    add(.agent, named: name, block: block, to: text, file: file)
  }

  /// Adds a supervisor; `block` holds its keys in block style, without indentation.
  package static func addSupervisor(
    named name: String, block: String, to text: String, file: String = ConfigLoader.fileName
  ) -> Result<String, Diagnostic> {
    add(.supervisor, named: name, block: block, to: text, file: file)
  }

  private static func add(
    _ kind: EditedKind, named name: String, block: String, to text: String, file: String
  ) -> Result<String, Diagnostic> {
    edit(text, file, kind) { layout throws(Diagnostic) in
      guard NameRule.plain.accepts(name) else {
        throw ScalarShape.name(.plain).diagnostic(for: name, isExternal: false, of: "name", at: nil)
      }
      if let place = layout.place(of: name, kind) {
        throw Diagnostic(
          "NX-CFG-402", "there already is \(kind.withArticle) `\(name)`", at: place.location,
          help: "choose another name, or delete it first")
      }
      let body = try Self.body(block)
      let edited = layout.adding(name: name, block: block, kind)
      return (edited, { before, after in after == NamedPlace.adding(name, body, to: before, kind) })
    }
  }

  /// Removes an agent with everything that stands below its name.
  package static func removeAgent(
    named name: String, from text: String, file: String = ConfigLoader.fileName
  ) -> Result<String, Diagnostic> {
    edit(text, file, .agent) { layout throws(Diagnostic) in
      guard let place = layout.place(of: name, .agent) else {
        throw Self.missing(name, .agent, layout, file, look: "naos list")
      }
      return (layout.removing(place), { before, after in after == NamedPlace.removing(name, from: before, .agent) })
    }
  }

  /// Appends children to a supervisor's list, in the form that the list has.
  package static func addChildren(
    _ children: [String], toSupervisor name: String, in text: String, file: String = ConfigLoader.fileName
  ) -> Result<String, Diagnostic> {
    edit(text, file, .supervisor) { layout throws(Diagnostic) in
      for child in children where !NameRule.plain.accepts(child) {
        throw ScalarShape.name(.plain).diagnostic(for: child, isExternal: false, of: "children", at: nil)
      }
      guard let place = layout.place(of: name, .supervisor) else {
        throw Self.missing(name, .supervisor, layout, file, look: "naos supervisor list")
      }
      let edited = layout.addingChildren(children, to: place)
      return (edited, { before, after in after == NamedPlace.addingChildren(children, to: name, in: before) })
    }
  }

  /// Where a name is listed as a child in a file, and by which supervisor; nil if it is not.
  package static func childPlace(
    of name: String, in file: SourceFile
  ) -> (supervisor: String, location: SourceLocation)? {
    ConfigLayout(text: file.text, documents: YAMLReader.read(file).documents).childPlace(of: name)
  }

  private static func missing(
    _ name: String, _ kind: EditedKind, _ layout: ConfigLayout, _ file: String, look: String
  ) -> Diagnostic {
    Diagnostic(
      "NX-CFG-403", "there is no \(kind.singular) `\(name)` in `\(file)`",
      help: "look with `\(look)`; an included file is edited by hand",
      suggestion: Suggestion.nearest(to: name, among: layout.places(kind).map(\.name)))
  }

  private typealias Check = (_ before: [Meaning], _ after: [Meaning]) -> Bool

  private static func edit(
    _ text: String, _ file: String, _ kind: EditedKind, change: (ConfigLayout) throws(Diagnostic) -> (String?, Check)
  ) -> Result<String, Diagnostic> {
    let stream = YAMLReader.read(SourceFile(name: file, text: text))
    if let error = stream.diagnostics.first(where: { $0.severity == .error }) { return .failure(error) }
    do {
      let (edited, check) = try change(ConfigLayout(text: text, documents: stream.documents))
      guard let edited else { return .failure(notEditable(file, kind)) }
      let result = YAMLReader.read(SourceFile(name: file, text: edited))
      let after = result.documents.map(Meaning.init)
      guard result.diagnostics.isEmpty, check(stream.documents.map(Meaning.init), after) else {
        return .failure(notEditable(file, kind))
      }
      return .success(edited)
    } catch {
      return .failure(error)
    }
  }

  private static func notEditable(_ file: String, _ kind: EditedKind) -> Diagnostic {
    Diagnostic(
      "NX-CFG-401", "`\(file)` is written in a way that cannot be edited safely",
      help: "edit it by hand, or write `\(kind.plural):` as a block with one name a line")
  }

  /// What the keys of something new mean.
  private static func body(_ block: String) throws(Diagnostic) -> Meaning {
    let stream = YAMLReader.read(SourceFile(name: "block", text: block))
    guard stream.diagnostics.isEmpty, stream.documents.count == 1, case .map = Meaning(stream.documents[0]) else {
      throw stream.diagnostics.first
        ?? Diagnostic("NX-CFG-010", "what is added is a map of keys", help: "write key: value")
    }
    return Meaning(stream.documents[0])
  }
}

/// What a document says, without places: two texts that mean the same are equal.
indirect enum Meaning: Sendable, Hashable {
  case scalar(String, isPlain: Bool)
  case list([Meaning])
  case map([Member])

  struct Member: Sendable, Hashable {
    var key: String
    var value: Meaning
  }

  init(_ node: YAMLNode) {
    switch node.content {
    case .scalar(let scalar): self = .scalar(scalar.isNull ? "" : scalar.text, isPlain: scalar.isPlain)
    case .sequence(let items): self = .list(items.map(Meaning.init))
    case .mapping(let entries): self = .map(entries.map { Member(key: $0.key, value: Meaning($0.value)) })
    }
  }

  static let nothing = Meaning.scalar("", isPlain: true)

  /// Nothing, `{}` and `[]` all mean that there is none.
  var isEmpty: Bool { self == .nothing || self == .list([]) || self == .map([]) }

  subscript(key: String) -> Meaning? {
    guard case .map(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }
}
