// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The prices that are built in: list prices of the standard tier, in dollars per million tokens.
///
/// A table, not a service: it works offline, and a project states its own prices under `cost.models`.
package enum PriceTable {
  package static let builtIn: [String: ModelPrice] = {
    var prices: [String: ModelPrice] = [:]
    for line in PriceRows.text.split(separator: "\n") {
      guard let (name, price) = parse(line) else { preconditionFailure("the built-in price table is well formed") }
      prices[name] = price
    }
    return prices
  }()

  /// Reads `provider/model input output [key=value …]`; nil if a part of it is not understood.
  ///
  /// `read`, `write`, `write1h`: cached tokens; `ain`, `aout`: sound; `iout`: pictures; `max`: longest answer; `window`:
  /// longest prompt; `long`: the length of a prompt above which `lin`, `lout`, `lread`, `lwrite`, `lwrite1h`, `lain`
  /// apply.
  package static func parse(_ line: Substring) -> (name: String, price: ModelPrice)? {
    let words = line.split(separator: " ")
    guard words.count >= 3, let input = rate(words[1]), let output = rate(words[2]) else { return nil }
    var values: [Substring: PicoUSDPerToken] = [:]
    var counts: [Substring: TokenCount] = [:]
    for word in words.dropFirst(3) {
      let parts = word.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { return nil }
      switch parts[0] {
      case "max", "window", "long":
        guard let count = Int64(parts[1]) else { return nil }
        counts[parts[0]] = TokenCount(count)
      case "read", "write", "write1h", "ain", "aout", "iout", "lin", "lout", "lread", "lwrite", "lwrite1h", "lain":
        guard let value = rate(parts[1]) else { return nil }
        values[parts[0]] = value
      default: return nil
      }
    }
    var price = ModelPrice(
      rates: TokenRates(
        input: input, output: output, cacheRead: values["read"], cacheWrite5m: values["write"],
        cacheWrite1h: values["write1h"], soundInput: values["ain"], soundOutput: values["aout"],
        pictureOutput: values["iout"]),
      maxInput: counts["window"], maxOutput: counts["max"])
    if let above = counts["long"] {
      guard let longInput = values["lin"], let longOutput = values["lout"] else { return nil }
      price.longPrompt = ModelPrice.LongPrompt(
        above: above,
        rates: TokenRates(
          input: longInput, output: longOutput, cacheRead: values["lread"], cacheWrite5m: values["lwrite"],
          cacheWrite1h: values["lwrite1h"], soundInput: values["lain"] ?? values["ain"], soundOutput: values["aout"],
          pictureOutput: values["iout"]))
    }
    return (String(words[0]), price)
  }

  /// Dollars per million tokens, exactly: at most six decimals.
  package static func rate(_ text: Substring) -> PicoUSDPerToken? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let whole = Int64(parts[0]), whole >= 0 else { return nil }
    let decimals = parts.count == 2 ? parts[1] : ""
    guard decimals.utf8.count <= 6, decimals.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    let fraction = Int64(decimals + String(repeating: "0", count: 6 - decimals.utf8.count)) ?? 0
    let (product, overflow) = whole.multipliedReportingOverflow(by: 1_000_000)
    return overflow ? nil : PicoUSDPerToken(product.addingSaturating(fraction))
  }
}
