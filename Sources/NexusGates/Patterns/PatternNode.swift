// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A pattern as a tree.
///
/// Whether a repetition is greedy is not kept: it decides which match is found, never whether there is one.
indirect enum PatternNode: Sendable {
  case empty
  /// One scalar of the set.
  case scalar(ScalarSet)
  case assertion(PatternAssertion)
  case sequence([PatternNode])
  case choice([PatternNode])
  /// `most` nil: without end.
  case repetition(PatternNode, least: Int, most: Int?)
}

/// What holds at a place between two scalars.
enum PatternAssertion: Sendable, Hashable {
  case textStart, textEnd, lineStart, lineEnd, wordBoundary, notWordBoundary
}
