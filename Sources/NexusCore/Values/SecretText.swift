// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A text that no description, log or error may show.
package struct SecretText: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
  package let revealed: String
  package init(_ revealed: String) { self.revealed = revealed }
  package var description: String { Redaction.replacement }
  package var customMirror: Mirror { Mirror(reflecting: Redaction.replacement) }
}
