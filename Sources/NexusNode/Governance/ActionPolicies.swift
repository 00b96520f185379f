// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import NexusAPI
internal import NexusCore
internal import NexusGates
internal import NexusGateway
internal import NexusKernel

/// The rules about actions of a configuration, ready to judge.
enum ActionPolicies {
  /// Nil where nothing is ruled.
  ///
  /// - Throws: `OperationError`, if what the configuration has checked cannot be used after all.
  static func judge(of plan: ProjectPlan) throws(OperationError) -> (any ActionJudge)? {
    guard let spec = plan.governance else { return nil }
    let hash = SHA256.hash(data: spec.canonical.encoded(.canonical)).hexadecimal
    do throws(BoundaryProblems) { return try ActionPolicy(spec, hash: hash) } catch {
      throw OperationError(
        .configuration, code: "NX-GAT-096", title: "A boundary cannot be used",
        detail: error.all.map { "\($0.part.rawValue): \($0.diagnostic)" }.joined(separator: "; "))
    }
  }

  /// What asks the ledger how far limits are used up.
  static func standing(in ledger: Ledger) -> @Sendable ([BudgetScope]) -> BudgetStanding {
    { standing(of: $0, in: ledger.report()) }
  }

  /// How far the limits of these scopes are used up; those of each run are left out.
  static func standing(of scopes: [BudgetScope], in report: BudgetReport) -> BudgetStanding {
    var standing = BudgetStanding()
    for budget in report.budgets where budget.window != .run && scopes.contains(budget.scope) {
      let line = report.lines.first {
        $0.scope == budget.scope.text && WindowName($0.window, zone: $0.zone) == budget.name
      }
      let gone = (line?.spent ?? .zero) + (line?.held ?? .zero)
      if let limit = budget.maxCost {
        let (limit, gone) = (Double(limit.value), Double(gone.cost.value))
        standing.used = max(standing.used, limit > 0 ? gone / limit : 1)
        standing.dollarsLeft = min(standing.dollarsLeft, max(0, limit - gone) / 1_000_000_000)
      }
      if let limit = budget.maxTokens {
        let (limit, gone) = (Double(limit.value), Double(gone.tokens.value))
        standing.used = max(standing.used, limit > 0 ? gone / limit : 1)
        standing.tokensLeft = min(standing.tokensLeft, max(0, limit - gone))
      }
    }
    return standing
  }
}
