// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusDiagnostics

/// A file of rules for `local/scripted`, read by itself: what `naos run --cassette` is given.
package struct ScriptFile: Sendable {
  /// Nil if there is any error.
  package var json: JSONValue?
  package var diagnostics: [Diagnostic] = []
  package var sources: [SourceFile] = []

  /// The largest file: more than a cassette may hold.
  package static let maxBytes = 32 << 20

  /// Reads the file at a path, as it is named in diagnostics; nothing is thrown.
  package static func read(_ path: String) -> ScriptFile {
    var file = ScriptFile()
    let text: String?
    do throws(FileError) {
      text = String(validating: try Files.read(path, limit: maxBytes), as: UTF8.self)
    } catch {
      let isMissing = !Files.exists(path)
      file.diagnostics.append(
        isMissing
          ? Diagnostic("NX-CFG-002", "there is no file `\(path)`", help: "check its path")
          : Diagnostic("NX-CFG-003", "`\(path)` cannot be read: \(error.message)"))
      return file
    }
    guard let text else {
      file.diagnostics.append(Diagnostic("NX-CFG-004", "`\(path)` is not UTF-8", help: "save the file as UTF-8"))
      return file
    }
    let source = SourceFile(name: path, text: text)
    file.sources.append(source)
    let stream = YAMLReader.read(source)
    file.diagnostics = stream.diagnostics
    guard !stream.diagnostics.hasErrors, let document = stream.documents.first else {
      if !stream.diagnostics.hasErrors {
        file.diagnostics.append(
          Diagnostic("NX-CFG-217", "`\(source.name)` has no rules", help: "write `- answer: TEXT`"))
      }
      return file
    }
    var shaper = Shaper(environment: [:])
    let shaped = shaper.shape(document, as: ConfigKeys.scriptFile, of: "script")
    file.diagnostics += shaper.diagnostics
    guard let shaped, !file.diagnostics.hasErrors else { return file }
    let rules = shaped.list ?? shaped.fields?.value("rules")?.list ?? []
    var object: JSONObject = ["rules": .array(rules.compactMap(\.json))]
    for key in ["name", "run"] { object[key] = shaped.fields?.value(key)?.text.map(JSONValue.string) }
    file.json = .object(object)
    return file
  }
}
