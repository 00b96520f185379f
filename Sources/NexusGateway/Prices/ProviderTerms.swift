// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a provider asks beside the tokens of the standard service: how its other services compare, and fees for tools.
package struct ProviderTerms: Sendable, Hashable {
  /// The price in percent of the standard service's, for each choice of another.
  package var percents: [ServiceOption: Int64]
  /// What one use of a tool costs that the provider runs.
  package var fees: [HostedTool: NanoUSD]

  package init(percents: [ServiceOption: Int64] = [:], fees: [HostedTool: NanoUSD] = [:]) {
    self.percents = percents
    self.fees = fees
  }

  package static let none = ProviderTerms()

  /// By provider, from the same pages as the table of prices; of prices that differ by model, the dearest.
  package static let builtIn: [String: ProviderTerms] = [
    "openai": ProviderTerms(
      percents: [
        ServiceOption(.tier, "priority"): 250, ServiceOption(.tier, "flex"): 50, ServiceOption(.tier, "batch"): 50,
      ], fees: [.webSearch: NanoUSD(10_000_000), .fileSearch: NanoUSD(2_500_000)]),
    "anthropic": ProviderTerms(
      percents: [
        ServiceOption(.tier, "priority"): 100, ServiceOption(.tier, "batch"): 50, ServiceOption(.speed, "fast"): 600,
        ServiceOption(.geo, "us"): 110,
      ], fees: [.webSearch: NanoUSD(10_000_000), .webFetch: .zero]),
    "gemini": ProviderTerms(percents: [ServiceOption(.tier, "flex"): 50, ServiceOption(.tier, "batch"): 50]),
  ]

  /// What an answer names where it was served at the list price.
  private static let listed: Set<String> = [
    "default", "standard", "standard_only", "global", "not_available", "on_demand", "scale",
    "auto",
  ]

  /// The price in percent that a request for it can come to; nil where nobody knows.
  package func percent(_ option: ServiceOption) -> Int64? {
    // The provider's own settings decide then.
    if option.value == "auto" { return dearest(option.kind) }
    return percents[option]
  }

  /// The price in percent at which a call was served.
  package func percent(_ options: [ServiceOption]) -> Int64 {
    options.reduce(100) { percent, option in
      let own = Self.listed.contains(option.value.lowercased()) ? 100 : percents[option] ?? dearest(option.kind) ?? 100
      return percent.multipliedSaturating(by: own) / 100
    }
  }

  private func dearest(_ kind: ServiceOption.Kind) -> Int64? {
    percents.filter { $0.key.kind == kind }.values.max().map { max($0, 100) }
  }

  package func fee(_ tool: HostedTool, uses: Int64) -> NanoUSD {
    NanoUSD((fees[tool] ?? .zero).value.multipliedSaturating(by: max(0, uses)))
  }
}

extension PicoUSDPerToken {
  /// Rounded up.
  func scaled(percent: Int64) -> PicoUSDPerToken {
    PicoUSDPerToken(Int64(clamping: (Int128(value) * Int128(percent) + 99) / 100))
  }
}
