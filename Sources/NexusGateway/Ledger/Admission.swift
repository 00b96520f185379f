// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore

/// A model call that asks to be let through.
package struct AdmissionRequest: Sendable {
  /// Names the hold and the charge; used once.
  package var id: EffectID
  package var caller: Caller
  package var provider: String
  /// As the provider itself calls it.
  package var model: String
  package var facts: RequestFacts
  /// The models that may answer instead; what is set aside covers the dearest of all.
  package var alternatives: [ModelReference] = []
  /// A tighter bound can be had where this one does not fit.
  package var mayTighten = false

  package init(id: EffectID, caller: Caller, provider: String, model: String, facts: RequestFacts) {
    self.id = id
    self.caller = caller
    self.provider = provider
    self.model = model
    self.facts = facts
  }
}

/// A model of a provider, as both are called there.
package struct ModelReference: Sendable, Hashable {
  package var provider: String
  package var model: String
  package init(provider: String, model: String) {
    self.provider = provider
    self.model = model
  }
}

/// The answer of the ledger.
package enum Admission: Sendable, Hashable {
  /// Commit the hold, and the marks with it, before the first byte goes upstream, as `Ledger.commitClass` says; then
  /// tell the ledger by `resolve`.
  ///
  /// `clampOutputTo` is the output cap to put into the request, whether it lowers one or there was none.
  case admitted(hold: HoldRow, marks: [CounterMark], clampOutputTo: Int64?)
  /// Others are under way; the answer comes by the callback unless `abandon` is called first.
  case queued
  /// It does not fit now as it is bounded; to be asked again with a tighter bound, or without `mayTighten`.
  case tooWide
  case refused(AdmissionRefusal)
}

/// Why a call may not go, in figures.
package struct AdmissionRefusal: Sendable, Hashable {
  package enum Code: String, Sendable, CaseIterable {
    case exhausted = "NX-BUD-001"
    case busy = "NX-BUD-002"
    case tooBig = "NX-BUD-003"
    case unknownPrice = "NX-BUD-004"
    case unbounded = "NX-BUD-005"

    /// As clients read it, in the form of their provider's own codes.
    package var wireName: String {
      switch self {
      case .exhausted, .tooBig: "naos_budget_exceeded"
      case .busy: "naos_budget_busy"
      case .unknownPrice: "naos_unknown_price"
      case .unbounded: "naos_unbounded_cost"
      }
    }
  }
  package var code: Code
  package var message: String
  /// Nil where no budget is the reason, but what is not known of the model or the request.
  package var refusal: BudgetRefusal?
  /// The limit that said no; nil in the same cases.
  package var block: BudgetBlock?

  /// Only a busy budget frees up without anybody doing something.
  package var isRetryable: Bool { code == .busy }
  /// What the limit has left: `$0.0042`, `1200 tokens`, or both.
  package var remaining: String? { block.map { BudgetText.limit($0.limit.minus($0.spent)) } }
  package var reset: WallTime? { block?.reset }
}

/// The end of a call, ready for the store.
package struct Settlement: Sendable, Hashable {
  package var charge: ChargeRow
  /// To be committed with the charge; then tell the ledger by `resolve`.
  package var marks: [CounterMark]
  /// What was set aside.
  package var held: Spend
  /// The call came to more than that.
  package var isViolation: Bool
}

/// Something about budgets that people may want to hear of; its description is a line for the log.
package enum LedgerNotice: Sendable, Hashable, CustomStringConvertible {
  /// A budget passed one of its thresholds.
  case threshold(BudgetAlert)
  /// A call came to more than was set aside for it. NX-BUD-006.
  case boundViolation(charge: ChargeRow, held: Spend)
  /// The wall clock ran ahead of the monotonic one; no new window begins until it is confirmed. NX-BUD-007.
  case clockHeld

  package var description: String {
    switch self {
    case .threshold(let alert): BudgetText.alert(alert)
    case .boundViolation(let charge, let held):
      BudgetText.violation(charge, held)
    case .clockHeld:
      "[NX-BUD-007] the wall clock ran ahead of the time that has passed: no new budget window begins until `naos cost confirm-clock`"
    }
  }
}
