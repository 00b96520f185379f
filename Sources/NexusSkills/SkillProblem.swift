// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why nothing came of what was asked for a skill.
package struct SkillProblem: Error, Sendable, Hashable, CustomStringConvertible {
  /// `NX-SKL-…`.
  package let code: String
  package let message: String
  package let hint: String?
  /// What a tool said, line by line, with its own places: hostile text.
  package let transcript: String

  package init(_ code: String, _ message: String, hint: String? = nil, transcript: String = "") {
    self.code = code
    self.message = message
    self.hint = hint
    self.transcript = transcript
  }

  package var description: String { message }
}
