// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Whether the agent goes round in circles: asked of new calls only, so that a replayed one never counts.
extension ModelExchange {
  /// The refusal of a call that would make one more round; nil if it may be made.
  func loopRefusal(_ record: EffectRecord) -> GatewayError? {
    guard let run else { return nil }
    let spec = services.ledger.loops(of: call.session.caller.agent)
    if let most = spec.maxCalls, services.runs.modelCalls(run, by: agent) > most {
      let words = "Agent '\(agent)' has made the \(most) model calls that it may make in one run (`maxCalls`)."
      return refused(.ceiling, .callCeiling, spec.onLoop == .pause ? .pause : .refuse, words)
    }
    if run.answers(to: record.digest) + 1 == services.limits.loops.warning {
      tellLoop("it asks the same, word for word, for the \(services.limits.loops.warning). time")
    }
    let detector = services.limits.loops
    switch detector.judge(call.tools) {
    case .none: return nil
    case .warning(let finding):
      if finding.rounds == detector.warning { tellLoop(Self.words(finding)) }
      return nil
    case .loop(let finding):
      let words = Self.words(finding)
      tellLoop(words)
      switch spec.onLoop {
      case .alert: return nil
      case .pause: return refused(.loop, .loop, .pause, "The agent goes round in circles: \(words).")
      case .refuse: return refused(.loop, .loop, .refuse, "The agent goes round in circles: \(words).")
      }
    }
  }

  private var agent: AgentName { call.session.caller.agent }

  private func refused(
    _ reason: BudgetRefusal.Reason, _ code: GatewayError.Code, _ action: OnLimit, _ words: String
  ) -> GatewayError {
    call.session.refused(BudgetRefusal(reason: reason, scope: "agent:\(agent)", action: action, message: words))
    return GatewayError(code, words)
  }

  private func tellLoop(_ words: String) {
    services.tellNote(call.session.caller, words)
    services.notice(.loop(call.session.caller, words))
  }

  /// How many of the tools of a round are named.
  private static let namedTools = 4
  /// How much of the name of a tool is repeated.
  private static let shownName = 40

  private static func words(_ finding: LoopFinding) -> String {
    let names = finding.tools.prefix(namedTools).map { "'\($0.prefix(shownName))'" }.joined(separator: ", ")
    return "\(finding.rounds) times \(names) with the same arguments and the same result"
  }
}
