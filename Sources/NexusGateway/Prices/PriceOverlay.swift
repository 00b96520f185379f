// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Prices of a file in a project's `prices.d`: they come before the built-in table and behind `cost.models`.
///
/// A file has a row a line, in the form of the built-in table; `#` starts a comment.
package struct PriceOverlay: Sendable, Hashable {
  /// A line that is no row.
  package struct Problem: Sendable, Hashable {
    package var file: String
    package var line: Int
    package var text: String

    package init(file: String, line: Int, text: String) {
      self.file = file
      self.line = line
      self.text = text
    }
  }

  /// The most rows of all files together.
  package static let maxRows = 20_000

  package var prices: [String: ModelPrice]
  /// Which file has the row of a model.
  package var files: [String: String]

  package init(prices: [String: ModelPrice] = [:], files: [String: String] = [:]) {
    self.prices = prices
    self.files = files
  }

  package static let none = PriceOverlay()

  /// Reads a file over what the files before it said.
  package mutating func read(_ text: String, file: String) -> [Problem] {
    var problems: [Problem] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let row = line.prefix { $0 != "#" }
      if row.allSatisfy(\.isWhitespace) { continue }
      guard let (name, price) = PriceTable.parse(row), name.contains("/"), prices.count < Self.maxRows else {
        problems.append(Problem(file: file, line: index + 1, text: String(line.prefix(120))))
        continue
      }
      prices[name] = price
      files[name] = file
    }
    return problems
  }
}

extension PriceTable {
  /// The row of a model, as `parse` reads it.
  package static func row(_ name: String, _ price: ModelPrice) -> String {
    ([name] + words(price)).joined(separator: " ")
  }

  /// What of a price a charge is reckoned by, in the form of a row: without the lengths that only bound it.
  package static func rates(_ price: ModelPrice) -> String {
    var price = price
    (price.maxInput, price.maxOutput) = (nil, nil)
    let flat = price.perRequest == .zero ? [] : ["request=\(price.perRequest)"]
    return (words(price) + flat).joined(separator: " ")
  }

  private static func words(_ price: ModelPrice) -> [String] {
    let rates = price.rates
    var words = [decimal(rates.input), decimal(rates.output)]
    func add(_ key: String, _ rate: PicoUSDPerToken?, unless usual: PicoUSDPerToken?) {
      if let rate, rate != usual { words.append("\(key)=\(decimal(rate))") }
    }
    func add(_ key: String, _ count: TokenCount?) { if let count { words.append("\(key)=\(count)") } }
    add("read", rates.cacheRead, unless: rates.input)
    add("write", rates.cacheWrite5m, unless: rates.input)
    add("write1h", rates.cacheWrite1h, unless: rates.cacheWrite5m)
    add("ain", rates.soundInput, unless: nil)
    add("aout", rates.soundOutput, unless: nil)
    add("iout", rates.pictureOutput, unless: nil)
    add("window", price.maxInput)
    add("max", price.maxOutput)
    if let long = price.longPrompt {
      add("long", long.above)
      add("lin", long.rates.input, unless: nil)
      add("lout", long.rates.output, unless: nil)
      add("lread", long.rates.cacheRead, unless: long.rates.input)
      add("lwrite", long.rates.cacheWrite5m, unless: long.rates.input)
      add("lwrite1h", long.rates.cacheWrite1h, unless: long.rates.cacheWrite5m)
      add("lain", long.rates.soundInput, unless: rates.soundInput)
    }
    return words
  }

  /// Dollars per million tokens, exactly.
  package static func decimal(_ rate: PicoUSDPerToken) -> String {
    let fraction = String(1_000_000 + rate.value % 1_000_000).dropFirst()
    let kept = fraction.reversed().drop { $0 == "0" }.reversed()
    return kept.isEmpty ? "\(rate.value / 1_000_000)" : "\(rate.value / 1_000_000).\(String(kept))"
  }
}
