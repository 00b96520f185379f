// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos doctor`: examines the project and its node.
struct DoctorCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Examine the project, its node and this machine.")

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    let console = context.console
    let report = try await NodeAccess.reading(project, warning: context.console) { operations in
      try await operations.doctor()
    }
    console.emit(report.json, lines: report.findings.map(\.json)) { Self.render(report, style: console.outputStyle) }
    if report.hasProblems { throw CommandFailure(exit: .failed) }
    if console.format == .table { console.next("naos status") }
  }

  static func render(_ report: DoctorReport, style: Style) -> String {
    report.findings.map { finding in
      let mark =
        switch finding.level {
        case .ok: style.good("✓")
        case .note: style.quiet("·")
        case .warning: style.warning("▲")
        case .problem: style.bad("✗")
        }
      let line = "\(mark) \(style.strong(TerminalText.line(finding.subject))): \(TerminalText.line(finding.finding))"
      return finding.hint.map { line + "\n    " + TerminalText.line($0) } ?? line
    }.joined(separator: "\n")
  }
}
