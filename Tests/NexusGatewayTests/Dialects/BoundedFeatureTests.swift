// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// What costs more than the bytes of a request: bounded where something bounds it, refused where nothing does.
struct BoundedFeatureTests {
  private func admit(_ api: ModelAPI, _ provider: String, _ model: String, _ members: String) throws -> Admission {
    let isNamed = api.dialect != .gemini
    let text = "{\(isNamed ? "\"model\":\"m\"," : "")\(members)}"
    let read = try read(api, text, isNamed ? .plain : RequestPath(model: "m"))
    let ledger = Ledger(plan([budget(dollars: 1_000_000_000_000)]))
    var asked = request("f")
    asked.provider = provider
    asked.model = model
    asked.facts = read.facts
    return ledger.admit(asked)
  }

  private func dollars(_ admission: Admission) -> Int64 { (admission.hold?.bound.cost.value ?? -1) / 1_000_000 }

  @Test(arguments: [
    "\"input\":\"x\",\"prompt\":{\"id\":\"p\"}", "\"input\":\"x\",\"background\":true",
    "\"input\":\"x\",\"context_management\":[]", "\"input\":\"x\",\"tools\":[{\"type\":\"web_search\"}]",
    "\"input\":\"x\",\"tools\":[{\"type\":\"code_interpreter\"}],\"max_tool_calls\":1",
    "\"input\":\"x\",\"tools\":[{\"type\":\"mcp\"}],\"max_tool_calls\":1",
    "\"input\":\"x\",\"tools\":[{\"type\":\"web_search_preview\"}],\"max_tool_calls\":1",
    "\"input\":\"x\",\"tools\":[{\"type\":\"image_generation\"}]", "\"input\":[{\"type\":\"never_heard_of\"}]",
    "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"aa\"}}]}]",
    "\"input\":5", "\"input\":[5]", "\"input\":[{\"type\":5,\"content\":\"x\"}]",
    "\"input\":\"x\",\"service_tier\":\"scale\"", "\"never_heard_of\":1",
  ])
  func `a hard budget refuses what nobody can bound of a response`(members: String) throws {
    #expect(try admit(.responses, "openai", "gpt-5", members).refusal?.code == .unbounded)
  }

  @Test(arguments: [
    "\"input\":\"x\",\"instructions\":\"y\",\"reasoning\":{\"effort\":\"low\"},\"store\":false,\"include\":[\"a\"]",
    "\"input\":[{\"role\":\"user\",\"content\":\"x\"},{\"type\":\"function_call\",\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"output\":\"y\"}]",
    "\"input\":[{\"type\":\"reasoning\",\"encrypted_content\":\"x\"}],\"background\":false,\"text\":{\"format\":{}}",
    "\"input\":\"x\",\"tools\":[{\"type\":\"function\",\"name\":\"f\"},{\"type\":\"local_shell\"},{\"type\":\"custom\"}]",
  ])
  func `what clients of responses usually send is bounded by its bytes`(members: String) throws {
    let admission = try admit(.responses, "openai", "gpt-5", "\"max_output_tokens\":100,\(members)")
    // At $1.25 and $10 a million, far below a cent.
    #expect(dollars(admission) < 10 && dollars(admission) >= 0)
  }

  @Test(arguments: [
    "\"previous_response_id\":\"resp_1\"", "\"conversation\":\"conv_1\"",
    "\"input\":[{\"type\":\"item_reference\",\"id\":\"i\"}]", "\"input\":[{\"id\":\"i\"}]",
    "\"input\":[{\"type\":null,\"id\":\"i\"}]", "\"input\":[{\"type\":\"reasoning\",\"id\":\"r\",\"summary\":[]}]",
    "\"input\":[{\"type\":\"web_search_call\",\"id\":\"w\"}]",
    "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_id\":\"f\"}]}]",
  ])
  func `what the provider keeps is bounded by what the model can take`(members: String) throws {
    let admission = try admit(.responses, "openai", "gpt-5", "\"max_output_tokens\":100,\(members)")
    // 272,000 tokens at $1.25 a million.
    #expect(dollars(admission) == 341)
    let unknown = try admit(.responses, "openai", "gpt-unheard-of", members)
    #expect(unknown.refusal?.code == .unknownPrice)
  }

  @Test func `each use of a hosted tool may read all of the context again and has a fee`() throws {
    let members =
      "\"input\":\"x\",\"max_output_tokens\":1000,\"max_tool_calls\":3,\"tools\":[{\"type\":\"web_search\"}]"
    let hold = try #require(try admit(.responses, "openai", "gpt-5", members).hold)
    // Four times 272,000 tokens at $1.25 and 1,000 at $10 a million, and three searches at a cent.
    #expect(hold.bound.cost == NanoUSD(4 * 340_000_000 + 4 * 10_000_000 + 30_000_000))
    let claude = "\"messages\":[],\"max_tokens\":1000,\"tools\":[{\"type\":\"web_search_20250305\",\"max_uses\":1}]"
    let other = try #require(try admit(.messages, "anthropic", "claude-haiku-4-5", claude).hold)
    // Twice 200,000 tokens at the $2 of a cache entry for an hour and 1,000 at $5 a million, and one search.
    #expect(other.bound.cost == NanoUSD(2 * 400_000_000 + 2 * 5_000_000 + 10_000_000))
    for uses in ["-1", "\"2\"", "99999999999", "1.5"] {
      #expect(throws: GatewayError.self) {
        try admit(
          .messages, "anthropic", "claude-haiku-4-5", claude.replacing("\"max_uses\":1", with: "\"max_uses\":\(uses)"))
      }
    }
  }

  @Test func `another service of the provider is held at its price`() throws {
    func hold(_ api: ModelAPI, _ provider: String, _ model: String, _ more: String) throws -> Int64 {
      try admit(api, provider, model, "\"messages\":[],\"max_tokens\":1000000\(more)").hold?.bound.cost.value ?? -1
    }
    let usual = try hold(.chat, "openai", "gpt-4.1-nano", "")
    #expect(try hold(.chat, "openai", "gpt-4.1-nano", ",\"service_tier\":\"priority\"") > usual * 24 / 10)
    #expect(try hold(.chat, "openai", "gpt-4.1-nano", ",\"service_tier\":\"auto\"") > usual * 24 / 10)
    #expect(try hold(.chat, "openai", "gpt-4.1-nano", ",\"service_tier\":\"flex\"") < usual * 11 / 10)
    let claude = try hold(.messages, "anthropic", "claude-opus-4-6", "")
    #expect(try hold(.messages, "anthropic", "claude-opus-4-6", ",\"speed\":\"fast\"") > claude * 59 / 10)
    #expect(try hold(.messages, "anthropic", "claude-opus-4-6", ",\"inference_geo\":\"us\"") > claude)
    #expect(try hold(.messages, "anthropic", "claude-opus-4-6", ",\"inference_geo\":\"mars\"") == -1)
  }

  @Test func `sound and pictures are bounded where their price is known`() throws {
    let sound =
      "\"messages\":[{\"content\":[{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"aaaa\"}}]}],\"max_tokens\":9"
    #expect(try admit(.chat, "openai", "gpt-4o", sound).refusal?.code == .unbounded)
    #expect(try admit(.chat, "openai", "gpt-audio", sound).hold != nil)
    let spoken =
      "\"messages\":[],\"max_tokens\":1000000,\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"v\"}"
    #expect(try admit(.chat, "openai", "gpt-4o", spoken).refusal?.code == .unbounded)
    #expect(try dollars(admit(.chat, "openai", "gpt-audio", spoken)) >= 64_000)
    let picture = "\"generationConfig\":{\"responseModalities\":[\"IMAGE\"],\"maxOutputTokens\":1000000}"
    #expect(try admit(.generateContent, "gemini", "gemini-2.5-pro", picture).refusal?.code == .unbounded)
    #expect(try dollars(admit(.generateContent, "gemini", "gemini-2.5-flash-image", picture)) >= 30_000)
  }

  @Test func `a picture in the body counts as a picture and not as its letters`() throws {
    let data = String(repeating: "A", count: 1_000_000)
    let bodies: [(ModelAPI, String)] = [
      (
        .chat,
        "\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,\(data)\"}}]}]"
      ),
      (
        .responses,
        "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,\(data)\"}]}]"
      ),
      (
        .messages,
        "\"messages\":[{\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"data\":\"\(data)\"}}]}]"
      ),
      (
        .generateContent,
        "\"contents\":[{\"parts\":[{\"inline_data\":{\"mime_type\":\"image/png\",\"data\":\"\(data)\"}}]}]"
      ),
    ]
    for (api, members) in bodies {
      let isNamed = api.dialect != .gemini
      let text = "{\(isNamed ? "\"model\":\"m\"," : "")\(members)}"
      let facts = try read(api, text, isNamed ? .plain : RequestPath(model: "m")).facts
      #expect(facts.images == 1)
      #expect(facts.textBytes < 500)
      #expect(facts.unbounded == [])
    }
  }

  @Test(arguments: [
    "\"tools\":[{\"googleSearch\":{}}]", "\"tools\":[{\"function_declarations\":[],\"code_execution\":{}}]",
    "\"tools\":{\"url_context\":{}}", "\"never_heard_of\":1", "\"generationConfig\":{\"neverHeardOf\":1}",
    "\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\"},\"inline_data\":{\"data\":\"x\"}}]}]",
    "\"contents\":[{\"parts\":[{\"neverHeardOf\":1}]}]", "\"contents\":[5]", "\"contents\":[{\"parts\":[5]}]",
    "\"generationConfig\":{\"responseModalities\":[\"VIDEO\"]}", "\"serviceTier\":\"priority\"",
  ])
  func `a hard budget refuses what nobody can bound of Gemini's contents`(members: String) throws {
    #expect(try admit(.generateContent, "gemini", "gemini-2.5-pro", members).refusal?.code == .unbounded)
  }

  @Test(arguments: [
    "\"contents\":{\"parts\":[{\"text\":\"x\"}]},\"system_instruction\":{\"parts\":[{\"text\":\"y\"}]}",
    "\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"f\"},\"thoughtSignature\":\"x\"}]}]",
    "\"tools\":[{\"functionDeclarations\":[]}],\"toolConfig\":{},\"safetySettings\":[]",
    "\"generationConfig\":{\"temperature\":1,\"thinkingConfig\":{\"thinkingBudget\":9},\"candidateCount\":2}",
    "\"contents\":[{\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{}}}]}]",
  ])
  func `what Google's clients usually send is bounded by its bytes`(members: String) throws {
    let admission = try admit(.generateContent, "gemini", "gemini-2.5-flash", members)
    #expect(dollars(admission) >= 0 && dollars(admission) < 1000)
  }

  @Test(arguments: [
    "\"generationConfig\":{\"maxOutputTokens\":5},\"generation_config\":{\"maxOutputTokens\":9}",
    "\"generationConfig\":{\"maxOutputTokens\":5,\"max_output_tokens\":9}", "\"generationConfig\":5",
    "\"generationConfig\":{\"maxOutputTokens\":-5}", "\"generationConfig\":{\"candidateCount\":0}",
    "\"generationConfig\":{\"maxOutputTokens\":1.5}",
  ])
  func `what two readers of Gemini's contents could meter differently is refused`(members: String) {
    #expect(throws: GatewayError.self) { try admit(.generateContent, "gemini", "gemini-2.5-flash", members) }
  }

  @Test func `tokens to embed are counted and texts are bounded by their bytes`() throws {
    let counted = try read(.embeddings, "{\"model\":\"m\",\"input\":[[100257,100257,100257],[1]]}").facts
    #expect(counted.knownPrefix?.tokens == TokenCount(4))
    #expect(counted.outputCap == 0)
    #expect(try read(.embeddings, "{\"model\":\"m\",\"input\":[1,2,3]}").facts.knownPrefix?.tokens == TokenCount(3))
    #expect(try read(.embeddings, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}").facts.knownPrefix == nil)
    #expect(try read(.embeddings, "{\"model\":\"m\",\"input\":[\"a\",[1]]}").facts.knownPrefix == nil)
    for input in ["5", "{}", "[{}]", "[[1.5]]", "[[\"a\"]]"] {
      #expect(throws: GatewayError.self) { try read(.embeddings, "{\"model\":\"m\",\"input\":\(input)}") }
    }
  }
}
