// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What is wrong with a rule, and where in its text.
package struct RuleDiagnostic: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Kind: String, Sendable, CaseIterable {
    /// The text is not an expression.
    case syntax
    /// The text is larger or deeper than allowed.
    case limit
    /// A name that nobody declared.
    case undeclared
    /// Operands or results of the wrong type.
    case type
    /// A literal argument that can never work, such as a malformed pattern.
    case literal
    /// The worst case is beyond the cost limit.
    case cost
  }

  package let kind: Kind
  package let message: String
  /// In Unicode scalars, from 0.
  package let offset: Int
  /// From 1.
  package let line: Int
  /// From 1, in Unicode scalars.
  package let column: Int

  package var description: String { "\(line):\(column): \(message)" }

  /// Finds the place of an offset into the UTF-8 of `text`; beyond it is the end of the text.
  init(_ kind: Kind, _ message: String, at byteOffset: Int, in text: String) {
    self.kind = kind
    self.message = message
    var (offset, line, column, bytes) = (0, 1, 1, 0)
    for scalar in text.unicodeScalars {
      let length = UTF8.width(scalar)
      guard bytes + length <= byteOffset else { break }
      bytes += length
      offset += 1
      if scalar == "\n" {
        line += 1
        column = 1
      } else {
        column += 1
      }
    }
    self.offset = offset
    self.line = line
    self.column = column
  }
}

/// A complaint that still counts in bytes of UTF-8; the front end turns it into a ``RuleDiagnostic``.
struct LocatedComplaint: Error {
  var kind: RuleDiagnostic.Kind
  var message: String
  var offset: Int

  init(_ kind: RuleDiagnostic.Kind, _ message: String, at offset: Int) {
    self.kind = kind
    self.message = message
    self.offset = offset
  }

  /// A text that is no expression.
  init(_ message: String, at offset: Int) { self.init(.syntax, message, at: offset) }
}
