// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A JSON Schema, compiled once and then asked as often as one likes.
///
/// The drafts are 2020-12, 2019-09 and draft-07, chosen by `$schema`. Nothing is fetched: references lead into the
/// schema itself, into the documents handed in beside it, and into the metaschemas of the drafts.
package struct Schema: Sendable {
  package struct Options: Sendable {
    /// The draft of schemas that do not name theirs.
    package var defaultDraft = SchemaDraft.draft2020
    /// Whether `format` asserts; otherwise it is an annotation, unless the dialect says more.
    package var assertsFormats = false
    /// Whether `contentEncoding: base64` and `contentMediaType: application/json` assert, as draft-07 allows.
    package var assertsContent = false
    /// The identifier under which the schema itself is known, against which its references are resolved.
    package var identifier = ""
    /// Other documents, by the identifiers under which references name them.
    package var documents: [String: JSONValue] = [:]
    package init() {}
  }

  private let program: SchemaProgram

  /// Compiles a schema.
  ///
  /// - Throws: `SchemaLoadError` with everything that is wrong with it and with the documents that it reaches.
  package init(_ value: JSONValue, options: Options = Options()) throws(SchemaLoadError) {
    try self.init(value, options: options, isChecked: true)
  }

  /// Reads a schema from JSON and compiles it.
  package init(parsing bytes: [UInt8], options: Options = Options()) throws(SchemaLoadError) {
    func fail(_ code: SchemaProblem.Code, _ message: String) -> SchemaLoadError {
      SchemaLoadError(problems: [
        SchemaProblem(code: code, message: message, document: options.identifier, pointer: "")
      ])
    }
    guard bytes.count <= SchemaLimits.maxSchemaBytes else {
      throw fail(.tooLarge, "the schema has more than \(SchemaLimits.maxSchemaBytes) bytes")
    }
    let value: JSONValue
    do { value = try JSONValue(parsing: bytes) } catch { throw fail(.notJSON, "\(error)") }
    try self.init(value, options: options, isChecked: true)
  }

  /// Compiles a metaschema, which nothing stands above to check.
  init(trusting value: JSONValue, documents: [String: JSONValue]) throws(SchemaLoadError) {
    var options = Options()
    options.documents = documents
    try self.init(value, options: options, isChecked: false)
  }

  private init(_ value: JSONValue, options: Options, isChecked: Bool) throws(SchemaLoadError) {
    var index = SchemaIndex(documents: options.documents, defaultDraft: options.defaultDraft)
    let root = index.add(value, name: SchemaIdentifier(options.identifier).withoutFragment, isBuiltIn: !isChecked)
    var compiler = SchemaCompiler(
      index: index, assertsFormats: options.assertsFormats, assertsContent: options.assertsContent)
    compiler.compile(from: compiler.index.resources[root].root)
    var problems = compiler.index.problems
    if isChecked {
      let check = MetaschemaCheck(index: compiler.index, documents: options.documents)
      problems = check.problems() + problems
    }
    // Each vocabulary of a metaschema says the same of what no schema is.
    var told: Set<SchemaProblem> = []
    problems.removeAll { !told.insert($0).inserted }
    guard problems.isEmpty else { throw SchemaLoadError(problems: Array(problems.prefix(SchemaLimits.maxProblems))) }
    program = SchemaProgram(compiler.tables)
  }

  /// Whether the value is valid; quicker than `validate`, for it stops at the first issue and says nothing of it.
  package func isValid(_ value: JSONValue) -> Bool {
    var evaluation = SchemaEvaluation(program, of: value, collects: false)
    return evaluation.check(0, value, into: SchemaEvaluation.noTracker) && evaluation.passedLimit == nil
  }

  /// Validates a value; a valid one costs no more than `isValid`.
  package func validate(_ value: JSONValue) -> SchemaOutcome {
    if isValid(value) { return SchemaOutcome(issues: [], isCutOff: false) }
    var evaluation = SchemaEvaluation(program, of: value, collects: true)
    _ = evaluation.check(0, value, into: SchemaEvaluation.noTracker)
    return evaluation.outcome
  }
}
