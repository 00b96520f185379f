// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel
internal import NexusStore

/// Finds the price of a model: the project's own prices first, then those of its files, then the built-in table.
package struct PriceBook: Sendable {
  /// Providers that run on the operator's own machines and cost nothing by the token.
  package static let freeProviders: Set<String> = ["local", "ollama"]
  /// Other names under which providers go that the table knows.
  private static let providerAliases = ["google": "gemini"]

  private var own: [String: ModelPrice] = [:]
  private let table: [String: ModelPrice]
  private let overlay: PriceOverlay

  package init(
    prices: [PriceSpec] = [], overlay: PriceOverlay = .none, table: [String: ModelPrice] = PriceTable.builtIn
  ) {
    self.table = table.merging(overlay.prices) { _, later in later }
    self.overlay = overlay
    for spec in prices {
      own[spec.model] = ModelPrice(
        rates: TokenRates(
          input: spec.input, output: spec.output, cacheRead: spec.cacheRead, cacheWrite5m: spec.cacheWrite),
        perRequest: spec.perRequest)
    }
  }

  /// The names `provider/model` that have a price, which tell whose a bare model name is.
  package var pricedModels: [String] { (table.keys + own.keys.filter { $0.contains("/") }).sorted() }

  /// The price of a provider's model; nil if nobody has stated it.
  ///
  /// By its exact name first, then as the dated snapshot or the `latest` of a model that is known.
  package func price(provider: String, model: String) -> ModelPrice? {
    var price = rates(provider: provider, model: model)
    price?.terms = ProviderTerms.builtIn[Self.providerAliases[provider] ?? provider] ?? .none
    return price
  }

  private func rates(provider: String, model: String) -> ModelPrice? {
    let names = Self.names(of: model)
    for name in names {
      if var price = own["\(provider)/\(name)"] ?? own[name] {
        let known = fromTable(provider, name)
        price.maxInput = known?.maxInput
        price.maxOutput = known?.maxOutput
        price.rates.soundInput = price.rates.soundInput ?? known?.rates.soundInput
        price.rates.soundOutput = price.rates.soundOutput ?? known?.rates.soundOutput
        price.rates.pictureOutput = price.rates.pictureOutput ?? known?.rates.pictureOutput
        return price
      }
    }
    if Self.freeProviders.contains(provider) { return .free }
    return names.lazy.compactMap { fromTable(provider, $0) }.first
  }

  /// Where the price of a name `provider/model` stands.
  package func origin(_ name: String) -> String {
    if own[name] != nil { return "cost.models" }
    return overlay.files[name] ?? "built-in"
  }

  /// Where the price of a provider's model stands, with the version of that.
  func source(provider: String, model: String) -> String {
    let names = Self.names(of: model)
    if names.contains(where: { own["\(provider)/\($0)"] != nil || own[$0] != nil }) { return "cost.models" }
    if Self.freeProviders.contains(provider) { return ChargePrice.free.source }
    let known = names.map { "\(Self.providerAliases[provider] ?? provider)/\($0)" }.first { table[$0] != nil }
    if let file = known.flatMap({ overlay.files[$0] }) { return file }
    return "built-in \(PriceRows.asOf)"
  }

  /// A flagship's price, for an estimate where the price is unknown and the mode is soft.
  package static let estimate = ModelPrice(
    rates: TokenRates(input: PicoUSDPerToken(5_000_000), output: PicoUSDPerToken(30_000_000)))

  private func fromTable(_ provider: String, _ name: String) -> ModelPrice? {
    table["\(Self.providerAliases[provider] ?? provider)/\(name)"]
  }

  /// The name itself and, where it ends in a date or in `latest`, the name before that.
  static func names(of model: String) -> [String] {
    let bare = model.hasPrefix("models/") ? String(model.dropFirst(7)) : model
    var names = [bare]
    for suffix in ["-latest", "@latest", ":latest"] where bare.hasSuffix(suffix) {
      names.append(String(bare.dropLast(suffix.count)))
    }
    if let base = Self.withoutDate(bare) { names.append(base) }
    return names
  }

  /// `gpt-4o-2024-08-06`, `claude-sonnet-4-20250514` and `…@20250514` without their dates; nil without one.
  private static func withoutDate(_ name: String) -> String? {
    let bytes = Array(name.utf8)
    for (pattern, count) in [("-dddd-dd-dd", 11), ("-dddddddd", 9), ("@dddddddd", 9)] where bytes.count > count {
      let matches = zip(bytes.suffix(count), pattern.utf8).allSatisfy { byte, expected in
        expected == UInt8(ascii: "d") ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == expected
      }
      if matches { return String(decoding: bytes.dropLast(count), as: UTF8.self) }
    }
    return nil
  }
}
