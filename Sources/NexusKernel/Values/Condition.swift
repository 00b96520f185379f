// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// When a step is done: `steps.review.output.score >= 0.8 && !run.input.dry`.
///
/// It is a subset of the Common Expression Language: references, literals, `== != < <= > >= && || ! in` and brackets.
/// There is no truthiness: what is not a boolean where one is needed is an error. A member that does not exist is an
/// error, too, unless it is compared with `null` by `==` or `!=`, to which it is equal. As in CEL, `&&` and `||` do not
/// care for the order of their sides: if one side decides, an error on the other one does not matter.
package struct Condition: Sendable, Hashable {
  /// As it was written.
  package let source: String
  private let expression: ConditionExpression

  /// Reads a condition; references may stand in braces, as in templates, or without.
  package init(parsing source: String) throws(ValueSyntaxError) {
    self.source = source
    var parser = ConditionParser(try ValueScanner(source, maxBytes: ValueLimits.maxConditionBytes))
    expression = try parser.parse()
  }

  /// Everything that it refers to, in the order in which it is written, repetitions included.
  package var references: [Reference] {
    var found: [Reference] = []
    expression.collect(&found)
    return found
  }

  /// It looks at the element of a `forEach`, so it is asked for each of them instead of once for the step.
  package var concernsItems: Bool { references.contains { $0.root == .item || $0.root == .index } }

  /// Whether it holds.
  ///
  /// - Throws: `NX-RUN-020` if something that it refers to does not exist, `NX-RUN-021` if a value is of a type that the
  ///   condition cannot use; neither is ever retried.
  package func holds(in scope: some ValueScope) throws(RunError) -> Bool { try expression.holds(in: scope) }
}
