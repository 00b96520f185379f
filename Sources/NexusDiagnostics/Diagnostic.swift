// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A stretch of one line of a file: where something was written.
package struct SourceLocation: Sendable, Hashable, Comparable {
  /// As shown to the user: relative to the project folder.
  package var file: String
  /// From 1.
  package var line: Int
  /// From 1, counted in Unicode scalars.
  package var column: Int
  /// In Unicode scalars; at least 1 is underlined.
  package var length: Int

  package init(file: String, line: Int, column: Int, length: Int = 1) {
    self.file = file
    self.line = line
    self.column = column
    self.length = length
  }

  package static func < (left: Self, right: Self) -> Bool {
    (left.file, left.line, left.column, left.length) < (right.file, right.line, right.column, right.length)
  }
}

/// What is wrong with something that a user wrote, where, why and what to do about it.
package struct Diagnostic: Error, Sendable, Hashable {
  package enum Severity: String, Sendable, CaseIterable {
    case error
    case warning
  }

  /// Another place that is part of the story, for example the first of two equal keys.
  package struct Note: Sendable, Hashable {
    package var message: String
    package var location: SourceLocation?
    package init(_ message: String, at location: SourceLocation? = nil) {
      self.message = message
      self.location = location
    }
  }

  /// For example `NX-CFG-107`; its page is in the catalogue.
  package var code: String
  package var severity: Severity
  package var message: String
  /// Nil if it is about no place in a file.
  package var location: SourceLocation?
  /// Said beside the underline.
  package var label: String?
  package var notes: [Note]
  /// What to do, as a sentence without its full stop.
  package var help: String?
  /// The one thing that was probably meant.
  package var suggestion: String?
  /// The line at the place holds a secret and is not shown.
  package var hidesSource = false

  package init(
    _ code: String, _ severity: Severity, _ message: String, at location: SourceLocation? = nil,
    label: String? = nil, notes: [Note] = [], help: String? = nil, suggestion: String? = nil
  ) {
    self.code = code
    self.severity = severity
    self.message = message
    self.location = location
    self.label = label
    self.notes = notes
    self.help = help
    self.suggestion = suggestion
  }

  /// An error.
  package init(
    _ code: String, _ message: String, at location: SourceLocation? = nil, label: String? = nil, notes: [Note] = [],
    help: String? = nil, suggestion: String? = nil
  ) {
    self.init(
      code, .error, message, at: location, label: label, notes: notes, help: help, suggestion: suggestion)
  }
}

extension [Diagnostic] {
  package var hasErrors: Bool { contains { $0.severity == .error } }

  /// By place; what has no place comes first, and at one place errors come before warnings.
  package func sortedByLocation() -> [Diagnostic] {
    // The offset keeps the order of equals: `sorted` alone does not promise to.
    enumerated().sorted { left, right in
      let (a, b) = (left.element, right.element)
      switch (a.location, b.location) {
      case (nil, nil): break
      case (nil, _): return true
      case (_, nil): return false
      case (let first?, let second?)
      where (first.file, first.line, first.column)
        != (second.file, second.line, second.column):
        return (first.file, first.line, first.column) < (second.file, second.line, second.column)
      default: break
      }
      if a.severity != b.severity { return a.severity == .error }
      return left.offset < right.offset
    }.map(\.element)
  }

  /// `1 error, 2 warnings`.
  package var countText: String {
    let errors = count { $0.severity == .error }
    let warnings = count - errors
    return "\(errors) error\(errors == 1 ? "" : "s"), \(warnings) warning\(warnings == 1 ? "" : "s")"
  }
}
