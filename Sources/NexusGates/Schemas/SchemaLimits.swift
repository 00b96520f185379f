// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What a schema and a validation may cost.
///
/// What passes a limit is refused with its own code; it is never taken for valid.
package enum SchemaLimits {
  /// Bytes of an instance handed in as text.
  static package let maxInstanceBytes = 4 << 20
  /// Bytes of one schema document handed in as text.
  static package let maxSchemaBytes = 1 << 20
  /// Subschemas of all documents that a schema reaches.
  static package let maxSubschemas = 10_000
  /// Subschemas under evaluation at once, one inside the other: `$ref` can go on for ever without it.
  ///
  /// An instance nests at most `JSONValue.maxDepth` levels; this leaves four subschemas for each. A level takes up to
  /// 0.8 KiB of stack, and not every thread has more than 512.
  static package let maxEvaluationDepth = 512
  /// Subschemas evaluated in one validation, however small the instance is.
  static package let usualEvaluations = 100_000
  /// How many more there may be for each value in the instance: what needs more grows faster than the instance, and a
  /// few hundred bytes of an agent would keep a processor busy.
  static package let evaluationsOfValue = 32
  /// Subschemas evaluated in one validation, however large the instance is.
  static package let maxEvaluations = 4_000_000
  /// Visits of instructions by patterns in one validation, where they are too large for their tables: whoever writes
  /// an instance chooses how long its texts are.
  static package let maxPatternSteps = 2_000_000
  /// Issues reported of one instance; the rest is cut off, and the outcome says so.
  static package let maxIssues = 100
  /// Problems reported of one schema.
  static let maxProblems = 50
}
