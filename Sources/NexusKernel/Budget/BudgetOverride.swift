// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Where limits stand: whose, and for which window.
package struct BudgetPlace: Sendable, Hashable {
  package var scope: BudgetScope
  package var window: BudgetWindow
  /// Whose days they are; nil for UTC's.
  ///
  /// What a person sets holds for those that the configuration has.
  package var zone: BudgetZone?
  package init(_ scope: BudgetScope, _ window: BudgetWindow, zone: BudgetZone? = nil) {
    self.scope = scope
    self.window = window
    self.zone = window.followsZone ? zone : nil
  }

  /// Where a budget counts.
  package init(_ spec: BudgetSpec) { self.init(spec.scope, spec.window, zone: spec.zone) }

  /// Where a person sets something.
  package var inAnyZone: BudgetPlace { BudgetPlace(scope, window) }

  /// `agent:researcher per day`.
  package var text: String { "\(scope.text) per \(window.rawValue)" }
}

/// A limit that a person set while the node runs: it holds instead of the configuration's until it is cleared.
package struct BudgetOverride: Sendable, Hashable {
  package var place: BudgetPlace
  /// What is nil stays as the configuration has it.
  package var maxCost: NanoUSD?
  package var maxTokens: TokenCount?
  package var maxRequests: Int64?
  package var onLimit: OnLimit?
  package var reason: String?
  package var at: WallTime

  package init(
    place: BudgetPlace, maxCost: NanoUSD? = nil, maxTokens: TokenCount? = nil, maxRequests: Int64? = nil,
    onLimit: OnLimit? = nil, reason: String? = nil, at: WallTime
  ) {
    self.place = place
    self.maxCost = maxCost
    self.maxTokens = maxTokens
    self.maxRequests = maxRequests
    self.onLimit = onLimit
    self.reason = reason
    self.at = at
  }

  /// Whether it sets nothing.
  package var isEmpty: Bool { maxCost == nil && maxTokens == nil && maxRequests == nil && onLimit == nil }

  /// This one with what an earlier one of the same place set beside it.
  package func over(_ earlier: BudgetOverride?) -> BudgetOverride {
    guard let earlier, earlier.place == place else { return self }
    var both = self
    both.maxCost = maxCost ?? earlier.maxCost
    both.maxTokens = maxTokens ?? earlier.maxTokens
    both.maxRequests = maxRequests ?? earlier.maxRequests
    both.onLimit = onLimit ?? earlier.onLimit
    both.reason = reason ?? earlier.reason
    return both
  }
}

/// Every override in force, at most one for a place.
package struct BudgetOverrides: Sendable, Hashable {
  private var list: [BudgetPlace: BudgetOverride] = [:]

  package init(_ overrides: [BudgetOverride] = []) { for override in overrides { self[override.place] = override } }

  package subscript(_ place: BudgetPlace) -> BudgetOverride? {
    get { list[place] }
    set { list[place] = newValue }
  }

  package var isEmpty: Bool { list.isEmpty }

  /// The limits that hold: those of the configuration, as far as no override has another one.
  ///
  /// `alertAt` holds for a limit where the configuration has none.
  package func applied(to budgets: [BudgetSpec], alertAt: [Int] = []) -> [BudgetSpec] {
    if list.isEmpty { return budgets }
    var result = budgets
    for override in list.values.sorted(by: { $0.place.text < $1.place.text }) { override.apply(to: &result, alertAt) }
    return result
  }
}

extension BudgetOverride {
  /// Sets the limit of its place, whichever of the place's budgets has it, or makes one that does.
  fileprivate func apply(to budgets: inout [BudgetSpec], _ alertAt: [Int]) {
    let places = budgets.indices.filter { budgets[$0].scope == place.scope && budgets[$0].window == place.window }
    var missesCost = maxCost != nil
    var missesTokens = maxTokens != nil
    var missesRequests = maxRequests != nil
    for index in places {
      if let maxCost, budgets[index].maxCost != nil {
        budgets[index].maxCost = maxCost
        missesCost = false
      }
      if let maxTokens, budgets[index].maxTokens != nil {
        budgets[index].maxTokens = maxTokens
        missesTokens = false
      }
      if let maxRequests, budgets[index].maxRequests != nil {
        budgets[index].maxRequests = maxRequests
        missesRequests = false
      }
      if let onLimit { budgets[index].onLimit = onLimit }
    }
    guard missesCost || missesTokens || missesRequests else { return }
    // What happens at the new limit is what happens at those beside it.
    let beside = places.first.map { budgets[$0] }
    budgets.append(
      BudgetSpec(
        scope: place.scope, window: place.window, maxTokens: missesTokens ? maxTokens : nil,
        maxCost: missesCost ? maxCost : nil, maxRequests: missesRequests ? maxRequests : nil,
        onLimit: onLimit ?? beside?.onLimit ?? .refuse,
        alertAt: beside?.alertAt ?? alertAt, zone: beside?.zone,
        downgrade: beside?.downgrade))
  }
}

extension BudgetScope {
  /// Reads `agent:researcher`, `supervisor:team`, `workflow:publish`, `saga:…`, `pool:…`, `step:publish/research` and
  /// `global`; nil for anything else.
  package init?(text: String) {
    if text == "global" {
      self = .global
      return
    }
    guard let colon = text.firstIndex(of: ":") else { return nil }
    let name = String(text[text.index(after: colon)...])
    guard !name.isEmpty else { return nil }
    switch text[..<colon] {
    case "agent": self = .agent(AgentName(name))
    case "supervisor": self = .supervisor(SupervisorName(name))
    case "workflow": self = .workflow(name)
    case "saga": self = .saga(name)
    case "pool": self = .pool(name)
    case "step":
      let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
      self = .step(flow: parts[0], step: parts[1])
    default: return nil
    }
  }
}
