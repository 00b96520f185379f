// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// In which language a pattern is written.
package enum PatternSyntax: Sendable, Hashable {
  /// ECMA-262 as JSON Schema's `pattern` asks for it: with the flag `u`, without look-around and back-references.
  ///
  /// Of Annex B two leniencies stay, because schemas in use need them: punctuation may be escaped without need (`\-`),
  /// and a brace or closing bracket that opens nothing stands for itself.
  case ecma262
  /// RE2 as CEL's `matches()` asks for it.
  case re2
}

/// Why a text is no pattern that runs here, and where.
package struct PatternError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Reason: Sendable, Equatable {
    /// The text breaks the grammar.
    case malformed
    /// The grammar allows it; an engine that is linear in the text cannot run it, or this one does not know it.
    case unsupported
    /// A limit of `PatternLimits` is passed.
    case tooLarge
  }

  package let reason: Reason
  /// A sentence without a full stop.
  package let message: String
  /// Where in the pattern, in Unicode scalars from 0.
  package let offset: Int
  package var description: String { "\(message) at character \(offset + 1)" }
}

/// What a pattern may cost; beyond it is refused when it is compiled, never when it runs.
package enum PatternLimits {
  /// The length of the pattern itself, in Unicode scalars.
  static package let maxTextLength = 65_536
  /// Instructions of the compiled program.
  static package let maxInstructions = 10_000
  /// The largest number in `{n,m}`.
  static package let maxRepetitions = 1_000
  /// How deep groups may nest.
  static package let maxDepth = 100
  /// Ranges of scalars in all character classes together.
  static let maxRanges = 200_000
  /// Cells of the table that says which instruction takes which kind of character.
  static let maxMembershipBits = 1 << 24
  /// States of the automaton that is built ahead of time; what lies beyond is simulated, still in linear time.
  static let maxStates = 2_048
  /// Cells of that automaton's table.
  static let maxTransitions = 65_536
  /// Visits of instructions that building it may take.
  static let maxBuildingSteps = 400_000
}
