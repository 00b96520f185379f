// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
package import NexusAPI
internal import NexusCore
internal import NexusDiagnostics
internal import NexusKernel

/// The words that runs are filtered by, and what a person can do about one.
package enum RunWords {
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

  /// Why a run is paused, in words; the word itself where a newer node has one that is not known here.
  static func words(_ reason: String) -> String {
    PauseReason(rawValue: reason).map { "\(reason): \($0.words)" } ?? TerminalText.line(reason)
  }

  /// A run of these statuses can go back to a checkpoint.
  static let goesBack = [RunStatus.halted, .paused, .failed].map(\.rawValue)

  /// The commands that get a halted run going again.
  static func waysOutOfHalt(_ id: String) -> [String] {
    ["naos runs checkpoints \(id)", "naos runs resume \(id) --accept \"…\"", "naos explain NX-GAT-100"]
  }

  /// The commands that get a paused run going again, where its steps do not matter.
  static func waysOut(of reason: String?, _ id: String, budget: BudgetStatus? = nil) -> [String] {
    switch reason {
    case "budget": ["naos cost status", raise(budget), "naos runs resume \(id)"]
    // Another way is taken only by an agent that is asked anew, or that has been changed.
    case "loop": ["naos runs show \(id)", "naos runs restart \(id)", "naos runs resume \(id)"]
    // With a higher `maxCalls`.
    case "calls": ["naos explain NX-GWY-053", "naos reload", "naos runs resume \(id)"]
    default: ["naos runs resume \(id)"]
    }
  }

  /// How the limit that stopped a run is raised; to what is for a person to say.
  package static func raise(_ budget: BudgetStatus?) -> String {
    guard let budget else { return "naos cost set AGENT --max-dollars …" }
    let scope = TerminalText.line(budget.scope)
    let who = scope.hasPrefix("agent:") ? String(scope.dropFirst("agent:".count)) : scope
    let limit =
      if let most = budget.maxTokens, budget.usedTokens + budget.reservedTokens >= most {
        "--max-tokens"
      } else if let most = budget.maxRequests, budget.usedRequests >= most {
        "--max-requests"
      } else {
        "--max-dollars"
      }
    return "naos cost set \(who) --per \(TerminalText.line(budget.per)) \(limit) …"
  }

  /// What a person can say of an output that a validator has escalated.
  static func decisions(about run: RunDetail) -> [String] {
    let id = run.report.id.text
    let step = run.steps.last { $0.verdict == "escalate" && $0.status == "waiting" }?.path.text ?? "STEP"
    let words = run.report.kind == "agent" ? id : "\(id) \(TerminalText.line(step))"
    return ["accept", "retry", "stop"].map { "naos runs decide \(words) --\($0)" }
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
    case let reason: return waysOut(of: reason, id, budget: run.report.cost.budget)
    }
  }
}
