// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusDiagnostics
internal import NexusGates

/// What came of reading the `skill.yaml` of a folder.
package struct SkillReading: Sendable {
  /// Nil if there is any error.
  package private(set) var manifest: SkillManifest?
  package private(set) var diagnostics: [Diagnostic] = []
  package private(set) var sources: [SourceFile] = []

  /// The least memory that a module is given: two pages, one of them its stack.
  static let leastMemory: Int64 = 1 << 20
  static let longestDescription = 1000
  static let longestVersion = 64
  static let longestModel = 200

  /// Reads a file by its absolute path and the name that diagnostics have for it.
  typealias Reader = (_ path: String, _ shown: String, _ from: SourceLocation?) -> Result<SourceFile, Diagnostic>

  private let folder: String
  private let shown: String

  /// Reads the manifest; nothing is thrown.
  ///
  /// - Parameters:
  ///   - folder: absolute.
  ///   - shown: the folder as diagnostics name it; empty for the working directory.
  package init(folder: String, shownAs shown: String) {
    self.init(folder: folder, shownAs: shown) { path, shown, location in
      DiskFiles().readText(path, shownAs: shown, from: location)
    }
  }

  init(folder: String, shownAs shown: String, read: Reader) {
    self.folder = ProjectPaths.normalised(folder)
    self.shown = shown.isEmpty || shown.hasSuffix("/") ? shown : shown + "/"
    let name = SkillManifest.fileName
    switch read(self.folder + "/" + name, self.shown + name, nil) {
    case .failure(let diagnostic): diagnostics = [diagnostic]
    case .success(let source): take(source, read)
    }
    diagnostics = diagnostics.sortedByLocation()
    if diagnostics.hasErrors { manifest = nil }
  }

  private mutating func report(_ message: String, _ value: Shaped?, help: String? = nil) {
    diagnostics.append(Diagnostic("NX-SKL-001", message, at: value?.location, help: help))
  }

  private mutating func take(_ source: SourceFile, _ read: Reader) {
    sources.append(source)
    let stream = YAMLReader.read(source)
    diagnostics += stream.diagnostics
    guard !stream.diagnostics.hasErrors else { return }
    guard let document = stream.documents.first, !document.isNull, stream.documents.count == 1 else {
      diagnostics.append(
        Diagnostic("NX-SKL-001", "`\(source.name)` is not one map of keys", help: "begin it with `name:`"))
      return
    }
    var shaper = Shaper(environment: [:])
    let shaped = shaper.shape(document, as: .object(ConfigKeys.skill), of: "a skill")
    diagnostics += shaper.diagnostics
    guard let fields = shaped?.fields else { return }
    let name = named(fields)
    let version = text("version", Self.longestVersion, fields)
    let description = text("description", Self.longestDescription, fields)
    let input = schema("input", fields, read)
    let output = schema("output", fields, read)
    if let input, let value = fields.value("input"), input["type"]?.stringValue != "object" {
      report(
        "the input of a skill is an object: models call it with named arguments", value, help: "write `type: object`")
    }
    let limits = readLimits(fields.fields("limits"))
    let grants = (fields.value("grants")?.list ?? []).compactMap { $0.text.flatMap(SkillManifest.Grant.init) }
    let hosts = readHosts(fields.value("net")?.list ?? [])
    let models = readModels(fields.value("models")?.list ?? [])
    guard let name, let version, let description, let input, let output,
      let language = fields.word("lang", as: SkillManifest.Language.self)
    else { return }
    manifest = SkillManifest(
      name: name, version: version, description: description, language: language, input: input, output: output,
      limits: limits, grants: Set(grants), hosts: hosts, models: models, hasState: fields.boolean("state") ?? false)
  }

  private mutating func readModels(_ values: [Shaped]) -> [String] {
    values.compactMap { value in
      guard let name = value.text else { return nil }
      guard !name.isEmpty, name.utf8.count <= Self.longestModel, name.utf8.allSatisfy({ (0x21..<0x7F).contains($0) })
      else {
        report(
          "`models` has something that names no model: 1 to \(Self.longestModel) characters, without spaces", value,
          help: "write it as agents do: openai/gpt-4o-mini")
        return nil
      }
      return name
    }
  }

  /// As the grants of an agent that is a module.
  private mutating func readHosts(_ values: [Shaped]) -> [HostGrant] {
    var builder = PlanBuilder(project: ProjectPaths(directory: folder), documents: [], environment: [:]) {
      path, location in
      .failure(Diagnostic("NX-SKL-001", "a skill reads no file `\(path)`", at: location))
    }
    let hosts = builder.moduleHosts(values)
    diagnostics += builder.diagnostics
    return hosts
  }

  private mutating func named(_ fields: Fields) -> String? {
    guard let name = fields.text("name") else { return nil }
    let own = folder.split(separator: "/").last.map(String.init) ?? ""
    guard name == own else {
      report(
        "the skill is named `\(name)`, and its folder `\(own)`", fields.value("name"), help: "give both the same name")
      return nil
    }
    return name
  }

  private mutating func text(_ key: String, _ longest: Int, _ fields: Fields) -> String? {
    guard let text = fields.text(key) else { return nil }
    guard text.contains(where: { !$0.isWhitespace }), text.utf8.count <= longest else {
      report("`\(key)` is empty or longer than \(longest) bytes", fields.value(key))
      return nil
    }
    return text
  }

  private mutating func readLimits(_ fields: Fields?) -> SkillLimits {
    var limits = SkillLimits()
    guard let fields else { return limits }
    if let bytes = size("memory", fields, atLeast: Self.leastMemory, atMost: 2047 << 20) { limits.memoryBytes = bytes }
    if let bytes = size("input", fields, atLeast: 1, atMost: 64 << 20) { limits.inputBytes = Int(bytes) }
    if let bytes = size("output", fields, atLeast: 1, atMost: 64 << 20) { limits.outputBytes = Int(bytes) }
    if let most = fields.integer("requests") { limits.egress.requests = most }
    if let most = fields.integer("modelCalls") { limits.modelCalls = most }
    if let bytes = size("netBytes", fields, atLeast: 1, atMost: 1 << 40) { limits.egress.bytes = bytes }
    if let time = time("cpu", fields) { limits.processorTime = time }
    if let time = time("wall", fields) { limits.wallTime = time }
    return limits
  }

  private mutating func size(_ key: String, _ fields: Fields, atLeast: Int64, atMost: Int64) -> Int64? {
    guard let value = fields.value(key), case .size(let bytes) = value.content else { return nil }
    guard (atLeast...atMost).contains(bytes) else {
      report(
        "`\(key)` is \(bytes) bytes; it is from \(atLeast) to \(atMost)", value, help: "write it with its unit: 16MiB")
      return nil
    }
    return bytes
  }

  private mutating func time(_ key: String, _ fields: Fields) -> Duration? {
    guard let time = fields.duration(key) else { return nil }
    guard time > .zero, time <= .seconds(3600) else {
      report("`\(key)` is more than nothing and at most an hour", fields.value(key))
      return nil
    }
    return time
  }

  private mutating func schema(_ key: String, _ fields: Fields, _ read: Reader) -> JSONValue? {
    guard let shaped = fields.value(key), case .raw(let node) = shaped.content else { return nil }
    var value = node.json
    if case .string(let path) = value {
      guard let found = schema(inFile: path, shaped, read) else { return nil }
      value = found
    }
    do throws(SchemaLoadError) {
      _ = try Schema(value)
      return value
    } catch {
      for problem in error.problems {
        diagnostics.append(
          Diagnostic(
            problem.code.rawValue, "`\(key)` is no schema that can be used: \(problem.message), at #\(problem.pointer)",
            at: shaped.location))
      }
      return nil
    }
  }

  private mutating func schema(inFile path: String, _ shaped: Shaped, _ read: Reader) -> JSONValue? {
    let full = ProjectPaths.normalised(folder + "/" + path)
    guard !path.hasPrefix("/"), full.hasPrefix(folder + "/") else {
      report("`\(path)` is outside the skill's folder", shaped, help: "keep the schema beside skill.yaml")
      return nil
    }
    switch read(full, shown + path, shaped.location) {
    case .failure(let diagnostic):
      diagnostics.append(diagnostic)
      return nil
    case .success(let source):
      sources.append(source)
      do throws(JSONError) { return try JSONValue(parsing: source.text) } catch {
        let mark = YAMLNode.Mark(byteOffset: error.offset, in: source.text)
        diagnostics.append(
          Diagnostic(
            "NX-GAT-051", "this is not JSON: \(error.message)",
            at: SourceLocation(file: source.name, line: mark.line + 1, column: mark.column + 1),
            notes: [.init("it is read because of this", at: shaped.location)]))
        return nil
      }
    }
  }
}
