// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CYAML
package import NexusDiagnostics

/// What one file holds: its documents, or why they could not be read.
package struct YAMLStream: Sendable {
  package var documents: [YAMLNode] = []
  package var diagnostics: [Diagnostic] = []
}

/// Turns libyaml's events into trees of nodes with their places.
package struct YAMLReader {
  /// Reads every document of a file.
  ///
  /// A syntax error leaves no documents: half a file would only make misleading errors.
  package static func read(_ source: SourceFile) -> YAMLStream {
    var parser = unsafe yaml_parser_t()
    guard unsafe yaml_parser_initialize(&parser) == 1 else {
      return YAMLStream(diagnostics: [Diagnostic("NX-CFG-005", "there is no memory left to read `\(source.name)`")])
    }
    defer { unsafe yaml_parser_delete(&parser) }
    var text = source.text
    return text.withUTF8 { bytes in
      unsafe yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
      unsafe yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
      var builder = YAMLTreeBuilder(file: source.name)
      while !builder.isDone {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(&parser, &event) == 1 else {
          let problem = unsafe YAMLProblem(parser)
          return YAMLStream(diagnostics: builder.diagnostics + [problem.diagnostic(in: source)])
        }
        unsafe builder.handle(event)
        unsafe yaml_event_delete(&event)
      }
      return YAMLStream(documents: builder.isRejected ? [] : builder.documents, diagnostics: builder.diagnostics)
    }
  }
}

/// Why libyaml gave up.
struct YAMLProblem {
  var text: String
  var mark: YAMLNode.Mark
  var context: String?
  var contextMark: YAMLNode.Mark
  /// Set for bytes that are no YAML characters, which carry no mark.
  var byteOffset: Int?

  @unsafe init(_ parser: yaml_parser_t) {
    let problem = unsafe parser.problem
    text = unsafe problem.map { unsafe String(cString: $0) } ?? "the text is not YAML"
    mark = unsafe YAMLNode.Mark(parser.problem_mark)
    let context = unsafe parser.context
    self.context = unsafe context.map { unsafe String(cString: $0) }
    contextMark = unsafe YAMLNode.Mark(parser.context_mark)
    byteOffset = unsafe parser.error == YAML_READER_ERROR ? Int(parser.problem_offset) : nil
  }

  func diagnostic(in source: SourceFile) -> Diagnostic {
    var mark = mark
    if let byteOffset { mark = YAMLNode.Mark(byteOffset: byteOffset, in: source.text) }
    let location = SourceLocation(file: source.name, line: mark.line + 1, column: mark.column + 1)
    var notes: [Diagnostic.Note] = []
    if let context, byteOffset == nil, contextMark != mark {
      notes = [
        .init(
          context, at: SourceLocation(file: source.name, line: contextMark.line + 1, column: contextMark.column + 1))
      ]
    }
    return Diagnostic(
      "NX-CFG-005", "this is not YAML: \(text)", at: location, notes: notes, help: help(in: source, at: mark))
  }

  private func help(in source: SourceFile, at mark: YAMLNode.Mark) -> String? {
    let lines = source.lines
    guard mark.line < lines.count else { return nil }
    let line = String(lines[mark.line])
    let around = (contextMark.line...max(contextMark.line, mark.line)).prefix(2) + [mark.line]
    let flow = around.contains { $0 < lines.count && String(lines[$0]).contains("${") }
    if line.drop(while: { $0 == " " }).hasPrefix("\t") || text.contains("tab") {
      return "indent with spaces, not with tabs"
    }
    if flow, text.contains("',' or") || context?.contains("flow") == true {
      return "inside braces or brackets a variable needs quotes: \"${NAME}\""
    }
    if text.contains("mapping values are not allowed") { return "put a text that contains `: ` in quotes" }
    if text.contains("cannot start any token") { return "put a text that starts with this character in quotes" }
    return nil
  }
}

extension YAMLNode.Mark {
  init(_ mark: yaml_mark_t) { self.init(line: Int(mark.line), column: Int(mark.column)) }

  /// The place of a byte, by the lines that libyaml counts.
  init(byteOffset: Int, in text: String) {
    var line = 0
    var column = 0
    var offset = 0
    var afterReturn = false
    for scalar in text.unicodeScalars {
      guard offset < byteOffset else { break }
      offset += scalar.utf8.count
      if scalar == "\n", afterReturn {
        afterReturn = false
        continue
      }
      afterReturn = scalar == "\r"
      if SourceFile.isBreak(scalar) {
        line += 1
        column = 0
      } else {
        column += 1
      }
    }
    self.init(line: line, column: column)
  }
}
