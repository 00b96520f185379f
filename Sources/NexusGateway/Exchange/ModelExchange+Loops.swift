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
    if let refusal = repeatRefusal(record, run, spec) ?? paceRefusal(run, spec) { return refusal }
    let detector = services.limits.loops
    switch detector.judge(call.tools) {
    case .none: return nil
    case .warning(let finding):
      if finding.rounds == detector.warning { tellLoop(Self.words(finding)) }
      return nil
    case .loop(let finding):
      let words = Self.words(finding)
      return stopped(spec.onLoop, words, "The agent goes round in circles: \(words).")
    }
  }

  /// The same question that is answered alike again and again leads nowhere.
  private func repeatRefusal(_ record: EffectRecord, _ run: RunSession, _ spec: LoopSpec) -> GatewayError? {
    let answered = run.answers(to: record.digest)
    switch services.limits.loops.judge(answered: answered, same: run.sameAnswers(to: record.digest)) {
    case .none: return nil
    case .warning:
      tellLoop("it asks the same, word for word, for the \(answered + 1). time")
      return nil
    case .loop:
      let words = "it asks the same, word for word, for the \(answered + 1). time, and always gets the same answer"
      return stopped(spec.onLoop, words, "The agent goes round in circles: \(words).")
    }
  }

  private func paceRefusal(_ run: RunSession, _ spec: LoopSpec) -> GatewayError? {
    func words(_ times: Int64) -> String { "it has spent \(times) times as much in this minute as it did before" }
    switch run.judgePace(at: services.clock.now()) {
    case .none: return nil
    case .warning(let times):
      tellLoop(words(times))
      return nil
    case .tooFast(let times):
      return stopped(spec.onSpike, words(times), "The agent spends too fast: \(words(times)).")
    }
  }

  /// Tells about it, and does what the configuration wants to happen then.
  private func stopped(_ action: OnLoop, _ words: String, _ message: String) -> GatewayError? {
    tellLoop(words)
    switch action {
    case .alert: return nil
    case .pause: return refused(.loop, .loop, .pause, message)
    case .refuse: return refused(.loop, .loop, .refuse, message)
    }
  }

  /// Remembers what a repeated request was answered, and what was spent; `answer` is the provider's.
  func noteAnswer(_ answer: ResponseRecord, _ charge: Spend?) {
    guard let run, let record else { return }
    if let charge { run.note(charge, at: services.clock.now()) }
    guard run.answers(to: record.digest) > 0 else { return }
    // Longer ones are not read on an event loop.
    let isShort = answer.body.count <= services.limits.inlineBodyBytes
    run.note(
      record.digest, answer: isShort ? AnswerPrint.of(answer.body, call.request, isStream: answer.isStream) : nil)
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
