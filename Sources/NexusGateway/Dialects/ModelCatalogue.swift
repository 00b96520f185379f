// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Where a model request goes.
package struct ModelTarget: Sendable, Hashable {
  /// `openai`, `local`.
  package let provider: String
  /// As the provider itself calls it.
  package let model: String
  /// `provider/model`: the name in prices, holds and charges.
  package let fullName: String
  let endpoint: Endpoint?
  /// How often a failed call is sent again, by its alias; nil where that does not say.
  var retries: Int?
  /// Where a call goes when it has failed here, by its alias.
  var fallbacks: [ModelTarget] = []

  var reference: ModelReference { ModelReference(provider: provider, model: model) }

  package init(provider: String, model: String) {
    self.init(provider: provider, model: model, endpoint: nil)
  }

  init(provider: String, model: String, endpoint: Endpoint?) {
    self.provider = provider
    self.model = model
    self.endpoint = endpoint
    fullName = "\(provider)/\(model)"
  }
}

/// Finds the provider of a model from the name that an agent or the configuration uses.
struct ModelCatalogue: Sendable {
  /// The provider whose models run inside naos and speak every dialect.
  static let local = "local"

  let providers: [String: ProviderEndpoint]
  let aliases: [String: ModelAlias]
  /// The names that an agent may ask for without their provider, where prices name the provider.
  let known: [String: [String]]

  /// `pricedModels` are names `provider/model`, which tell whose a bare name is.
  init(providers: [ProviderSpec], aliases: [ModelAlias], pricedModels: [String]) throws(GatewayError) {
    var byName: [String: ProviderEndpoint] = [:]
    for spec in providers { byName[spec.name] = try ProviderEndpoint(spec) }
    self.providers = byName
    self.aliases = Dictionary(aliases.map { ($0.alias, $0) }) { first, _ in first }
    var known: [String: [String]] = [:]
    for name in pricedModels {
      let parts = name.split(separator: "/", maxSplits: 1)
      if parts.count == 2 { known[String(parts[1]), default: []].append(String(parts[0])) }
    }
    self.known = known
  }

  /// The target of a model name in a request of the dialect.
  func resolve(_ name: String, dialect: Dialect) throws(GatewayError) -> ModelTarget {
    guard let alias = aliases[name] else { return try target(of: name, dialect) }
    var target = try target(of: alias.use, dialect)
    target.retries = alias.retries
    for name in alias.fallback {
      var next = try self.target(of: name, dialect)
      next.retries = alias.retries
      target.fallbacks.append(next)
    }
    return target
  }

  /// The target of a name that is no alias.
  private func target(of name: String, _ dialect: Dialect) throws(GatewayError) -> ModelTarget {
    if let slash = name.firstIndex(of: "/") {
      let provider = String(name[..<slash])
      let model = String(name[name.index(after: slash)...])
      if provider == Self.local, !model.isEmpty { return ModelTarget(provider: provider, model: model) }
      if let endpoint = providers[provider], !model.isEmpty {
        return try target(endpoint, model, dialect)
      }
    }
    return try target(owner(of: name, dialect: dialect), name, dialect)
  }

  private func target(_ provider: ProviderEndpoint, _ model: String, _ dialect: Dialect) throws(GatewayError)
    -> ModelTarget
  {
    guard provider.spec.dialect == dialect else {
      throw GatewayError(
        .dialectMismatch,
        "Provider '\(provider.spec.name)' speaks the \(provider.spec.dialect.rawValue) dialect; ask for its models at that endpoint."
      )
    }
    return ModelTarget(provider: provider.spec.name, model: model, endpoint: provider.endpoint)
  }

  /// Whose a bare model name is: the one provider with a price for it, or the only provider of the dialect.
  private func owner(of model: String, dialect: Dialect) throws(GatewayError) -> ProviderEndpoint {
    let priced = (known[model] ?? []).compactMap { providers[$0] }.filter { $0.spec.dialect == dialect }
    if let only = priced.first, priced.count == 1 { return only }
    let speaking = providers.values.filter { $0.spec.dialect == dialect }
    if let only = speaking.first, speaking.count == 1 { return only }
    if let namesake = speaking.first(where: { $0.spec.name == dialect.rawValue }) { return namesake }
    guard !speaking.isEmpty else {
      throw GatewayError(
        .unknownModel, "No provider of the \(dialect.rawValue) dialect is configured for model '\(model)'.")
    }
    let names = speaking.map(\.spec.name).sorted().joined(separator: ", ")
    throw GatewayError(.unknownModel, "Model '\(model)' could be any of the providers \(names); write provider/model.")
  }
}
