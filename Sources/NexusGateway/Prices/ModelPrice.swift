// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What the tokens of one model cost, bucket by bucket.
package struct TokenRates: Sendable, Hashable {
  package var input: PicoUSDPerToken
  package var output: PicoUSDPerToken
  package var cacheRead: PicoUSDPerToken
  package var cacheWrite5m: PicoUSDPerToken
  package var cacheWrite1h: PicoUSDPerToken
  /// Nil where the model takes or makes no sound, or nobody has stated it.
  package var soundInput: PicoUSDPerToken?
  package var soundOutput: PicoUSDPerToken?
  package var pictureOutput: PicoUSDPerToken?

  package init(
    input: PicoUSDPerToken, output: PicoUSDPerToken, cacheRead: PicoUSDPerToken? = nil,
    cacheWrite5m: PicoUSDPerToken? = nil, cacheWrite1h: PicoUSDPerToken? = nil, soundInput: PicoUSDPerToken? = nil,
    soundOutput: PicoUSDPerToken? = nil, pictureOutput: PicoUSDPerToken? = nil
  ) {
    self.input = input
    self.output = output
    self.cacheRead = cacheRead ?? input
    self.cacheWrite5m = cacheWrite5m ?? input
    self.cacheWrite1h = cacheWrite1h ?? self.cacheWrite5m
    self.soundInput = soundInput
    self.soundOutput = soundOutput
    self.pictureOutput = pictureOutput
  }

  package static let free = TokenRates(input: .zero, output: .zero)

  /// The dearest that a token of input can come to when nobody knows yet which bucket it falls in.
  package func dearestInput(_ writes: CacheWrites) -> PicoUSDPerToken {
    switch writes {
    case .none: max(input, cacheRead)
    case .short: max(input, cacheRead, cacheWrite5m)
    case .long: max(input, cacheRead, cacheWrite5m, cacheWrite1h)
    }
  }
}

/// Which kinds of cache entries a request may make the provider write.
package enum CacheWrites: Sendable, Hashable { case none, short, long }

/// The price of one model with what bounds a request to it.
package struct ModelPrice: Sendable, Hashable {
  /// Rates for prompts longer than a number of tokens; they apply to the whole request.
  package struct LongPrompt: Sendable, Hashable {
    package var above: TokenCount
    package var rates: TokenRates
    package init(above: TokenCount, rates: TokenRates) {
      self.above = above
      self.rates = rates
    }
  }

  package var rates: TokenRates
  package var longPrompt: LongPrompt?
  /// A flat price on top of the tokens.
  package var perRequest: NanoUSD
  /// The longest prompt that the model takes; nil if not known.
  package var maxInput: TokenCount?
  /// The longest answer that the model gives; nil if not known.
  package var maxOutput: TokenCount?
  package var terms: ProviderTerms

  package init(
    rates: TokenRates, longPrompt: LongPrompt? = nil, perRequest: NanoUSD = .zero, maxInput: TokenCount? = nil,
    maxOutput: TokenCount? = nil, terms: ProviderTerms = .none
  ) {
    self.rates = rates
    self.longPrompt = longPrompt
    self.perRequest = perRequest
    self.maxInput = maxInput
    self.maxOutput = maxOutput
    self.terms = terms
  }

  package static let free = ModelPrice(rates: .free)

  /// Whatever is used costs nothing.
  var isFree: Bool { rates == .free && perRequest == .zero }

  /// The rates of a request whose prompt has that many tokens, cached ones among them.
  package func rates(forPrompt input: TokenCount) -> TokenRates {
    guard let longPrompt, input > longPrompt.above else { return rates }
    return longPrompt.rates
  }

  /// The dearest rates of any prompt of at most that many tokens.
  package func worstRates(upTo input: TokenCount, writes: CacheWrites) -> TokenRates {
    let long = rates(forPrompt: input)
    return TokenRates(
      input: max(rates.dearestInput(writes), long.dearestInput(writes)), output: max(rates.output, long.output))
  }

  /// The dearest rates of a request whose prompt has at most that many tokens.
  func worstRates(for facts: RequestFacts, upTo input: TokenCount) -> TokenRates {
    var worst = worstRates(upTo: input, writes: facts.cacheWrites)
    let long = rates(forPrompt: input)
    if facts.soundBytes > 0 {
      worst.input = max(worst.input, rates.soundInput ?? .zero, long.soundInput ?? .zero)
    }
    if facts.wantsSound { worst.output = max(worst.output, rates.soundOutput ?? .zero, long.soundOutput ?? .zero) }
    if facts.wantsPictures {
      worst.output = max(worst.output, rates.pictureOutput ?? .zero, long.pictureOutput ?? .zero)
    }
    let percent = facts.options.reduce(Int64(100)) { percent, option in
      percent.multipliedSaturating(by: max(100, terms.percent(option) ?? 100)) / 100
    }
    return TokenRates(
      input: worst.input.scaled(percent: percent), output: worst.output.scaled(percent: percent))
  }

  /// What a call came to.
  package func cost(of usage: CallUsage) -> NanoUSD {
    let rates = rates(forPrompt: usage.input)
    let percent = terms.percent(usage.options)
    var sum = CostSum()
    func add(_ tokens: TokenCount, at rate: PicoUSDPerToken) {
      sum.add(tokens, at: percent == 100 ? rate : rate.scaled(percent: percent))
    }
    add(usage.uncachedInput, at: rates.input)
    add(usage.cacheRead, at: rates.cacheRead)
    add(usage.cacheWrite5m, at: rates.cacheWrite5m)
    add(usage.cacheWrite1h, at: rates.cacheWrite1h)
    add(usage.soundInput, at: rates.soundInput ?? rates.input)
    add(usage.output - usage.soundOutput - usage.pictureOutput, at: rates.output)
    add(usage.soundOutput, at: rates.soundOutput ?? rates.output)
    add(usage.pictureOutput, at: rates.pictureOutput ?? rates.output)
    let fees = usage.hosted.reduce(NanoUSD.zero) { $0 + terms.fee($1.key, uses: $1.value) }
    return sum.rounded + perRequest + fees
  }
}
