// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The metaschemas of the drafts, as documents and compiled.
enum Metaschemas {
  private static let documents: [String: JSONValue] = {
    var result: [String: JSONValue] = [:]
    for text in MetaschemaDraft7.texts + MetaschemaDraft2019.texts + MetaschemaDraft2020.texts {
      // Checked by a test; a text that did not parse would leave every schema of its draft without a metaschema.
      guard let value = try? JSONValue(parsing: text), let name = value["$id"]?.stringValue else { continue }
      result[SchemaIdentifier(name).withoutFragment] = value
    }
    return result
  }()

  /// The document of that identifier, if it comes with a draft.
  static func document(_ name: String) -> JSONValue? { documents[name] }

  static let names: [String] = documents.keys.sorted()

  private static let compiled: [SchemaDraft: Schema] = {
    var result: [SchemaDraft: Schema] = [:]
    for draft in SchemaDraft.allCases {
      result[draft] = document(draft.identifier).flatMap { try? Schema(trusting: $0, documents: [:]) }
    }
    return result
  }()

  /// The metaschema against which schemas of the draft are checked.
  static func schema(of draft: SchemaDraft) -> Schema? { compiled[draft] }
}
