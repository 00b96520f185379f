// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// What the step that wants to act has read, as it stands when the action is about to happen.
struct ActionReading {
  /// Why the action may not happen for it; nil if it may.
  var refusal: EffectRuling?
  /// Written with the announcement: if one of the keys has another version by then, nothing is announced.
  var mutations: [Mutation] = []
  /// What an approval of the action is bound to.
  var versions: [String: String] = [:]
}

extension ActionGate {
  /// Holds what the step has read against what holds now.
  ///
  /// What only reads may always be done: it is how an agent reads anew. Of what nobody can tell, whatever is harder to undo
  /// than `reversible` is not done.
  func reading(
    of proposal: EffectProposal, _ effect: EffectClass, _ judge: any ActionJudge
  ) async throws(StoreError) -> ActionReading {
    var reading = ActionReading()
    guard effect > .readOnly, let run = proposal.caller.run else { return reading }
    guard let attempt = await driver(of: run)?.attempts[proposal.caller.step] else {
      reading.refusal = .denied(
        code: "NX-GAT-095",
        message: "`\(proposal.tool)` is not done: what its step has read is not known, because the step is over.")
      return reading
    }
    let items = attempt.context.items
    guard !items.isEmpty else { return reading }
    let records = try await services.store.context(items.map(\.key))
    let read = ReadSet(items: items, standing: records.compactMapValues(\.standing))
    for (item, freshness) in read.freshness(at: services.clock.wallNow()) where freshness != .fresh {
      let words = FreshnessCheck.words(item, freshness, read.standing?[item.key])
      if freshness == .unknown {
        let doubt = IntegrityDoubt(.readSetUnknown, step: proposal.caller.step, note: words)
        reading.refusal = await halt(proposal.caller, for: doubt, judge)
        if reading.refusal != nil { return reading }
        if effect <= .reversible { continue }
      }
      reading.refusal = stale(proposal, words, judge)
      return reading
    }
    for item in read.items where item.version != nil {
      let now = read.standing?[item.key]?.version ?? 0
      reading.versions[item.key] = item.digest ?? String(now)
      reading.mutations.append(.holdContext([ContextHold(key: item.key, version: now)]))
    }
    return reading
  }

  private func stale(_ proposal: EffectProposal, _ words: String, _ judge: any ActionJudge) -> EffectRuling {
    let message = "`\(proposal.tool)` is not done: \(words). Read it anew first."
    guard judge.onStaleContext == .stop else { return .denied(code: RunError.staleContext, message: message) }
    return .forbidden(
      BudgetRefusal(
        reason: .policy, scope: "context", action: .kill, message: message, ownCode: RunError.staleContext))
  }
}
