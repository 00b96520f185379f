// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// One way in which an instance breaks its schema.
package struct SchemaIssue: Sendable, Equatable {
  /// What is wrong, by a word that stays the same from version to version.
  package enum Code: String, Sendable, CaseIterable {
    case notAllowed, wrongType, notTheConstant, notInEnumeration
    case tooSmall, tooLarge, notAMultiple
    case tooShort, tooLong, patternNotFound, notInFormat, contentNotReadable
    case tooFewItems, tooManyItems, itemsNotUnique, tooFewContained, tooManyContained
    case tooFewMembers, tooManyMembers, memberMissing, memberNameNotAllowed
    case noAlternative, severalAlternatives, forbiddenAlternative
    /// The validation passed a limit of `SchemaLimits`; the instance is neither valid nor known to be invalid.
    case limitPassed
  }

  package let code: Code
  /// Where in the instance.
  package let instancePath: [PathPart]
  /// The way through the schema, across references.
  package let schemaPath: [PathPart]
  package let keyword: String
  /// What the schema asks for, as JSON or in words; at most `maxQuote` bytes.
  package let expected: String
  /// What stands in the instance, as JSON; at most `maxQuote` bytes.
  package let got: String
  /// A sentence without a full stop.
  package let message: String
  /// Where each part of the schema path is declared, for the order of issues.
  let ordinals: [Int32]

  /// Bytes of an instance or schema that an issue quotes.
  package static let maxQuote = 200

  /// A value as JSON, cut at the end of a character if it is too long.
  static func quote(_ value: JSONValue) -> String { cut(value.quoted(limit: maxQuote)) }

  static func cut(_ text: String) -> String {
    guard text.utf8.count > maxQuote else { return text }
    var end = text.utf8.index(text.startIndex, offsetBy: maxQuote - 3)
    while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
    return text[..<end] + "…"
  }

  /// JSON Pointer order, then the order of declaration in the schema.
  static func precedes(_ left: SchemaIssue, _ right: SchemaIssue) -> Bool {
    left.instancePath.precedes(right.instancePath) ?? left.ordinals.lexicographicallyPrecedes(right.ordinals)
  }
}

/// What a validation found.
package struct SchemaOutcome: Sendable, Equatable {
  /// In JSON Pointer order, then in the order of declaration; empty if the instance is valid.
  package let issues: [SchemaIssue]
  /// Whether there are more issues than are reported.
  package let isCutOff: Bool
  package var isValid: Bool { issues.isEmpty }
}

extension JSONValue {
  /// The value as compact JSON, of which what lies beyond the limit may be missing: a large value is not written out
  /// to quote its beginning.
  fileprivate func quoted(limit: Int) -> String {
    switch self {
    case .array(let elements):
      var text = "["
      for (index, element) in elements.enumerated() {
        if index > 0 { text += "," }
        text += element.quoted(limit: limit - text.utf8.count)
        if text.utf8.count > limit { return text }
      }
      return text + "]"
    case .object(let object):
      var text = "{"
      for (index, member) in object.members.enumerated() {
        if index > 0 { text += "," }
        text += JSONValue.string(member.key).quoted(limit: limit - text.utf8.count) + ":"
        text += member.value.quoted(limit: limit - text.utf8.count)
        if text.utf8.count > limit { return text }
      }
      return text + "}"
    case .string(let text): return JSONValue.string(String(text.unicodeScalars.prefix(max(limit, 0) + 1))).text()
    default: return text()
    }
  }
}
