// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

struct UsageReadingTests {
  private func usage(_ dialect: Dialect, _ usage: String) -> CallUsage? {
    (dialect == .openai ? ModelAPI.chat : .messages).usage(Array("{\"model\":\"m\",\"usage\":\(usage)}".utf8).span)
  }

  @Test(arguments: [
    "{\"prompt_tokens\":5}", "{\"prompt_tokens\":5,\"completion_tokens\":1.5}",
    "{\"prompt_tokens\":5,\"completion_tokens\":\"7\"}", "{\"prompt_tokens\":5,\"completion_tokens\":-1}",
    "{\"prompt_tokens\":5,\"completion_tokens\":99999999999999999999}", "{\"completion_tokens\":5}", "{}", "[]",
    "{\"prompt_tokens\":5,\"completion_tokens\":9223372036854775807}",
    "{\"prompt_tokens\":5,\"completion_tokens\":1,\"prompt_tokens_details\":{\"cache_write_tokens\":\"5\"}}",
    "{\"prompt_tokens\":5,\"completion_tokens\":1,\"completion_tokens\":2}",
    "{\"prompt_tokens\":5,\"completion_tokens\":1,\"prompt_tokens_details\":{\"a\":1,\"a\":2}}",
  ])
  func `usage of OpenAI's dialect that cannot be read is unknown`(text: String) {
    #expect(usage(.openai, text) == nil)
  }

  @Test(arguments: [
    "{\"input_tokens\":5}", "{\"input_tokens\":5,\"output_tokens\":1.5}", "{\"output_tokens\":5}",
    "{\"input_tokens\":5,\"output_tokens\":9223372036854775807}", "{\"input_tokens\":-5,\"output_tokens\":1}",
    "{\"input_tokens\":5,\"output_tokens\":1,\"cache_creation_input_tokens\":\"100000\"}",
    "{\"input_tokens\":5,\"output_tokens\":1,\"cache_read_input_tokens\":0.5}",
  ])
  func `usage of Anthropic's dialect that cannot be read is unknown`(text: String) {
    #expect(usage(.anthropic, text) == nil)
  }

  @Test func `parts of OpenAI's dialect are told from the whole`() {
    let text = #"""
      { "prompt_tokens" : 50, "completion_tokens":20,
        "prompt_tokens_details": {"cached_tokens": 30, "audio_tokens": 0, "cache_write_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 12} }
      """#
    let found = usage(.openai, text)
    #expect(found?.uncachedInput == TokenCount(15))
    #expect(found?.cacheRead == TokenCount(30))
    #expect(found?.cacheWrite5m == TokenCount(5))
    #expect(found?.output == TokenCount(20))
    #expect(found?.reasoning == TokenCount(12))
    #expect(found?.model == "m")
  }

  @Test func `parts that are left out or null count nothing`() {
    let openAI = usage(.openai, "{\"prompt_tokens\":5,\"completion_tokens\":0,\"prompt_tokens_details\":null}")
    #expect(openAI?.total == TokenCount(5))
    let anthropic = usage(.anthropic, "{\"input_tokens\":5,\"output_tokens\":2,\"cache_read_input_tokens\":null}")
    #expect(anthropic?.total == TokenCount(7))
  }

  @Test(arguments: [Int64(1) << 41, .max, 4_000_000])
  func `one lying answer does not use up a budget`(tokens: Int64) {
    let price = PriceSpec(model: "scripted", input: PicoUSDPerToken(1000), output: PicoUSDPerToken(1000))
    let ledger = Ledger(plan([budget(dollars: 1_000_000_000)], prices: [price]))
    let hold = ledger.admit(request("a")).hold
    let settlement = ledger.settle(EffectID("a"), usage: NexusGatewayTests.usage(input: 1, output: tokens))
    #expect(settlement?.charge.basis == .hold)
    #expect(settlement?.charge.spend == hold?.bound)
    #expect(ledger.admit(request("b")).hold != nil)
  }
}
