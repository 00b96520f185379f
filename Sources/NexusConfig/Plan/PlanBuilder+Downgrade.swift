// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusDiagnostics
package import NexusKernel

/// Whether a model costs less than another, both as `provider/model`, by the prices of a plan and whatever else is known;
/// nil where a price is not.
package typealias CheaperCheck = @Sendable (_ model: String, _ other: String, _ prices: [PriceSpec]) -> Bool?

// Cheaper models that take over when a budget comes near to its limit.
extension PlanBuilder {
  /// The models of one budget, of which all that is wrong is reported.
  mutating func downgrade(_ sources: [Fields], _ entry: Shaped) -> DowngradeSpec? {
    guard let fields = sources.compactMap({ $0.fields("downgrade") }).first else {
      checkDowngradeWord(sources, entry)
      return nil
    }
    var spec = DowngradeSpec(models: [:])
    if case .percentage(let percent)? = fields.value("at")?.content { spec.at = percent }
    let value = fields.value("models")
    for entry in value?.entries ?? [] {
      guard let dearer = fullName(entry.key, at: entry.keyLocation), let text = entry.value.text,
        let cheaper = fullName(text, at: entry.value.location)
      else { continue }
      spec.models[dearer] = cheaper
      downgrades.append(Downgrade(dearer: dearer, cheaper: cheaper, location: entry.value.location))
    }
    if let value, value.entries?.isEmpty ?? false {
      report(
        Diagnostic(
          "NX-CFG-260", "`downgrade` names no models", at: value.location,
          help: "write `models: { openai/gpt-4o: openai/gpt-4o-mini }`"))
    }
    return spec.models.isEmpty ? nil : spec
  }

  /// `onLimit: downgrade` says what the key `downgrade` would have to say.
  private mutating func checkDowngradeWord(_ sources: [Fields], _ entry: Shaped) {
    let isMeant = sources.contains { $0.text("onLimit") == "downgrade" && !$0.has("downgrade") }
    guard isMeant, !sources.contains(where: { $0.has("downgrade") }) else { return }
    report(
      Diagnostic(
        "NX-CFG-260", "`onLimit: downgrade` does not say which model takes over",
        at: sources.compactMap { $0.value("onLimit")?.location }.first ?? entry.location,
        help: "add `downgrade: { models: { openai/gpt-4o: openai/gpt-4o-mini } }`"))
  }

  /// A pair of models, to be compared when all prices are known.
  struct Downgrade {
    var dearer: String
    var cheaper: String
    var location: SourceLocation
  }

  /// A name as prices have it: an alias stands for what it uses.
  private mutating func fullName(_ text: String, at location: SourceLocation) -> String? {
    if let alias = plan.models.first(where: { $0.alias == text }) { return alias.use }
    guard text.split(separator: "/", maxSplits: 1).count == 2 else {
      report(
        Diagnostic(
          "NX-CFG-216", "`\(text)` does not name a provider", at: location,
          help: "write provider/model, or an alias of `models`"))
      return nil
    }
    checkProvider(of: text, at: location)
    return text
  }

  /// Each has to be cheaper, and spoken to alike: nothing is translated.
  mutating func checkDowngrades() {
    for pair in downgrades {
      if let other = dialect(of: pair.cheaper), let own = dialect(of: pair.dearer), own != other {
        report(
          Diagnostic(
            "NX-CFG-260",
            "`\(pair.cheaper)` speaks the \(other.rawValue) dialect, and `\(pair.dearer)` the \(own.rawValue) dialect",
            at: pair.location, help: "name a model of a provider that speaks the same"))
        continue
      }
      switch isCheaper(pair.cheaper, pair.dearer, plan.prices) {
      case true?: continue
      case false?:
        report(
          Diagnostic(
            "NX-CFG-261", "`\(pair.cheaper)` is not cheaper than `\(pair.dearer)`", at: pair.location,
            help: "name a model that costs no more in any respect; `naos prices show` has the prices"))
      case nil:
        report(
          Diagnostic(
            "NX-CFG-261", "nobody knows whether `\(pair.cheaper)` is cheaper than `\(pair.dearer)`", at: pair.location,
            help: "state the prices of both under `cost.models`"))
      }
    }
  }

  /// By the prices of the configuration alone.
  static let ownPrices: CheaperCheck = { model, other, prices in
    func price(_ name: String) -> PriceSpec? {
      prices.first { $0.model == name } ?? prices.first { name.hasSuffix("/" + $0.model) }
    }
    guard let mine = price(model), let theirs = price(other) else { return nil }
    let amounts = [
      (mine.input.value, theirs.input.value), (mine.output.value, theirs.output.value),
      (mine.perRequest.value, theirs.perRequest.value),
    ]
    return amounts.allSatisfy { $0.0 <= $0.1 } && amounts.contains { $0.0 < $0.1 }
  }
}
