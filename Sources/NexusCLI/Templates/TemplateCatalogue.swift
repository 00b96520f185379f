// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CTemplates
internal import NexusSkills

/// What `create` makes an agent from: a block of configuration, and perhaps files.
package struct Template: Sendable {
  package let name: String
  /// One sentence for the list of templates.
  package let summary: String
  /// Whether an agent of it does something of use without any input.
  package let needsNoInput: Bool
  /// Each file by its path, relative to the project; both hold placeholders.
  private let rawFiles: [String: [UInt8]]
  private let rawBlock: String

  fileprivate init(name: String, files: [String: [UInt8]]) {
    var files = files
    let lines = String(decoding: files.removeValue(forKey: Self.blockPath) ?? [], as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    self.name = name
    // The first line of the block is a comment that says what the template is.
    summary = lines.first.map { String($0.drop { $0 == "#" || $0 == " " }) } ?? ""
    // A second one may say that its agents need no input.
    needsNoInput = lines.dropFirst().first == "# needs no input"
    rawBlock = lines.dropFirst(needsNoInput ? 2 : 1).joined(separator: "\n")
    rawFiles = files
  }

  private static let blockPath = "agent.yaml"

  /// The keys of the agent in block style, without indentation: what stands below its name in `agents`.
  package func configBlock(_ agent: String) -> String { Self.filled(rawBlock, agent) }

  /// How an agent of that name is run for the first time.
  package func runCommand(_ agent: String) -> String {
    needsNoInput ? "naos run \(agent)" : "naos run \(agent) --input \"…\""
  }

  /// The files of an agent of that name, by their paths relative to the project.
  package func files(for agent: String) -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for (path, bytes) in rawFiles {
      let text = Self.filled(String(decoding: bytes, as: UTF8.self), agent)
      files[path.replacing("NAME", with: agent)] = Array(text.utf8)
    }
    return files
  }

  fileprivate static func filled(_ text: String, _ name: String) -> String { text.replacing("{{name}}", with: name) }
}

/// The templates that are built into the binary.
package enum TemplateCatalogue {
  /// In the order of their names.
  package static let all: [Template] = embedded.filter { $0.key != projectName && !SkillKit.owns($0.key) }
    .map { Template(name: $0.key, files: $0.value) }
    .sorted { $0.name < $1.name }

  package static func template(named name: String) -> Template? { all.first { $0.name == name } }

  /// The files of a new project, by their paths; the researcher in it is just what the template `research` makes.
  package static func project(named name: String) -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for (path, bytes) in embedded[projectName] ?? [:] {
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      let text = lines.map { line in
        guard line.hasSuffix(researchMark), let research = template(named: "research") else { return String(line) }
        return indented(research.configBlock("researcher"), by: line.dropLast(researchMark.count))
      }
      let shown = path == "gitignore" ? ".gitignore" : path
      files[shown] = Array(Template.filled(text.joined(separator: "\n"), name).utf8)
    }
    return files
  }

  private static let projectName = "project"
  private static let researchMark = "{{research}}"

  private static func indented(_ block: String, by space: Substring) -> String {
    var lines = block.split(separator: "\n", omittingEmptySubsequences: false)
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { $0.isEmpty ? "" : space + $0 }.joined(separator: "\n")
  }

  private static let embedded: [String: [String: [UInt8]]] = {
    var templates: [String: [String: [UInt8]]] = [:]
    for index in 0..<naos_template_file_count {
      let file = unsafe naos_template_files[Int(index)]
      // The table is static and made by our own build: the bytes outlive the process's use of them.
      let bytes = unsafe Array(UnsafeBufferPointer(start: file.bytes, count: Int(file.length)))
      unsafe templates[String(cString: file.template_name), default: [:]][String(cString: file.path)] = bytes
    }
    return templates
  }()
}
