// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
internal import NexusStore

// Doubts that are met where an action is about to happen.
extension ActionGate {
  /// A boundary had no answer.
  static let unanswered = "NX-GAT-094"

  /// Halts the run of a caller, if the project wants that for this doubt.
  ///
  /// - Returns: what the agent is told, which is being ended; nil if the run goes on.
  func halt(_ caller: Caller, for doubt: IntegrityDoubt, _ judge: any ActionJudge) async -> EffectRuling? {
    guard judge.stopWhen.contains(doubt.condition), let run = caller.run, let driver = await driver(of: run) else {
      return nil
    }
    await driver.halt(for: doubt)
    return .denied(code: RunError.halted, message: "The run is halted: \(doubt.error.message)")
  }

  /// The rules are not those under which the run began.
  func haltForPolicy(_ proposal: EffectProposal, _ judge: any ActionJudge) async -> EffectRuling? {
    guard judge.stopWhen.contains(.definitionChanged), let run = proposal.caller.run,
      let driver = await driver(of: run)
    else { return nil }
    // Of the executor, which has given the run the rules that it began under: while a configuration is reloaded the two are
    // of one mind.
    guard driver.policy != (await policyNow()) else { return nil }
    return await halt(proposal.caller, for: IntegrityDoubt(.definitionChanged), judge)
  }

  package func isUncertain(_ tool: String, of caller: Caller) async {
    guard let judge else { return }
    let doubt = IntegrityDoubt(
      .outcomeUnknown, step: caller.step,
      note: "`\(tool)` was under way when a node died, and nobody knows whether it was done")
    _ = await halt(caller, for: doubt, judge)
  }
}
