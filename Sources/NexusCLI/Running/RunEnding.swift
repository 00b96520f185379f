// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore

/// How a command that waited for a run ends: the output, one line about the run, the next step.
package struct RunEnding: Sendable {
  private let console: Console
  private let clock: any NexusClock

  package init(console: Console, clock: any NexusClock = SystemClock()) {
    self.console = console
    self.clock = clock
  }

  /// Writes the output, the last line and what to do next.
  ///
  /// - Throws: `CommandFailure` with the exit code of a run that is not completed.
  package func finish(_ report: RunReport) throws {
    switch console.format {
    case .table: if let output = report.output, report.status == "completed" { writeOutput(output) }
    default: console.emit(report.json) { "" }
    }
    let line = Self.lastLine(report, style: console.wordStyle, now: clock.wallNow())
    // Why there is no output is no mere word.
    if report.commandExit == .ok { console.say(line) } else { console.complain(line) }
    sayNext(report)
    guard report.commandExit == .ok else { throw CommandFailure(exit: report.commandExit) }
  }

  private func writeOutput(_ output: JSONValue) {
    let text = output.stringValue ?? output.text(.pretty)
    // A file gets the bytes as they are, a terminal only what cannot harm it.
    let shown = console.outputIsTerminal ? TerminalText.block(text) : text
    console.data(shown.hasSuffix("\n") ? String(shown.dropLast()) : shown)
  }

  /// `✓ completed in 0.1 s · run_01kq3v… · 508 tokens · $0.00 · 95,562 of 100,000 tokens left today`.
  package static func lastLine(_ report: RunReport, style: Style, now: WallTime) -> String {
    let mark =
      switch report.status {
      case "completed": style.good("✓")
      case "paused", "suspended", "cancelled": style.warning("‖")
      default: style.bad("✗")
      }
    let duration = Quantities.duration((report.endedAt ?? now) - report.startedAt)
    var line = "\(mark) \(report.status) in \(duration) · \(report.id.text) · \(Quantities.cost(report.cost))"
    if let reason = report.pauseReason { line += "\n  \(RunWords.words(reason))" }
    if let error = report.error { line += "\n  \(error.code): \(TerminalText.line(error.message))" }
    return line
  }

  private func sayNext(_ report: RunReport) {
    let id = report.id.text
    switch report.status {
    case "completed": console.next("naos runs show \(id)", "naos dashboard")
    case "paused":
      let ways = RunWords.waysOut(of: report.pauseReason, id, budget: report.cost.budget)
      let look = "naos runs show \(id)"
      console.next(contentsOf: ways.contains(look) ? ways : ways + [look])
    case "failed":
      if let code = report.error?.code, code.hasPrefix("NX-AGT-") {
        console.next("naos logs --run \(id)", "naos runs show \(id)", "naos explain \(code)")
      } else if let code = report.error?.code {
        console.next("naos runs show \(id)", "naos explain \(code)")
      } else {
        console.next("naos runs show \(id)", "naos logs --run \(id)")
      }
    case "halted": console.next(contentsOf: ["naos runs show \(id)"] + RunWords.waysOutOfHalt(id))
    case "cancelled": console.next("naos runs retry \(id)", "naos runs show \(id)")
    default: console.next("naos runs show \(id)")
    }
  }
}
