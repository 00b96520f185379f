// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import Testing

struct PriceFileTests {
  @Test func `every built-in row is written as it is read`() {
    for (name, price) in PriceTable.builtIn {
      let row = PriceTable.row(name, price)
      let read = PriceTable.parse(row[...])
      #expect(read?.name == name)
      #expect(read?.price == price, "\(row)")
    }
  }

  @Test(arguments: [
    (Int64(0), "0"), (1, "0.000001"), (150_000, "0.15"), (1_000_000, "1"), (22_500_000, "22.5"),
    (1_000_001, "1.000001"),
  ])
  func `a rate is written exactly`(pico: Int64, text: String) {
    #expect(PriceTable.decimal(PicoUSDPerToken(pico)) == text)
    #expect(PriceTable.rate(text[...]) == PicoUSDPerToken(pico))
  }

  @Test func `files come before the table and behind the project's own prices`() {
    var overlay = PriceOverlay()
    #expect(overlay.read("openai/gpt-4o 7 8\nopenai/gpt-mine 1 2 max=50 # mine\n\n# nothing\n", file: "a").isEmpty)
    #expect(overlay.read("openai/gpt-mine 3 4\n", file: "b").isEmpty)
    let own = PriceSpec(model: "openai/gpt-4o", input: PicoUSDPerToken(5), output: PicoUSDPerToken(6))
    #expect(PriceBook(overlay: overlay).price(provider: "openai", model: "gpt-4o")?.rates.input.value == 7_000_000)
    let book = PriceBook(prices: [own], overlay: overlay)
    #expect(book.price(provider: "openai", model: "gpt-4o")?.rates.input.value == 5)
    #expect(book.price(provider: "openai", model: "gpt-mine")?.rates.output.value == 4_000_000)
    #expect(book.origin("openai/gpt-4o") == "cost.models")
    #expect(book.origin("openai/gpt-mine") == "b")
    #expect(book.origin("openai/gpt-5") == "built-in")
  }

  @Test(arguments: ["gpt-4o 1 2", "openai/gpt-4o 1", "openai/gpt-4o 1 2 3", "openai/gpt-4o $1 $2", "- x: 1"])
  func `a line that is no row is named`(line: String) {
    var overlay = PriceOverlay()
    let problems = overlay.read("\n\(line)", file: "f")
    #expect(problems == [PriceOverlay.Problem(file: "f", line: 2, text: line)])
    #expect(overlay.prices.isEmpty)
  }

  private func price(_ input: Int64, _ output: Int64) -> ModelPrice {
    ModelPrice(rates: TokenRates(input: PicoUSDPerToken(input), output: PicoUSDPerToken(output)))
  }

  @Test func `another price is told by its direction, and a slip by its size`() {
    func kind(_ input: Int64, _ output: Int64, from old: ModelPrice?) -> PriceChange.Kind {
      PriceComparison.change(of: "m", from: old, to: price(input, output)).kind
    }
    let old = price(1_000_000, 4_000_000)
    #expect(kind(1_000_000, 4_000_000, from: old) == .same)
    #expect(kind(1_000_000, 5_000_000, from: old) == .raised)
    #expect(kind(500_000, 5_000_000, from: old) == .raised)
    #expect(kind(500_000, 4_000_000, from: old) == .lowered)
    #expect(kind(10_000_000, 40_000_000, from: old) == .raised)
    #expect(kind(10_000_001, 4_000_000, from: old) == .implausible)
    #expect(kind(99_999, 4_000_000, from: old) == .implausible)
    #expect(kind(1, 4, from: old) == .implausible)
    #expect(kind(5, 5, from: nil) == .added)
    #expect(kind(3_000_000_000, 5, from: nil) == .implausible)
    let both = PriceComparison.dearer(old, price(500_000, 5_000_000)).rates
    #expect(both.input.value == 1_000_000 && both.output.value == 5_000_000)
  }

  @Test func `both public catalogues are read to the digit`() throws {
    let flat = #"""
      {"sample_spec":{"mode":"chat"},
       "gpt-x":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":1.25e-06,"output_cost_per_token":1e-05,
        "cache_read_input_token_cost":1.25e-07,"max_input_tokens":272000,"max_output_tokens":128000,
        "input_cost_per_token_above_200k_tokens":2.5e-06,"output_cost_per_token_above_200k_tokens":1.5e-05},
       "gemini/gemini-x":{"litellm_provider":"gemini","mode":"chat","input_cost_per_token":3e-07,"output_cost_per_token":2.5e-06,
        "input_cost_per_audio_token":1e-06},
       "claude-x":{"litellm_provider":"anthropic","mode":"chat","input_cost_per_token":3e-06,"output_cost_per_token":1.5e-05,
        "cache_creation_input_token_cost":3.75e-06,"cache_creation_input_token_cost_above_1hr":6e-06},
       "dall-e":{"litellm_provider":"openai","mode":"image_generation","input_cost_per_token":1,"output_cost_per_token":1},
       "x":{"litellm_provider":"bedrock","mode":"chat","input_cost_per_token":1e-06,"output_cost_per_token":1e-06}}
      """#
    let prices = try #require(PriceSources.prices(in: Array(flat.utf8)))
    #expect(
      prices.map { PriceTable.row($0.key, $0.value) }.sorted() == [
        "anthropic/claude-x 3 15 write=3.75 write1h=6", "gemini/gemini-x 0.3 2.5 ain=1",
        "openai/gpt-x 1.25 10 read=0.125 window=272000 max=128000 long=200000 lin=2.5 lout=15",
      ])
    let nested = #"""
      {"google":{"models":{"gemini-y":{"cost":{"input":1.25,"output":10,"cache_read":0.31,"input_audio":1,
        "context_over_200k":{"input":2.5,"output":15}},"limit":{"context":1048576,"output":65536}}}},
       "openai":{"models":{"free":{"limit":{}}}}}
      """#
    let other = try #require(PriceSources.prices(in: Array(nested.utf8)))
    #expect(
      other.map { PriceTable.row($0.key, $0.value) } == [
        "gemini/gemini-y 1.25 10 read=0.31 ain=1 window=1048576 max=65536 long=200000 lin=2.5 lout=15"
      ])
    #expect(PriceSources.prices(in: Array("openai/gpt-z 1 2\n".utf8))?.count == 1)
    for text in ["", "{}", "[]", "<html>", "{\"a\":{\"litellm_provider\":\"x\"}}"] {
      #expect(PriceSources.prices(in: Array(text.utf8)) == nil)
    }
  }

  @Test func `the ledger takes the prices of changed files`() {
    var overlay = PriceOverlay()
    _ = overlay.read("upstream/scripted 1 1\n", file: "a")
    let plan = plan([budget(dollars: 1_000_000_000)])
    let ledger = Ledger(plan: plan, boot: BootID("b"), clock: StillClock())
    #expect(ledger.admit(request("a")) { _ in }.refusal?.code == .unknownPrice)
    ledger.reconfigure(plan, overlay: overlay)
    #expect(ledger.admit(request("b")) { _ in }.hold != nil)
    ledger.reconfigure(plan)
    #expect(ledger.admit(request("c")) { _ in }.hold != nil)
  }
}
