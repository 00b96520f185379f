// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The drafts of JSON Schema that are known.
package enum SchemaDraft: Sendable, Hashable, CaseIterable {
  case draft7, draft2019, draft2020

  /// The value of `$schema`.
  package var identifier: String {
    switch self {
    case .draft7: "http://json-schema.org/draft-07/schema"
    case .draft2019: "https://json-schema.org/draft/2019-09/schema"
    case .draft2020: "https://json-schema.org/draft/2020-12/schema"
    }
  }
}

/// A draft with the vocabularies that its metaschema names.
struct SchemaDialect: Sendable, Hashable {
  struct Vocabularies: OptionSet, Hashable {
    let rawValue: UInt8
    static let applicator = Vocabularies(rawValue: 1)
    static let unevaluated = Vocabularies(rawValue: 2)
    static let validation = Vocabularies(rawValue: 4)
    static let content = Vocabularies(rawValue: 8)
    static let formatAnnotation = Vocabularies(rawValue: 16)
    static let formatAssertion = Vocabularies(rawValue: 32)
    static let all: Vocabularies = [.applicator, .unevaluated, .validation, .content, .formatAnnotation]
  }

  let draft: SchemaDraft
  var vocabularies = Vocabularies.all
  /// The metaschema, without a fragment.
  let metaschema: String

  init(_ draft: SchemaDraft) {
    self.draft = draft
    metaschema = draft.identifier
  }

  init(_ draft: SchemaDraft, vocabularies: Vocabularies, metaschema: String) {
    self.draft = draft
    self.vocabularies = vocabularies
    self.metaschema = metaschema
  }

  func has(_ vocabulary: Vocabularies) -> Bool { !vocabularies.isDisjoint(with: vocabulary) }

  /// Nil for a vocabulary that is not known here; empty for one that adds nothing to validation.
  static func vocabulary(_ identifier: String) -> Vocabularies? {
    for draft in ["2019-09", "2020-12"] {
      let prefix = "https://json-schema.org/draft/\(draft)/vocab/"
      guard identifier.hasPrefix(prefix) else { continue }
      switch identifier.dropFirst(prefix.count) {
      case "core", "meta-data": return []
      // In 2019-09 this vocabulary also held what 2020-12 calls "unevaluated".
      case "applicator": return draft == "2019-09" ? [.applicator, .unevaluated] : .applicator
      case "unevaluated": return .unevaluated
      case "validation": return .validation
      case "content": return .content
      case "format", "format-annotation": return .formatAnnotation
      case "format-assertion": return .formatAssertion
      default: return nil
      }
    }
    return nil
  }
}

/// Where a draft keeps subschemas.
enum SchemaPositions {
  enum Shape {
    /// The value is a subschema.
    case one
    /// An array of subschemas.
    case list
    /// A subschema, or an array of them.
    case oneOrList
    /// An object whose values are subschemas.
    case named
    /// An object whose values are subschemas or lists of names.
    case namedOrNames
  }

  static func shape(of keyword: String, in draft: SchemaDraft) -> Shape? {
    switch keyword {
    case "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else": .one
    case "allOf", "anyOf", "oneOf": .list
    case "properties", "patternProperties", "definitions": .named
    case "dependencies": .namedOrNames
    case "items": draft == .draft2020 ? .one : .oneOrList
    case "additionalItems": draft == .draft2020 ? nil : .one
    case "prefixItems": draft == .draft2020 ? .list : nil
    case "$defs", "dependentSchemas": draft == .draft7 ? nil : .named
    case "unevaluatedItems", "unevaluatedProperties", "contentSchema": draft == .draft7 ? nil : .one
    default: nil
    }
  }
}
