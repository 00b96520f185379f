// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why the runtime does not do what an operator asked.
package struct RuntimeRefusal: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Kind: String, Sendable {
    case notFound, conflict, refused, invalid, unavailable, storage
  }
  package let kind: Kind
  package let code: String
  package let message: String
  package let hint: String?

  package init(_ kind: Kind, code: String, message: String, hint: String? = nil) {
    self.kind = kind
    self.code = code
    self.message = message
    self.hint = hint
  }

  package var description: String { "\(code): \(message)" }
}
