// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// What a call came to, before its counters are known.
struct ChargeDraft {
  var actual: Spend
  var basis: ChargeRow.Basis
  var usage: CallUsage?
  /// Nil for the price of its admission.
  var price: ChargePrice?

  init(_ actual: Spend, _ basis: ChargeRow.Basis, _ usage: CallUsage? = nil) {
    self.actual = actual
    self.basis = basis
    self.usage = usage
  }
}

extension ChargePrice {
  /// Of what no provider is asked for, or what costs nothing there.
  static let free = ChargePrice(source: "free", rates: "0 0")

  /// With what the answer was charged beside the rates: another service than the standard one, tools of the provider.
  func with(_ usage: CallUsage, _ terms: ProviderTerms) -> ChargePrice {
    // Most answers are of the standard service, and use no tools.
    if usage.options.isEmpty, usage.hosted.isEmpty { return self }
    var note = self
    let percent = terms.percent(usage.options)
    if percent != 100 { note.rates += " service=\(percent)%" }
    for (tool, uses) in usage.hosted.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where uses > 0 {
      note.rates += " \(tool.rawValue)=\(uses)x\(terms.fee(tool, uses: 1))"
    }
    return note
  }
}

extension PriceBook {
  /// What a charge says of the price that it was reckoned by.
  func note(of price: ModelPrice?, provider: String, model: String) -> ChargePrice {
    let rates = PriceTable.rates(price ?? Self.estimate)
    guard price != nil else { return ChargePrice(source: "estimate", rates: rates) }
    return ChargePrice(source: source(provider: provider, model: model), rates: rates)
  }
}
