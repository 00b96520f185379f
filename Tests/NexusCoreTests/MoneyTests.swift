// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

@Suite struct MoneyTests {
  @Test func `sums saturate in both directions`() {
    #expect(NanoUSD.max + NanoUSD(1) == .max)
    #expect(NanoUSD(.min) - NanoUSD(1) == NanoUSD(.min))
    #expect(NanoUSD(.min) + NanoUSD(-1) == NanoUSD(.min))
    #expect(NanoUSD.zero - NanoUSD(.min) == .max)
    #expect(TokenCount(.max) + TokenCount(.max) == TokenCount(.max))
    #expect(NanoUSD.dollars(.max) == .max)
    #expect(NanoUSD.dollars(.min) == NanoUSD(.min))
    #expect(NanoUSD.dollars(5) == NanoUSD(5_000_000_000))
  }

  @Test(
    arguments: [
      (0, "$0.00"), (1, "$0.000000001"), (10_000_000, "$0.01"), (12_500_000, "$0.0125"), (5_000_000_000, "$5.00"),
      (1_999_999_999, "$1.999999999"), (-2_000_000, "-$0.002"), (Int64.max, "$9223372036.854775807"),
      (Int64.min, "-$9223372036.854775808"),
    ] as [(Int64, String)])
  func `an amount is written with two to nine decimals`(value: Int64, text: String) {
    #expect(NanoUSD(value).description == text)
  }

  @Test func `a cost is rounded up once, at the end`() {
    var sum = CostSum()
    sum.add(TokenCount(1), at: PicoUSDPerToken(1))
    #expect(sum.rounded == NanoUSD(1))
    for _ in 0..<999 { sum.add(TokenCount(1), at: PicoUSDPerToken(1)) }
    #expect(sum.rounded == NanoUSD(1))
    sum.add(TokenCount(1), at: PicoUSDPerToken(1))
    #expect(sum.rounded == NanoUSD(2))
    #expect(CostSum().rounded == .zero)
  }

  @Test func `the price of a million tokens is exact`() {
    var sum = CostSum()
    sum.add(TokenCount(1_000_000), at: PicoUSDPerToken(150_000))
    sum.add(TokenCount(1_000_000), at: PicoUSDPerToken(600_000))
    #expect(sum.rounded.description == "$0.75")
  }

  @Test func `hostile counts saturate instead of trapping`() {
    var sum = CostSum()
    for _ in 0..<8 { sum.add(TokenCount(.max), at: PicoUSDPerToken(.max)) }
    #expect(sum.rounded == .max)
    var negative = CostSum()
    for _ in 0..<8 { negative.add(TokenCount(.min), at: PicoUSDPerToken(.max)) }
    #expect(negative.rounded == NanoUSD(.min))
  }

  @Test func `a rounded cost is never below the true one and less than a nano-dollar above it`() {
    var random = SeededRandom(seed: 3)
    for _ in 0..<5000 {
      let tokens = Int64.random(in: 0...2_000_000, using: &random)
      let price = Int64.random(in: 0...100_000_000, using: &random)
      var sum = CostSum()
      sum.add(TokenCount(tokens), at: PicoUSDPerToken(price))
      let exact = Int128(tokens) * Int128(price)
      let rounded = Int128(sum.rounded.value) * 1000
      #expect(rounded >= exact && rounded - exact < 1000)
    }
  }
}
