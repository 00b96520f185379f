// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// How large a rule and its evaluation may become.
///
/// Everything is counted, nothing is timed, so that the same rule on the same input always ends the same way.
package struct RuleLimits: Sendable, Hashable {
  /// Bytes of UTF-8 of an expression.
  package static let maxTextBytes = 8 * 1024
  /// Levels of brackets, operators, selections and calls inside each other.
  package static let maxDepth = 100
  /// Operators, operands, literals and calls of an expression.
  package static let maxNodes = 2000
  /// Cost units of one rule.
  package static let maxRuleCost = 100_000
  /// Cost units of all rules of a gate together.
  package static let maxGateCost = 1_000_000
  /// Bytes of texts, lists and maps that a rule builds.
  package static let maxAllocatedBytes = 8 * 1024 * 1024
  /// How deep a value may nest before comparing, printing or hashing it is refused.
  package static let maxValueDepth = 256

  package var textBytes = Self.maxTextBytes
  package var depth = Self.maxDepth
  package var nodes = Self.maxNodes
  package var ruleCost = Self.maxRuleCost
  package var gateCost = Self.maxGateCost
  package var allocatedBytes = Self.maxAllocatedBytes

  /// The standard limits.
  package init() {}

  /// The same limits with smaller costs; a larger one than the standard is not granted.
  package func lowered(ruleCost: Int? = nil, gateCost: Int? = nil, allocatedBytes: Int? = nil) -> Self {
    var copy = self
    if let ruleCost { copy.ruleCost = max(0, min(ruleCost, copy.ruleCost)) }
    if let gateCost { copy.gateCost = max(0, min(gateCost, copy.gateCost)) }
    if let allocatedBytes { copy.allocatedBytes = max(0, min(allocatedBytes, copy.allocatedBytes)) }
    return copy
  }
}
