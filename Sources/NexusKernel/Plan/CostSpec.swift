// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The wire language of a model API.
package enum Dialect: String, Sendable, CaseIterable { case openai, anthropic, gemini }

/// Where models of one provider are reached.
package struct ProviderSpec: Sendable, Hashable {
  package var name: String
  package var dialect: Dialect
  /// What that provider's own SDK calls `base_url`: for OpenAI with `/v1`, for Anthropic without.
  package var baseURL: String
  /// The real credential, already read from the environment; nil sends none.
  ///
  /// Never logged, never journaled.
  package var apiKey: SecretText?
  /// The name of the secret that `apiKey` comes from; nil where it comes from elsewhere.
  package var secret: String?
  package var headers: [EnvironmentVariable]
  /// What stands behind the `?` of every call, in order; not encoded yet.
  package var query: [EnvironmentVariable]
  /// The header field that takes the credential as it is; nil for that of the dialect.
  package var keyHeader: String?
  /// The member of the query that says which version of its API Azure is to speak.
  package static let apiVersion = "api-version"
  package init(
    name: String, dialect: Dialect, baseURL: String, apiKey: SecretText? = nil, headers: [EnvironmentVariable] = [],
    query: [EnvironmentVariable] = [], keyHeader: String? = nil
  ) {
    self.query = query
    self.keyHeader = keyHeader
    self.name = name
    self.dialect = dialect
    self.baseURL = baseURL
    self.apiKey = apiKey
    self.headers = headers
  }
}

/// Another name for a model, with what to try when it fails.
package struct ModelAlias: Sendable, Hashable {
  package var alias: String
  /// `provider/model`.
  package var use: String
  /// How often a call that failed without cost is sent again; nil leaves it to the node.
  package var retries: Int?
  /// `provider/model`, in the order in which they are tried when the ones before are given up.
  package var fallback: [String]
  package init(alias: String, use: String, retries: Int? = nil, fallback: [String] = []) {
    self.alias = alias
    self.use = use
    self.retries = retries
    self.fallback = fallback
  }
}

/// A limit on what a scope may spend in a window.
package struct BudgetSpec: Sendable, Hashable {
  package var scope: BudgetScope
  package var window: BudgetWindow
  /// Whose days, weeks and months they are; nil for UTC's.
  package var zone: BudgetZone?
  package var maxTokens: TokenCount?
  package var maxCost: NanoUSD?
  /// The most calls that may be made; a call that never reached its provider is none.
  package var maxRequests: Int64?
  package var onLimit: OnLimit
  /// Percentages at which to alert, ascending.
  package var alertAt: [Int]
  /// Which models stand in for others when the limit comes near; nil for none.
  package var downgrade: DowngradeSpec?
  package init(
    scope: BudgetScope, window: BudgetWindow = .lifetime, maxTokens: TokenCount? = nil, maxCost: NanoUSD? = nil,
    maxRequests: Int64? = nil, onLimit: OnLimit = .refuse, alertAt: [Int] = [], zone: BudgetZone? = nil,
    downgrade: DowngradeSpec? = nil
  ) {
    self.downgrade = downgrade
    self.zone = window.followsZone ? zone : nil
    self.scope = scope
    self.window = window
    self.maxTokens = maxTokens
    self.maxCost = maxCost
    self.maxRequests = maxRequests
    self.onLimit = onLimit
    self.alertAt = alertAt
  }

  /// The window as counters name it.
  package var name: WindowName { WindowName(window, zone: zone?.name) }

  package var limit: SpendLimit { SpendLimit(cost: maxCost, tokens: maxTokens, requests: maxRequests) }
}

package enum BudgetScope: Sendable, Hashable {
  /// All that one agent spends.
  case agent(AgentName)
  /// All that one supervisor's agents spend together.
  case supervisor(SupervisorName)
  /// All that the runs of one workflow, saga or pool spend, with the agents and the runs in them.
  case workflow(String)
  case saga(String)
  case pool(String)
  /// All that one step of a flow spends, over all its runs.
  case step(flow: String, step: String)
  /// The whole project.
  case global

  package var text: String {
    switch self {
    case .agent(let name): "agent:\(name)"
    case .supervisor(let name): "supervisor:\(name)"
    case .workflow(let name): "workflow:\(name)"
    case .saga(let name): "saga:\(name)"
    case .pool(let name): "pool:\(name)"
    case .step(let flow, let step): .linked("step:", flow, "/", step)
    case .global: "global"
    }
  }

  /// The scope of a flow; nil for the run of an agent.
  package static func flow(_ kind: RunKind, _ name: String) -> BudgetScope? {
    switch kind {
    case .agent: nil
    case .workflow: .workflow(name)
    case .saga: .saga(name)
    case .pool: .pool(name)
    }
  }

  package var isOfFlow: Bool {
    switch self {
    case .workflow, .saga, .pool, .step: true
    case .agent, .supervisor, .global: false
    }
  }
}

package enum BudgetWindow: String, Sendable, CaseIterable {
  case run, hour, day, week, month, lifetime

  /// The calendar ends it.
  package var hasEnd: Bool { self != .run && self != .lifetime }
}

/// What one model costs; what is absent falls back to the input or output price.
package struct PriceSpec: Sendable, Hashable {
  /// `model` or `provider/model`.
  package var model: String
  package var input: PicoUSDPerToken
  package var output: PicoUSDPerToken
  package var cacheRead: PicoUSDPerToken?
  package var cacheWrite: PicoUSDPerToken?
  /// A flat price a request, in nano-USD, on top of the tokens.
  package var perRequest: NanoUSD
  package init(
    model: String, input: PicoUSDPerToken, output: PicoUSDPerToken, cacheRead: PicoUSDPerToken? = nil,
    cacheWrite: PicoUSDPerToken? = nil, perRequest: NanoUSD = .zero
  ) {
    self.model = model
    self.input = input
    self.output = output
    self.cacheRead = cacheRead
    self.cacheWrite = cacheWrite
    self.perRequest = perRequest
  }
}
