// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// The words that runs are filtered by, and what a person can do about one.
enum RunWords {
  static let statuses = RunStatus.allCases.map(\.rawValue)
  static let kinds = RunKind.allCases.map(\.rawValue)
  static let reasons = PauseReason.allCases.map(\.rawValue)
  /// Nothing happens to these unless a person does something.
  static let stuck = [RunStatus.paused, .failed, .halted, .stopped, .compensatedPartial].map(\.rawValue)

  static func list(_ text: String?) -> [String] { text?.split(separator: ",").map(String.init) ?? [] }

  /// - Throws: `ValidationError` for a word that does not exist, with the one that was probably meant.
  static func check(_ text: String?, _ known: [String], _ option: String) throws {
    for word in list(text) where !known.contains(word) {
      let nearest = Suggestion.nearest(to: word, among: known).map { " Did you mean `\($0)`?" } ?? ""
      throw ValidationError(
        "\(option) does not know `\(word)`.\(nearest) It takes \(known.joined(separator: ", ")).")
    }
  }

  /// The commands that get a paused run going again.
  static func waysOut(of run: RunDetail) -> [String] {
    let id = run.report.id.text
    let stuck = run.steps.last { $0.status == "waiting" || $0.status == "failed" }
    let step = stuck.map { TerminalText.line($0.path.text) } ?? "STEP"
    switch run.report.pauseReason {
    case "compensation", "exhausted":
      return [
        "naos runs retry \(id)", "naos runs skip \(id) \(step) --reason \"…\"", "naos runs mark-done \(id) \(step)",
      ]
    case "unknown": return ["naos runs mark-done \(id) \(step)", "naos runs resume \(id)"]
    default: return ["naos runs resume \(id)"]
    }
  }
}
