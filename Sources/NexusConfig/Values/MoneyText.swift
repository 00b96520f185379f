// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel

/// Amounts of dollars as users write them: `5`, `5.00`, `$0.0125`; exact, never rounded.
package enum MoneyText {
  /// How many decimals a nano-dollar has.
  static let decimals = 9

  /// Nil for what is no amount, or a negative one.
  package static func parse(_ text: some StringProtocol) -> NanoUSD? {
    let digits = text.hasPrefix("$") ? text.dropFirst() : text[...]
    guard let decimal = ExactDecimal(digits), let value = decimal.scaled(byPowerOfTen: decimals), value >= 0 else {
      return nil
    }
    return NanoUSD(value)
  }

  /// Dollars a million tokens: 10^12 pico-dollars a dollar, 10^6 tokens a million.
  static func price(perMillionTokens text: some StringProtocol) -> PicoUSDPerToken? {
    let digits = text.hasPrefix("$") ? text.dropFirst() : text[...]
    guard let decimal = ExactDecimal(digits), let value = decimal.scaled(byPowerOfTen: 6), value >= 0 else {
      return nil
    }
    return PicoUSDPerToken(value)
  }

  /// `5`, `0.0125`: what `parse` reads back as the same amount.
  static func text(_ amount: NanoUSD) -> String { plain(amount.value, decimals: decimals) }

  static func text(_ price: PicoUSDPerToken) -> String { plain(price.value, decimals: 6) }

  private static func plain(_ value: Int64, decimals: Int) -> String {
    var digits = String(value.magnitude)
    while digits.count <= decimals { digits = "0" + digits }
    let whole = digits.dropLast(decimals)
    var fraction = digits.suffix(decimals)
    while fraction.last == "0" { fraction = fraction.dropLast() }
    return (value < 0 ? "-" : "") + (fraction.isEmpty ? whole : whole + "." + fraction)
  }
}

/// A budget in one line: `$10/day`, `$5`, `100000 tokens/hour`, `200 requests/day`.
struct BudgetText: Sendable, Hashable {
  var maxTokens: TokenCount?
  var maxCost: NanoUSD?
  var maxRequests: Int64?
  var window: BudgetWindow?

  init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    var amount = parts[0][...]
    while amount.last == " " { amount.removeLast() }
    if parts.count == 2 {
      guard let window = BudgetWindow(rawValue: String(parts[1].drop { $0 == " " })) else { return nil }
      self.window = window
    }
    if let count = Self.count(amount, unit: "tokens") ?? Self.count(amount, unit: "token") {
      maxTokens = TokenCount(count)
    } else if let count = Self.count(amount, unit: "requests") ?? Self.count(amount, unit: "request") {
      maxRequests = count
    } else if let money = MoneyText.parse(amount) {
      maxCost = money
    } else {
      return nil
    }
  }

  private static func count(_ text: Substring, unit: String) -> Int64? {
    guard text.hasSuffix(unit) else { return nil }
    let digits = text.dropLast(unit.count).filter { $0 != " " && $0 != "_" }
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
    return Int64(digits)
  }
}
