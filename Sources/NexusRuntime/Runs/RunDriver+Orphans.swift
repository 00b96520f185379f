// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

// Attempts whose node did not live to write down their end.
extension RunDriver {
  /// Tells the machine what they came to, so that the run costs in lists what its effects cost.
  ///
  /// All that the effects of a step came to and no end of an attempt says yet is theirs: calls whose attempt had closed
  /// before they ended, too.
  func noteOrphans(_ past: [JournalEntry], _ machine: inout any DurableMachine) async {
    let steps = machine.orphanedSteps
    guard !steps.isEmpty else { return }
    var told: [StepPath: Spend] = [:]
    for entry in past {
      guard case .attemptEnded(let step, _, let end) = entry.entry else { continue }
      told[step] = (told[step] ?? .zero) + Spend(cost: end.cost, tokens: end.tokens)
    }
    var spent: [StepPath: Spend] = [:]
    for step in steps {
      // Where the store cannot be read now only the sum in lists is too low; the ledger has every call.
      guard let effects = try? await services.store.effects(of: run, step: step) else { continue }
      let all = effects.reduce(Spend.zero) { sum, effect in
        sum + Spend(cost: effect.cost, tokens: effect.inputTokens + effect.outputTokens)
      }
      let left = all - (told[step] ?? .zero)
      spent[step] = Spend(cost: max(.zero, left.cost), tokens: max(.zero, left.tokens))
    }
    machine.note(spent: spent)
  }
}
