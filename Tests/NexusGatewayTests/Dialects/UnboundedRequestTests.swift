// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import Testing

struct UnboundedRequestTests {
  private func facts(_ dialect: Dialect, _ members: String) throws -> RequestFacts {
    try read(dialect, "{\"model\":\"m\",\"max_tokens\":9,\(members)}").facts
  }

  @Test(arguments: [
    "\"service_tier\":\"Priority\"", "\"service_tier\":\"auto\"", "\"service_tier\":5", "\"speed\":\"fast\"",
    "\"inference_geo\":\"us\"", "\"models\":[\"dear\"]", "\"route\":\"fallback\"", "\"plugins\":[{\"id\":\"web\"}]",
    "\"modalities\":[\"audio\"]", "\"best_of\":9", "\"max_output_tokens\":9", "\"min_tokens\":9", "\"num_predict\":9",
    "\"prediction\":{}", "\"never_heard_of\":1", "\"tools\":[{\"type\":\"web_search\"}]", "\"tools\":[5]",
    "\"tools\":\"all\"", "\"messages\":[{\"content\":[{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}]}]",
    "\"messages\":[{\"content\":[{\"type\":\"input_audio\"}]}]", "\"messages\":[{\"content\":[{}]}]",
    "\"messages\":[{\"content\":[5]}]", "\"messages\":[{\"audio\":{\"id\":\"a\"}}]", "\"messages\":5",
    "\"messages\":[{\"content\":\"x\",\"audio\":\"a\"}]", "\"messages\":[{\"content\":\"x\"},5]",
    "\"messages\":[{\"content\":\"x\",\"content\":\"y\"}]", "\"messages\":[{\"content\":\"\\ud800\"}]",
    "\"messages\":[{\"content\":\"x\",\"images\":\"i\"},{\"content\":\"y\"}]",
  ])
  func `a hard budget refuses what nobody can bound of OpenAI's dialect`(members: String) throws {
    let facts = try facts(.openai, members)
    let ledger = Ledger(plan([budget(dollars: 1_000_000_000)], prices: [flatPrice]))
    var asked = request("f")
    asked.facts = facts
    #expect(ledger.admit(asked).refusal?.code == .unbounded)
  }

  @Test(arguments: [
    "\"speed\":\"fast\"", "\"inference_geo\":\"us\"", "\"service_tier\":\"auto\"",
    "\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}]",
    "\"tools\":[{\"name\":\"a\"},{\"type\":\"code_execution_20250825\"}]", "\"mcp_servers\":[]",
    "\"messages\":[{\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://x\"}}]}]",
    "\"messages\":[{\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"data\":\"x\"}}]}]",
    "\"messages\":[{\"content\":[{\"type\":\"container_upload\",\"file_id\":\"f\"}]}]",
    "\"messages\":[{\"content\":[{\"type\":\"tool_result\",\"content\":[{\"type\":\"document\"}]}]}]",
    "\"system\":[{\"type\":\"document\"}]",
  ])
  func `a hard budget refuses what nobody can bound of Anthropic's dialect`(members: String) throws {
    let ledger = Ledger(plan([budget(dollars: 1_000_000_000)], prices: [tokenPrice]))
    var asked = request("f")
    asked.facts = try facts(.anthropic, members)
    #expect(ledger.admit(asked).refusal?.code == .unbounded)
  }

  @Test(arguments: [
    "\"service_tier\":\"default\"", "\"service_tier\":\"flex\"", "\"service_tier\":null", "\"temperature\":0.5",
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"type\":\"custom\"}]", "\"tools\":null",
    "\"modalities\":[\"text\"]", "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"content\":null}]",
    "\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"refusal\"}]}]",
    "\"messages\" : [ { \"content\" : \"a \\n\\\"b\\u00e9é\" , \"audio\" : null } ,\t{} ]", "\"messages\":[ ]",
    "\"reasoning_effort\":\"low\",\"seed\":1,\"user\":\"u\",\"stop\":[\"x\"]", "\"never_heard_of\":null",
  ])
  func `what OpenAI's clients usually send is bounded`(members: String) throws {
    #expect(try facts(.openai, members).unbounded == [])
  }

  @Test(arguments: [
    "\"system\":\"be brief\",\"top_k\":5,\"metadata\":{\"user_id\":\"u\"}", "\"speed\":\"standard\"",
    "\"system\":[{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{\"type\":\"ephemeral\"}}]",
    "\"tools\":[{\"name\":\"f\",\"input_schema\":{}},{\"type\":\"custom\",\"name\":\"g\"}]",
    "\"service_tier\":\"standard_only\"", "\"inference_geo\":\"global\"",
    "\"messages\":[{\"content\":[{\"type\":\"tool_use\",\"input\":{\"type\":\"x\"}},{\"type\":\"thinking\"}]}]",
    "\"messages\":[{\"content\":[{\"type\":\"tool_result\",\"content\":\"done\"},{\"type\":\"tool_result\"}]}]",
    "\"messages\":[{\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"text\",\"data\":\"x\"}}]}]",
  ])
  func `what Anthropic's clients usually send is bounded`(members: String) throws {
    #expect(try facts(.anthropic, members).unbounded == [])
  }

  private let tokenPrice = PriceSpec(
    model: "scripted", input: PicoUSDPerToken(1_000_000), output: PicoUSDPerToken(2_000_000))

  @Test func `every picture counts, however it is given`() throws {
    let picture = "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}"
    #expect(try facts(.openai, "\"messages\":[{\"content\":[\(picture),\(picture)]}]").images == 2)
    let image = "{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}"
    let nested = "\"messages\":[{\"content\":[\(image),{\"type\":\"tool_result\",\"content\":[\(image)]}]}]"
    #expect(try facts(.anthropic, nested).images == 2)
    #expect(try facts(.anthropic, nested).unbounded == [])
  }

  @Test(arguments: [
    "\"messages\":[{\"content\":[{\"type\":\"text\",\"Type\":\"image_url\"}]}]",
    "\"messages\":[{\"content\":\"x\",\"Content\":[{\"type\":\"image_url\"}]}]",
    "\"messages\":[{\"content\":\"x\"},{\"content\":\"x\",\"Content\":\"y\"}]",
    "\"messages\":[{\"content\":\"x\",\"image\u{17F}\":\"y\"}]",
    "\"tools\":[{\"type\":\"function\",\"TYPE\":\"web_search\"}]",
  ])
  func `a second spelling inside a message or tool is refused`(members: String) throws {
    #expect(throws: GatewayError.self) { try facts(.openai, members) }
  }
}
