// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// One reason why a schema cannot be used.
package struct SchemaProblem: Sendable, Hashable, CustomStringConvertible {
  package enum Code: String, Sendable, CaseIterable {
    /// The text is no JSON.
    case notJSON = "NX-GAT-051"
    /// The schema breaks its metaschema.
    case againstMetaschema = "NX-GAT-052"
    /// `$schema` or a required vocabulary is not known.
    case unknownDialect = "NX-GAT-053"
    /// A reference leads nowhere.
    case unresolvedReference = "NX-GAT-054"
    /// A regular expression is refused.
    case refusedPattern = "NX-GAT-055"
    /// A limit of `SchemaLimits` is passed.
    case tooLarge = "NX-GAT-056"
    /// Two schemas have the same identifier or anchor.
    case duplicateIdentifier = "NX-GAT-057"
  }

  package let code: Code
  /// A sentence without a full stop.
  package let message: String
  /// The document in which it stands; empty for the schema itself, if that has no identifier.
  package let document: String
  /// A JSON Pointer to the place in that document.
  package let pointer: String

  package var description: String {
    "\(code.rawValue): \(message), at \(document.isEmpty ? "" : document)#\(pointer)"
  }
}

/// Why a schema cannot be used: all reasons that were found, in the order in which they were.
package struct SchemaLoadError: Error, Sendable, Equatable, CustomStringConvertible {
  package let problems: [SchemaProblem]
  package var description: String { problems.map(\.description).joined(separator: "\n") }
}
