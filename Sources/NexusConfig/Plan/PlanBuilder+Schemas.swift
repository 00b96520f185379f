// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
internal import NexusGates
internal import NexusKernel

extension PlanBuilder {
  /// The schemas of what goes into an agent and of what comes out of it: in place, or in a file of the project.
  mutating func buildSchemas(of spec: inout AgentSpec, _ fields: Fields) {
    spec.inputSchema = schema("input", fields)
    spec.outputSchema = schema("output", fields)
  }

  /// The schema, held against its metaschema; nil if there is none, or after a diagnostic.
  mutating func schema(_ key: String, _ fields: Fields, assertsFormats: Bool = false) -> JSONValue? {
    guard let shaped = fields.value(key), case .raw(let node) = shaped.content else { return nil }
    var value = node.json
    if case .string(let path) = value {
      guard let read = schema(inFile: path, at: shaped.location) else { return nil }
      value = read
    }
    do throws(SchemaLoadError) {
      var options = Schema.Options()
      options.assertsFormats = assertsFormats
      _ = try Schema(value, options: options)
      return value
    } catch {
      for problem in error.problems {
        report(
          Diagnostic(
            problem.code.rawValue, "`\(key)` is no schema that can be used: \(problem.message), at #\(problem.pointer)",
            at: shaped.location))
      }
      return nil
    }
  }

  /// Reads a file that belongs to the project: one outside of it is none, and none that a link leads to either.
  func readOwnFile(_ path: String, _ what: String, at location: SourceLocation) -> Result<SourceFile, Diagnostic> {
    let full = project.resolved(path)
    let isLink = project.contains(full)
    guard isLink, !leadsOutside(full) else {
      return .failure(
        Diagnostic(
          "NX-CFG-015", "`\(path)` \(isLink ? "is a link that leads" : "is") outside the project", at: location,
          help: "keep \(what) in the project's folder"))
    }
    return readFile(full, location)
  }

  private mutating func schema(inFile path: String, at location: SourceLocation) -> JSONValue? {
    switch readOwnFile(path, "schemas", at: location) {
    case .failure(let diagnostic):
      report(diagnostic)
      return nil
    case .success(let source):
      sources.append(source)
      do throws(JSONError) { return try JSONValue(parsing: source.text) } catch {
        let mark = YAMLNode.Mark(byteOffset: error.offset, in: source.text)
        report(
          Diagnostic(
            "NX-GAT-051", "this is not JSON: \(error.message)",
            at: SourceLocation(file: source.name, line: mark.line + 1, column: mark.column + 1),
            notes: [.init("it is read because of this", at: location)]))
        return nil
      }
    }
  }
}
