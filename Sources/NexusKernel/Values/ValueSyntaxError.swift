// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Why a reference, a template or a condition cannot be read, and where.
package struct ValueSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The whole text that was read.
  package let text: String
  /// Where in it, in Unicode scalars from 0.
  package let offset: Int
  /// A sentence without its full stop.
  package let message: String
  /// The word that was not understood; nil where none was expected.
  package let word: String?
  /// What could have stood in place of the word.
  package let expected: [String]

  package init(_ message: String, in text: String, at offset: Int, word: String? = nil, expected: [String] = []) {
    self.message = message
    self.text = text
    self.offset = offset
    self.word = word
    self.expected = expected
  }

  package var description: String { "\(message) at \(offset) of `\(text)`" }
}

/// The bounds of what a definition may write in references, templates and conditions.
package enum ValueLimits {
  /// The longest text of a template, in bytes.
  package static let maxTextBytes = 256 << 10
  /// The longest condition, in bytes.
  package static let maxConditionBytes = 4 << 10
  /// How deep lists and maps of a template, and brackets and `!` of a condition, may nest.
  package static let maxDepth = 64
  /// The most references of one template.
  package static let maxReferences = 1_000
  /// The most parts of the way into a value.
  package static let maxParts = 32
  /// The largest value that a template may give, in bytes of compact JSON; over it the step fails.
  package static let maxValueBytes = 4 << 20
  /// How deep that value may nest: what is deeper could not be read back from the journal.
  package static let maxValueDepth = JSONValue.maxDepth
}
