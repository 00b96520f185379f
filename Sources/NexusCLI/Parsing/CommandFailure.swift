// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
internal import NexusCore
package import NexusDiagnostics

/// Why a command ends with something other than 0.
package struct CommandFailure: Error, Sendable {
  /// Nil where everything was said already.
  package var error: OperationError?
  package var diagnostics: [Diagnostic]
  package var files: [SourceFile]
  package var exit: CommandExit
  /// Nobody waits any longer for a run that the command has begun.
  package var leavesRun = false

  package init(_ error: OperationError) {
    var error = error
    // What `naos explain` shows is called the same. A configuration has the code of only one of its mistakes.
    if error.kind != .configuration, let title = ErrorCatalogue.title(for: error.code) { error.title = title }
    self.error = error
    diagnostics = []
    files = []
    exit = error.kind.commandExit
  }

  package init(diagnostics: [Diagnostic], files: [SourceFile]) {
    error = nil
    self.diagnostics = diagnostics
    self.files = files
    exit = .configuration
  }

  /// Ends with that status; what there was to say is said.
  package init(exit: CommandExit) {
    error = nil
    diagnostics = []
    files = []
    self.exit = exit
  }

  static func usage(_ detail: String, hint: String? = nil) -> CommandFailure {
    CommandFailure(
      OperationError(.usage, code: "NX-API-016", title: "The command is not used like this", detail: detail, hint: hint)
    )
  }
}

extension CommandFailure {
  /// Says on the terminal what went wrong, why and what to do.
  package func report(on console: Console) {
    let style = console.wordStyle
    if !diagnostics.isEmpty {
      let renderer = DiagnosticRenderer(files: files, coloured: style.isOn)
      console.complain(String(renderer.render(diagnostics, exitCode: Int(exit.rawValue)).dropLast()))
    }
    guard let error else { return }
    if console.format == .json || console.format == .jsonl {
      console.complain(error.json.text(.compact))
      return
    }
    console.complain(
      style.bad(style.strong("error[\(error.code)]")) + style.strong(": \(TerminalText.line(error.title))"))
    if error.detail.contains(where: \.isNewline) {
      // A node's own diagnostics, which it has rendered.
      let text = TerminalText.block(error.detail)
      console.complain(text.hasSuffix("\n") ? String(text.dropLast()) : text)
    } else if !error.detail.isEmpty {
      console.complain("  \(TerminalText.line(error.detail))")
    }
    if let hint = error.hint { console.complain(style.quiet("  = ") + "help: \(TerminalText.line(hint))") }
    console.complain(style.quiet("  = ") + "more: `naos explain \(error.code)`")
  }
}

extension CommandFailure {
  /// Says what is not wrong enough to stop.
  static func warn(_ diagnostics: [Diagnostic], files: [SourceFile], on console: Console) {
    let renderer = DiagnosticRenderer(files: files, coloured: console.wordStyle.isOn)
    console.say(String(renderer.render(diagnostics).dropLast()))
  }
}
