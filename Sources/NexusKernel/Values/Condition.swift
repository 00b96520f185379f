// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// When a step is done: `steps.review.output.score >= 0.8 && !run.input.dry`.
package struct Condition: Sendable, Hashable {
  /// As it was written.
  package let source: String
  package init(source: String) { self.source = source }

  package func holds(in scope: some ValueScope) throws(RunError) -> Bool { true }
}
