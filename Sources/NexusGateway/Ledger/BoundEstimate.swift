// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Bounds the tokens of a request from its bytes, without a tokenizer.
enum BoundEstimate {
  /// The smallest output cap that still makes a useful answer.
  static let minimumOutput: Int64 = 256
  /// The cap that is put into a request without one, where nobody knows the model's own.
  static let assumedMaxOutput: Int64 = 8192

  // Tokens beyond those of the text.
  static let perRequest: Int64 = 64
  static let perMessage: Int64 = 16
  static let forTools: Int64 = 700
  static let forStructuredOutput: Int64 = 256
  /// What a provider tells its model of a tool that it knows itself.
  static let forHiddenText: Int64 = 2000

  /// Tokens for each hundred bytes of text.
  ///
  /// Byte-level and byte-fallback tokenizers never make more tokens than bytes. Claude's does, on text made for it; its
  /// factor is empirical, an assumption of the guarantee and not a theorem. Nothing is known of other families.
  static func tokensPerHundredBytes(provider: String, model: String, dialect: Dialect) -> Int64 {
    if PriceBook.freeProviders.contains(provider) { return 100 }
    let name = model.lowercased()
    if name.contains("claude") || dialect == .anthropic { return 200 }
    if ["openai", "gemini", "google"].contains(provider) { return 100 }
    let open = ["gpt", "llama", "qwen", "deepseek", "gemma", "gemini", "mistral", "mixtral", "phi"]
    return open.contains { name.contains($0) } ? 100 : 300
  }

  /// The most that one picture counts; the vendors' formulas differ and are ambiguous, so this is their worst case.
  static func tokensPerImage(dialect: Dialect) -> Int64 {
    switch dialect {
    case .openai: 50_000
    case .anthropic: 5000
    case .gemini: 8000
    }
  }

  /// The most tokens that the prompt can count.
  static func input(_ facts: RequestFacts, factor: Int64, price: ModelPrice) -> TokenCount {
    let known = facts.knownPrefix?.tokens.value ?? 0
    let newBytes = Int64(facts.textBytes).subtractingSaturating(Int64(facts.knownPrefix?.bytes ?? 0))
    // The agent chose all of these numbers: in this width no product or sum of them overflows.
    var tokens = Int128(max(0, known)) + (Int128(max(0, newBytes)) * Int128(factor) + 99) / 100
    tokens += Int128(perRequest) + Int128(perMessage) * Int128(max(0, facts.messages))
    if facts.hasTools { tokens += Int128(forTools) }
    if facts.hasStructuredOutput { tokens += Int128(forStructuredOutput) }
    // No sound is coded in so few bytes that one of them would make a token.
    tokens += Int128(max(0, facts.soundBytes)) + Int128(forHiddenText) * Int128(max(0, facts.hiddenTexts))
    tokens += Int128(max(0, facts.images)) * Int128(tokensPerImage(dialect: facts.dialect))
    return min(TokenCount(Int64(clamping: tokens)), price.maxInput ?? TokenCount(.max))
  }

  /// How often the provider may read the context: once, and once more for each use of a tool that it runs.
  private static func turns(_ facts: RequestFacts) -> Int64 {
    facts.hosted.reduce(1) { $0.addingSaturating(max(0, $1.uses ?? 0)) }
  }

  /// What of the request has no bound or no price, by name.
  static func unbounded(_ facts: RequestFacts, price: ModelPrice) -> [String] {
    var names = facts.unbounded
    if price.maxInput == nil { names += facts.kept }
    for use in facts.hosted where use.uses == nil || price.maxInput == nil || price.terms.fees[use.tool] == nil {
      names.append("tools: \(use.tool.rawValue)\(use.uses == nil ? " without a limit on its uses" : "")")
    }
    if price.isFree { return names }
    for option in facts.options where price.terms.percent(option) == nil {
      names.append("\(option.kind.rawValue): \(option.value)")
    }
    if facts.soundBytes > 0, price.rates.soundInput == nil { names.append("audio in the prompt") }
    if facts.wantsSound, price.rates.soundOutput == nil { names.append("modalities: audio") }
    if facts.wantsPictures, price.rates.pictureOutput == nil { names.append("modalities: image") }
    return names
  }

  /// The bound of the whole request.
  static func bound(_ facts: RequestFacts, factor: Int64, price: ModelPrice) -> RequestBound {
    if facts.isFree { return RequestBound(input: .zero, output: .zero) }
    let turns = turns(facts)
    var input = input(facts, factor: factor, price: price)
    if !facts.kept.isEmpty || turns > 1, let most = price.maxInput { input = most }
    let cap = facts.outputCap ?? price.maxOutput?.value ?? assumedMaxOutput
    // With interleaved thinking the budget of the thoughts may exceed the cap.
    let output = max(cap, facts.thinkingBudget, 0)
    let needed =
      facts.thinkingBudget > 0 ? max(minimumOutput, facts.thinkingBudget.addingSaturating(1)) : minimumOutput
    let rates = price.worstRates(for: facts, upTo: input)
    var fees = price.perRequest
    for use in facts.hosted { fees += price.terms.fee(use.tool, uses: use.uses ?? 0) }
    return RequestBound(
      input: input.multipliedSaturating(by: turns), output: TokenCount(output),
      choices: max(1, facts.choices).multipliedSaturating(by: turns), inputPrice: rates.input,
      outputPrice: rates.output, perRequest: fees, minimumOutput: TokenCount(min(needed, output)))
  }
}

extension Int64 {
  func multipliedSaturating(by other: Int64) -> Int64 { Int64(clamping: Int128(self) * Int128(other)) }
}

extension TokenCount {
  func multipliedSaturating(by other: Int64) -> TokenCount { TokenCount(value.multipliedSaturating(by: other)) }
}
