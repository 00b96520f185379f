// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Writes diagnostics for people: what, where, the line itself, the other places involved, and what to do.
package struct DiagnosticRenderer: Sendable {
  /// How many diagnostics are written out; the rest is only counted.
  package static let maxShown = 20

  /// The widest stretch of a source line that is shown, in columns.
  static let maxLineWidth = 120

  private let lines: [String: [Substring.UnicodeScalarView]]
  private let fileCount: Int
  private let style: TerminalStyle

  package init(files: [SourceFile], coloured: Bool = false) {
    lines = Dictionary(files.map { ($0.name, $0.lines) }, uniquingKeysWith: { first, _ in first })
    fileCount = files.count
    style = TerminalStyle(coloured: coloured)
  }

  /// All of them, sorted by place, with the count line at the end; empty for none.
  package func render(_ diagnostics: [Diagnostic], exitCode: Int? = nil) -> String {
    guard !diagnostics.isEmpty else { return "" }
    let (shown, hidden) = Self.capped(diagnostics)
    var output = ""
    for diagnostic in shown { output += render(diagnostic) + "\n" }
    if hidden > 0 { output += "… and \(hidden) more\n" }
    output += diagnostics.countText
    if fileCount > 0 { output += " in \(fileCount) file\(fileCount == 1 ? "" : "s")" }
    if let exitCode { output += " (exit \(exitCode))" }
    return output + "\n"
  }

  /// What is shown of many: errors before warnings where not both fit, all in the order of their places.
  static func capped(_ diagnostics: [Diagnostic]) -> (shown: [Diagnostic], hidden: Int) {
    let sorted = diagnostics.sortedByLocation()
    guard sorted.count > maxShown else { return (sorted, 0) }
    let errors = sorted.filter { $0.severity == .error }.prefix(maxShown)
    let warnings = sorted.filter { $0.severity == .warning }.prefix(maxShown - errors.count)
    return ((Array(errors) + warnings).sortedByLocation(), sorted.count - errors.count - warnings.count)
  }

  /// One diagnostic, ending in a line break.
  package func render(_ diagnostic: Diagnostic) -> String {
    let title = "\(diagnostic.severity.rawValue)[\(DisplayText.escaped(diagnostic.code))]"
    var output = style.severity(diagnostic.severity, title)
    output += style.strong(": " + DisplayText.escaped(diagnostic.message)) + "\n"
    let gutter = gutterWidth(of: diagnostic)
    if let location = diagnostic.location {
      output +=
        diagnostic.hidesSource
        ? arrow(location, gutter: gutter)
        : place(location, label: diagnostic.label, gutter: gutter, severity: diagnostic.severity)
    }
    for note in diagnostic.notes {
      output += style.quiet("note") + ": " + DisplayText.escaped(note.message) + "\n"
      if let location = note.location { output += place(location, label: nil, gutter: gutter, severity: nil) }
    }
    let margin = String(repeating: " ", count: gutter) + " " + style.quiet("=")
    var help = ""
    if let suggestion = diagnostic.suggestion { help += "did you mean `\(DisplayText.escaped(suggestion))`? " }
    if let text = diagnostic.help { help += DisplayText.escaped(text) + "; " }
    help += "run `naos explain \(DisplayText.escaped(diagnostic.code))`"
    return output + "\(margin) \(style.quiet("help")): \(help)\n"
  }

  private func gutterWidth(of diagnostic: Diagnostic) -> Int {
    let places = [diagnostic.location] + diagnostic.notes.map(\.location)
    return places.compactMap { $0.map { String($0.line).count } }.max().map { $0 + 1 } ?? 2
  }

  private func arrow(_ location: SourceLocation, gutter: Int) -> String {
    let indent = String(repeating: " ", count: gutter)
    return "\(indent)\(style.quiet("-->")) \(DisplayText.escaped(location.file)):\(location.line):\(location.column)\n"
  }

  private func place(_ location: SourceLocation, label: String?, gutter: Int, severity: Diagnostic.Severity?) -> String
  {
    let indent = String(repeating: " ", count: gutter)
    var output = arrow(location, gutter: gutter)
    guard let all = lines[location.file], location.line >= 1, location.line <= all.count else { return output }
    let excerpt = Excerpt(line: all[location.line - 1], column: location.column, length: location.length)
    let number = String(location.line)
    let bar = style.quiet("|")
    let padded = String(repeating: " ", count: gutter - number.count) + number
    output += "\(indent) \(bar)\n"
    output +=
      excerpt.text.isEmpty ? "\(style.quiet(padded)) \(bar)\n" : "\(style.quiet(padded)) \(bar) \(excerpt.text)\n"
    var underline = String(repeating: severity == nil ? "-" : "^", count: excerpt.underlineWidth)
    if let label { underline += " " + DisplayText.escaped(label) }
    let mark = severity.map { style.severity($0, underline) } ?? style.quiet(underline)
    output += "\(indent) \(bar) \(String(repeating: " ", count: excerpt.underlineStart))\(mark)\n"
    return output
  }
}

/// The part of a source line that is shown, and the columns under which the marks go.
struct Excerpt: Equatable {
  var text: String
  var underlineStart: Int
  var underlineWidth: Int

  init(line: Substring.UnicodeScalarView, column: Int, length: Int) {
    let scalars = Array(line)
    let start = min(max(column - 1, 0), scalars.count)
    let end = min(start + max(length, 1), scalars.count)
    let limit = DiagnosticRenderer.maxLineWidth
    var first = 0
    // A long line is cut so that the marked place has a little context on its left.
    if scalars[..<end].reduce(0, { $0 + DisplayText.width(of: $1) }) > limit { first = max(0, start - 20) }
    var shown = first > 0 ? "…" : ""
    var used = first > 0 ? 1 : 0
    underlineStart = used
    underlineWidth = 0
    for index in first..<scalars.count {
      let width = DisplayText.width(of: scalars[index])
      if used + width > limit {
        shown += "…"
        break
      }
      if index < start { underlineStart += width } else if index < end { underlineWidth += width }
      shown += DisplayText.shown(scalars[index])
      used += width
    }
    while shown.last == " " { shown.removeLast() }
    text = shown
    underlineWidth = max(1, underlineWidth)
  }
}

/// The few colours of the terminal, or none.
struct TerminalStyle: Sendable {
  let coloured: Bool

  private func wrapped(_ code: String, _ text: String) -> String { coloured ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }

  func strong(_ text: String) -> String { wrapped("1", text) }
  func quiet(_ text: String) -> String { wrapped("34", text) }
  func severity(_ severity: Diagnostic.Severity, _ text: String) -> String {
    wrapped(severity == .error ? "1;31" : "1;33", text)
  }
}
