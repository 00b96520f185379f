// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import Testing

@Suite struct PriceTests {
  @Test func `every built-in row is read and plausible`() {
    #expect(PriceTable.builtIn.count > 100)
    for (name, price) in PriceTable.builtIn {
      #expect(price.rates.output >= .zero && price.rates.input <= PicoUSDPerToken(200_000_000), "\(name)")
      #expect(price.rates.cacheRead <= price.rates.input, "\(name)")
      #expect(price.rates.cacheWrite5m >= price.rates.input && price.rates.cacheWrite1h >= price.rates.cacheWrite5m)
      #expect(price.maxOutput ?? .zero > .zero || name.contains("embedding"), "\(name)")
      #expect(price.maxInput ?? .zero > .zero, "\(name)")
      if let long = price.longPrompt { #expect(long.rates.input > price.rates.input, "\(name)") }
    }
  }

  @Test(arguments: [("0", 0), ("2", 2_000_000), ("0.15", 150_000), ("22.5", 22_500_000), ("0.003625", 3625)])
  func `a rate is exact`(text: String, pico: Int64) {
    #expect(PriceTable.rate(text[...]) == PicoUSDPerToken(pico))
  }

  @Test(arguments: ["", ".", "-1", "1.", "1.0000001", "1e3", "0x1", "1.2.3", "99999999999999999999", "1,5", "1.-5"])
  func `what is no rate is refused`(text: String) {
    let rate = PriceTable.rate(text[...])
    #expect(text == "1." ? rate == PicoUSDPerToken(1_000_000) : rate == nil)
  }

  @Test(arguments: ["a/b 1", "a/b 1 x", "a/b 1 2 read", "a/b 1 2 foo=3", "a/b 1 2 max=many", "a/b 1 2 long=5 lin=3"])
  func `a row that is not understood is no row`(row: String) {
    #expect(PriceTable.parse(row[...]) == nil)
  }

  @Test func `a model is found by its name, its dated snapshot and its latest`() {
    let book = PriceBook()
    let plain = book.price(provider: "openai", model: "gpt-4o-mini")
    #expect(plain?.rates.input == PicoUSDPerToken(150_000))
    #expect(book.price(provider: "openai", model: "gpt-4o-mini-2024-07-18") == plain)
    #expect(
      book.price(provider: "anthropic", model: "claude-sonnet-4-6-20260217")?.rates.output
        == PicoUSDPerToken(15_000_000))
    #expect(book.price(provider: "anthropic", model: "claude-3-5-haiku-latest") != nil)
    #expect(book.price(provider: "google", model: "models/gemini-2.5-pro")?.longPrompt?.above == TokenCount(200_000))
    // The snapshot with a price of its own keeps it.
    #expect(book.price(provider: "openai", model: "gpt-4o-2024-05-13")?.rates.input == PicoUSDPerToken(5_000_000))
  }

  @Test func `a name that is only similar is unknown`() {
    let book = PriceBook()
    for name in ["gpt-4o-mini2", "gpt-4o-2024-13", "GPT-4o", "gpt-4o-mini-2024-07-1x", "gpt", ""] {
      #expect(book.price(provider: "openai", model: name) == nil, "\(name)")
    }
    #expect(book.price(provider: "elsewhere", model: "gpt-4o") == nil)
  }

  @Test func `the project's prices come before the table's`() {
    let book = PriceBook(prices: [
      PriceSpec(model: "openai/gpt-4o", input: PicoUSDPerToken(7), output: PicoUSDPerToken(8)),
      PriceSpec(model: "gpt-4o", input: PicoUSDPerToken(1), output: PicoUSDPerToken(2), perRequest: NanoUSD(3)),
      PriceSpec(model: "local/big", input: PicoUSDPerToken(5), output: PicoUSDPerToken(5)),
    ])
    #expect(book.price(provider: "openai", model: "gpt-4o")?.rates.input == PicoUSDPerToken(7))
    #expect(book.price(provider: "openai", model: "gpt-4o")?.maxOutput == TokenCount(16_384))
    #expect(book.price(provider: "proxy", model: "gpt-4o")?.perRequest == NanoUSD(3))
    #expect(book.price(provider: "proxy", model: "gpt-4o-2024-08-06")?.rates.input == PicoUSDPerToken(1))
    #expect(book.price(provider: "local", model: "big")?.rates.input == PicoUSDPerToken(5))
    #expect(book.price(provider: "local", model: "extractive") == .free)
    #expect(book.price(provider: "ollama", model: "llama3.3") == .free)
    #expect(book.pricedModels.contains("openai/gpt-4o") && book.pricedModels.contains("local/big"))
    #expect(!book.pricedModels.contains("gpt-4o"))
  }

  @Test func `each bucket is charged at its own rate, and the sum is rounded up once`() {
    let rates = TokenRates(
      input: PicoUSDPerToken(1000), output: PicoUSDPerToken(10_000), cacheRead: PicoUSDPerToken(100),
      cacheWrite5m: PicoUSDPerToken(1250), cacheWrite1h: PicoUSDPerToken(2000))
    let price = ModelPrice(rates: rates, perRequest: NanoUSD(7))
    var used = CallUsage()
    used.uncachedInput = TokenCount(3)
    used.cacheRead = TokenCount(5)
    used.cacheWrite5m = TokenCount(4)
    used.cacheWrite1h = TokenCount(2)
    used.output = TokenCount(6)
    used.reasoning = TokenCount(4)
    // 3000 + 500 + 5000 + 4000 + 60000 = 72500 pico-dollars.
    #expect(price.cost(of: used) == NanoUSD(73 + 7))
    #expect(ModelPrice.free.cost(of: used) == .zero)
  }

  @Test func `a long prompt is charged at the long rates as a whole, cached tokens counting`() {
    let long = ModelPrice.LongPrompt(
      above: TokenCount(100), rates: TokenRates(input: PicoUSDPerToken(5000), output: PicoUSDPerToken(9000)))
    let price = ModelPrice(
      rates: TokenRates(input: PicoUSDPerToken(1000), output: PicoUSDPerToken(3000), cacheRead: .zero), longPrompt: long
    )
    var used = usage(input: 60, output: 1)
    used.cacheRead = TokenCount(40)
    #expect(price.cost(of: used) == NanoUSD(63))
    used.cacheRead = TokenCount(41)
    #expect(price.cost(of: used) == NanoUSD(5 * 101 + 9))
    #expect(price.worstRates(upTo: TokenCount(100), writes: .none).input == PicoUSDPerToken(1000))
    #expect(price.worstRates(upTo: TokenCount(101), writes: .none).output == PicoUSDPerToken(9000))
  }

  @Test func `the dearest input is that of the cache entries that may be written`() {
    let rates = TokenRates(
      input: PicoUSDPerToken(4), output: .zero, cacheRead: PicoUSDPerToken(1), cacheWrite5m: PicoUSDPerToken(5),
      cacheWrite1h: PicoUSDPerToken(8))
    #expect([.none, .short, .long].map { rates.dearestInput($0).value } == [4, 5, 8])
  }
}
