// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGateway
import NexusKernel
import NexusStore
import Testing

/// Reads a body as the chat endpoint of its dialect does.
func read(_ dialect: Dialect, _ body: String) throws -> ModelRequest {
  switch dialect {
  case .openai: try read(.chat, body)
  case .anthropic: try read(.messages, body)
  case .gemini: try read(.generateContent, body, RequestPath(model: "m"))
  }
}

func read(_ api: ModelAPI, _ body: String, _ path: RequestPath = .plain) throws -> ModelRequest {
  try ModelRequest.read(api, Array(body.utf8).span, path: path)
}

struct MeteredRequestTests {
  private static let extremes: [Int64] = [.max, .max - 1, .min, -1, 0, 1, 4_294_967_297]

  @Test(arguments: extremes)
  func `no number in a request overflows its bound`(number: Int64) {
    let ledger = Ledger(plan([budget(dollars: 1_000_000)], prices: [tokenPrice]))
    for field in 0..<7 {
      var facts = RequestFacts(dialect: .openai, textBytes: 10, outputCap: 10)
      switch field {
      case 0: facts.outputCap = number
      case 1: facts.thinkingBudget = number
      case 2: facts.choices = number
      case 3: facts.textBytes = Int(number)
      case 4: facts.messages = Int(number)
      case 5: facts.images = Int(number)
      default:
        facts = RequestFacts(
          dialect: .anthropic, textBytes: Int(number), messages: Int(number), outputCap: number, choices: number,
          thinkingBudget: number, hasTools: true, hasStructuredOutput: true, images: Int(number))
      }
      var asked = request("f\(field)")
      asked.facts = facts
      let admission = ledger.admit(asked)
      #expect(admission.hold != nil || admission.refusal != nil)
      if let hold = admission.hold {
        #expect(hold.bound.cost >= .zero)
        _ = ledger.release(hold.id)
      }
    }
  }

  @Test(arguments: [Dialect.openai, .anthropic], ["max_tokens", "max_completion_tokens", "n", "budget_tokens"])
  func `the largest number in a body is refused or bounded`(dialect: Dialect, name: String) {
    let member = name == "budget_tokens" ? "\"thinking\":{\"budget_tokens\":#}" : "\"\(name)\":#"
    for number in Self.extremes {
      let body = "{\"model\":\"scripted\",\(member.replacing("#", with: String(number))),\"messages\":[]}"
      guard let read = try? read(dialect, body) else { continue }
      let ledger = Ledger(plan([budget(dollars: 1_000_000)], prices: [tokenPrice]))
      var asked = request("f")
      asked.facts = read.facts
      let admission = ledger.admit(asked)
      #expect(admission.hold != nil || admission.refusal != nil)
    }
  }

  @Test(arguments: [
    "{\"max_completion_tokens\":100000,\"max_tokens\":null}", "{\"max_tokens\":null,\"max_completion_tokens\":9}",
    "{\"max_tokens\":9,\"max_completion_tokens\":9}", "{\"max_tokens\":0}", "{\"max_completion_tokens\":0}",
    "{\"thinking\":{\"budget_tokens\":1,\"budget_tokens\":1}}", "{\"thinking\":{\"budget_tokens\":\"100000\"}}",
    "{\"thinking\":{\"budget_tokens\":1.5}}", "{\"thinking\":{\"budget_tokens\":-1}}", "{\"thinking\":\"yes\"}",
    "{\"thinking\":{\"budget_tokens\":9223372036854775807}}", "{\"thinking\":{\"Budget_Tokens\":5}}",
    "{\"MAX_TOKENS\":5}", "{\"Model\":\"dear\"}", "{\"N\":100}", "{\"max_to\u{212A}ens\":5}", "{\"me\u{17F}sages\":[]}",
    "{\"Thinking\":{}}", "{\"max_tokens\":5,\"Stream\":true}", "{\"Prediction\":{}}", "{\"Service_Tier\":\"priority\"}",
    "{\"stream_options\":{\"include_usage\":true,\"Include_Usage\":false}}",
    "{\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}", "{\"stream_options\":5}",
    "{\"stream_options\":{\"include_usage\":\"yes\"}}",
  ])
  func `what two readers could meter differently is refused`(members: String) {
    let body = "{\"model\":\"m\"," + members.dropFirst()
    #expect(throws: GatewayError.self) { try read(.openai, body) }
  }

  @Test func `a cap is only what the dialect itself calls one`() throws {
    #expect(try read(.openai, "{\"model\":\"m\",\"max_completion_tokens\":5}").maxOutput == 5)
    #expect(try read(.openai, "{\"model\":\"m\",\"max_tokens\":5}").maxOutput == 5)
    #expect(try read(.openai, "{\"model\":\"m\",\"max_tokens\":null}").maxOutput == nil)
    #expect(try read(.anthropic, "{\"model\":\"m\",\"max_tokens\":0}").maxOutput == 0)
    for body in ["{\"model\":\"m\",\"max_completion_tokens\":5}", "{\"model\":\"m\",\"max_completion_tokens\":null}"] {
      #expect(throws: GatewayError.self) { try read(.anthropic, body) }
    }
  }

  @Test func `what can be read is metered`() throws {
    let body = "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4096},\"max_tokens\":5}"
    #expect(try read(.anthropic, body).facts.thinkingBudget == 4096)
    #expect(try read(.anthropic, "{\"model\":\"m\",\"thinking\":{\"type\":\"adaptive\"}}").facts.thinkingBudget == 0)
    #expect(try read(.anthropic, "{\"model\":\"m\",\"thinking\":null}").facts.thinkingBudget == 0)
    #expect(try read(.openai, "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}}").wantsUsage)
    #expect(try !read(.openai, "{\"model\":\"m\",\"stream_options\":null}").wantsUsage)
  }

  private let tokenPrice = PriceSpec(
    model: "scripted", input: PicoUSDPerToken(1_000_000), output: PicoUSDPerToken(2_000_000))
}
