// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why a text is no cron expression, with the place and, where one can be guessed, what was meant.
package struct CronSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Where the wrong piece begins, in bytes of UTF-8 from the start of the text.
  package let offset: Int
  /// How long it is, in bytes; at least 1, also where something is missing at the end.
  package let length: Int
  package let message: String
  /// What to write in place of that piece.
  package let suggestion: String?

  package init(offset: Int, length: Int, message: String, suggestion: String? = nil) {
    self.offset = offset
    self.length = max(1, length)
    self.message = message
    self.suggestion = suggestion
  }

  package var description: String {
    "\(message) (at \(offset))" + (suggestion.map { "; did you mean `\($0)`?" } ?? "")
  }
}
