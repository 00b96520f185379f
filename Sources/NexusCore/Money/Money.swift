// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// An amount of money in billionths of a US dollar.
///
/// The largest is about 9.2 billion dollars; sums saturate there.
package struct NanoUSD: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let value: Int64
  package init(_ value: Int64) { self.value = value }
  package static let zero = NanoUSD(0)
  package static let max = NanoUSD(.max)

  /// Saturating, because the number may come from a file.
  package static func dollars(_ dollars: Int64) -> NanoUSD {
    let (value, overflow) = dollars.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? NanoUSD(dollars < 0 ? .min : .max) : NanoUSD(value)
  }

  package static func < (left: NanoUSD, right: NanoUSD) -> Bool { left.value < right.value }

  /// Saturating: a cost too large to write down is still larger than every limit.
  package static func + (left: NanoUSD, right: NanoUSD) -> NanoUSD {
    NanoUSD(left.value.addingSaturating(right.value))
  }

  package static func - (left: NanoUSD, right: NanoUSD) -> NanoUSD {
    NanoUSD(left.value.subtractingSaturating(right.value))
  }

  package static func += (left: inout NanoUSD, right: NanoUSD) { left = left + right }
  package static func -= (left: inout NanoUSD, right: NanoUSD) { left = left - right }

  /// `$0.0125`: at least two decimals, at most nine, no trailing zeros beyond the second.
  package var description: String {
    let magnitude = value.magnitude
    var decimals = Array(String(1_000_000_000 + magnitude % 1_000_000_000).dropFirst())
    while decimals.count > 2, decimals.last == "0" { decimals.removeLast() }
    return "\(value < 0 ? "-" : "")$\(magnitude / 1_000_000_000).\(String(decimals))"
  }
}

/// A price in trillionths of a US dollar a token: `$0.15` per million tokens is 150,000.
package struct PicoUSDPerToken: Sendable, Hashable, Comparable {
  package let value: Int64
  package init(_ value: Int64) { self.value = value }
  package static let zero = PicoUSDPerToken(0)
  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// A number of tokens; sums saturate.
package struct TokenCount: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let value: Int64
  package init(_ value: Int64) { self.value = value }
  package static let zero = TokenCount(0)
  package var description: String { String(value) }
  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
  package static func + (left: Self, right: Self) -> Self { Self(left.value.addingSaturating(right.value)) }
  package static func - (left: Self, right: Self) -> Self { Self(left.value.subtractingSaturating(right.value)) }
  package static func += (left: inout Self, right: Self) { left = left + right }
}

/// The exact sum of products of token counts and prices, rounded up to a nano-dollar once, at the end.
package struct CostSum: Sendable {
  private var pico: Int128 = 0

  package init() {}

  package mutating func add(_ tokens: TokenCount, at price: PicoUSDPerToken) {
    // One product fits; the sum of several hostile ones may not, and saturates like every amount here.
    let product = Int128(tokens.value) * Int128(price.value)
    let (sum, overflow) = pico.addingReportingOverflow(product)
    pico = overflow ? (product < 0 ? .min : .max) : sum
  }

  /// The sum in nano-dollars: the ceiling, so that no fraction is ever lost to the spender's favour.
  package var rounded: NanoUSD {
    let nano = pico / 1000 + (pico % 1000 > 0 ? 1 : 0)
    return NanoUSD(Int64(clamping: nano))
  }
}

extension Int64 {
  package func addingSaturating(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  package func subtractingSaturating(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }
}
