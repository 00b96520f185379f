// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Validates the documents of a schema against their metaschemas.
struct MetaschemaCheck {
  let index: SchemaIndex
  /// Where metaschemas of one's own come from.
  let documents: [String: JSONValue]

  func problems() -> [SchemaProblem] {
    var problems: [SchemaProblem] = []
    for (number, document) in index.documents.enumerated() where !document.isBuiltIn {
      // A resource of another dialect is checked by itself, and left out of what lies around it.
      let roots = index.resources.filter { $0.root.document == number }
      guard let main = roots.first(where: { $0.root.path.isEmpty }) else { continue }
      let foreign = roots.filter { $0.dialect.metaschema != main.dialect.metaschema }
      let cuts = Set(foreign.map(\.root.path))
      for resource in [main] + foreign {
        guard let value = index.value(at: resource.root) else { continue }
        let inner = cuts.filter { $0.count > resource.root.path.count && $0.starts(with: resource.root.path) }
        let whole = inner.isEmpty ? value : Self.without(inner, value, at: resource.root.path)
        problems += check(whole, of: resource, in: document)
      }
    }
    return problems
  }

  private func check(_ value: JSONValue, of resource: SchemaIndex.Resource, in document: SchemaIndex.Document)
    -> [SchemaProblem]
  {
    let name = resource.dialect.metaschema
    func problem(_ code: SchemaProblem.Code, _ message: String, _ path: [PathPart]) -> SchemaProblem {
      SchemaProblem(
        code: code, message: message, document: document.name, pointer: (resource.root.path + path).pointer)
    }
    var metaschema = SchemaDraft.allCases.first { $0.identifier == name }.flatMap { Metaschemas.schema(of: $0) }
    if metaschema == nil, let own = documents.first(where: { SchemaIdentifier($0.key).withoutFragment == name })?.value
    {
      do { metaschema = try Schema(trusting: own, documents: documents) } catch {
        return error.problems
      }
    }
    guard let metaschema else { return [problem(.unknownDialect, "the metaschema \(name) was not given", [])] }
    return metaschema.validate(value).issues.map {
      problem(.againstMetaschema, $0.message, $0.instancePath)
    }
  }

  /// The value with `true` in place of what lies at the paths.
  private static func without(_ cuts: Set<[PathPart]>, _ value: JSONValue, at path: [PathPart]) -> JSONValue {
    if cuts.contains(path) { return true }
    switch value {
    case .array(let elements):
      return .array(elements.enumerated().map { without(cuts, $1, at: path + [.index($0)]) })
    case .object(let object):
      return .object(
        JSONObject(
          uniqueMembers: object.members.map {
            JSONObject.Member(key: $0.key, value: without(cuts, $0.value, at: path + [.name($0.key)]))
          }))
    default: return value
    }
  }
}
