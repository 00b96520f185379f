// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Why an expression has no value.
package struct RuleFault: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Kind: String, Sendable, CaseIterable {
    /// Operands of types that the operation does not take.
    case noSuchOverload
    case noSuchKey
    case noSuchVariable
    case outOfRange
    case divisionByZero
    case invalidArgument
    case duplicateKey
    /// Counted work beyond the limit: no operator absorbs it.
    case costExceeded
    /// Built values beyond the limit: no operator absorbs it.
    case memoryExceeded
    /// A value nested too deeply: no operator absorbs it.
    case depthExceeded
  }

  package let kind: Kind
  package let message: String
  /// Bytes of UTF-8 into the expression: the operation that failed.
  package private(set) var offset: Int?

  init(_ kind: Kind, _ message: String, at offset: Int? = nil) {
    self.kind = kind
    self.message = message
    self.offset = offset
  }

  package var description: String { message }

  /// A text of a value in quotes, cut to what a sentence bears.
  static func quote(_ text: String) -> String {
    let start = text.unicodeScalars.prefix(maxQuoted)
    return "'" + String(start) + (start.endIndex == text.unicodeScalars.endIndex ? "'" : "…'")
  }

  /// In Unicode scalars.
  private static let maxQuoted = 100

  /// Whether evaluation as a whole is over, whatever the other side of an `||` says.
  var isFinal: Bool {
    switch kind {
    case .costExceeded, .memoryExceeded, .depthExceeded: true
    default: false
    }
  }

  /// The same fault with a place, unless it has one that is nearer.
  func located(at offset: Int) -> Self {
    guard self.offset == nil else { return self }
    var copy = self
    copy.offset = offset
    return copy
  }

  static func noOverload(_ operation: String, _ operands: RuleValue...) -> Self { noOverload(operation, operands) }

  static func noOverload(_ operation: String, _ operands: [RuleValue]) -> Self {
    RuleFault(
      .noSuchOverload, "no such overload: \(operation) of \(operands.map(\.typeName).joined(separator: ", "))")
  }

  static let overflow = RuleFault(.outOfRange, "the result is out of range")
  static func outOfRange(_ message: String) -> Self { RuleFault(.outOfRange, message) }
  static func invalid(_ message: String) -> Self { RuleFault(.invalidArgument, message) }
}
