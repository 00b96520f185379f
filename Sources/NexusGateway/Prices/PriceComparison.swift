// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What another price for a model means beside the one that holds.
package struct PriceChange: Sendable, Hashable {
  package enum Kind: String, Sendable {
    case added, raised, lowered, same
    /// More than ten times as much or as little, or off by the thousands that one unit has more than another: a slip.
    case implausible
  }
  package var model: String
  package var old: ModelPrice?
  package var new: ModelPrice
  package var kind: Kind
  /// What is odd about it; nil where nothing is.
  package var oddity: String?
}

package enum PriceComparison {
  /// A price may be this many times another one of the same model, or a part of it.
  static let plausibleFactor: Int64 = 10
  /// Dollars for a million tokens beyond which nobody has sold any yet.
  static let plausibleRate = PicoUSDPerToken(2_000_000_000)

  package static func change(of model: String, from old: ModelPrice?, to new: ModelPrice) -> PriceChange {
    var change = PriceChange(model: model, old: old, new: new, kind: .same)
    if let oddity = oddity(new, beside: old) {
      change.kind = .implausible
      change.oddity = oddity
      return change
    }
    guard let old else {
      change.kind = .added
      return change
    }
    let pairs = zip(rates(old), rates(new))
    if pairs.contains(where: { $0 > $1 }) { change.kind = .lowered }
    if pairs.contains(where: { $0 < $1 }) { change.kind = .raised }
    return change
  }

  /// At each place the dearer of two prices, for who wants to be on the safe side of both.
  package static func dearer(_ old: ModelPrice, _ new: ModelPrice) -> ModelPrice {
    var price = new
    price.rates = dearer(old.rates, new.rates)
    if let before = old.longPrompt {
      guard let after = new.longPrompt else {
        price.longPrompt = before
        return price
      }
      price.longPrompt = ModelPrice.LongPrompt(
        above: min(before.above, after.above), rates: dearer(before.rates, after.rates))
    }
    return price
  }

  private static func dearer(_ old: TokenRates, _ new: TokenRates) -> TokenRates {
    func most(_ left: PicoUSDPerToken?, _ right: PicoUSDPerToken?) -> PicoUSDPerToken? {
      [left, right].compactMap(\.self).max()
    }
    return TokenRates(
      input: max(old.input, new.input), output: max(old.output, new.output),
      cacheRead: max(old.cacheRead, new.cacheRead), cacheWrite5m: max(old.cacheWrite5m, new.cacheWrite5m),
      cacheWrite1h: max(old.cacheWrite1h, new.cacheWrite1h), soundInput: most(old.soundInput, new.soundInput),
      soundOutput: most(old.soundOutput, new.soundOutput), pictureOutput: most(old.pictureOutput, new.pictureOutput))
  }

  /// The rates that are compared, in one order: those of long prompts too.
  private static func rates(_ price: ModelPrice) -> [PicoUSDPerToken] {
    let long = price.longPrompt?.rates ?? price.rates
    return [price.rates, long].flatMap {
      [
        $0.input, $0.output, $0.cacheRead, $0.cacheWrite5m, $0.cacheWrite1h, $0.soundInput ?? $0.input,
        $0.soundOutput ?? $0.output, $0.pictureOutput ?? $0.output,
      ]
    }
  }

  private static func oddity(_ new: ModelPrice, beside old: ModelPrice?) -> String? {
    if let old, let oddity = oddity(new, than: old) { return oddity }
    guard let high = rates(new).max(), high > plausibleRate else { return nil }
    return "$\(PriceTable.decimal(high)) for a million tokens: is that the price of other units?"
  }

  private static func oddity(_ new: ModelPrice, than old: ModelPrice) -> String? {
    for (name, before, after) in [
      ("input", old.rates.input, new.rates.input), ("output", old.rates.output, new.rates.output),
    ] where before > .zero {
      let factor = Int128(after.value) / Int128(before.value)
      if factor >= 1000 { return "\(name) is \(factor) times what it was: is it the price of a million, or of one?" }
      if Int128(after.value) > Int128(before.value) * Int128(plausibleFactor) {
        return "\(name) is more than \(plausibleFactor) times what it was"
      }
      if Int128(after.value) * Int128(plausibleFactor) < Int128(before.value) {
        return "\(name) is less than a tenth of what it was"
      }
    }
    return nil
  }
}
