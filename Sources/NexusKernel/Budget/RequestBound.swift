// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The most that one request can come to, as a line over its output cap: a fixed part and so much for each token.
package struct RequestBound: Sendable, Hashable {
  package var input: TokenCount
  /// The output cap of one choice.
  package var output: TokenCount
  /// How many answers are asked for; each may use the whole cap.
  package var choices: Int64
  package var inputPrice: PicoUSDPerToken
  package var outputPrice: PicoUSDPerToken
  /// A flat price on top of the tokens.
  package var perRequest: NanoUSD
  /// The smallest cap that still makes a useful answer; equal to `output` where the cap may not be lowered.
  package var minimumOutput: TokenCount

  package init(
    input: TokenCount, output: TokenCount, choices: Int64 = 1, inputPrice: PicoUSDPerToken = .zero,
    outputPrice: PicoUSDPerToken = .zero, perRequest: NanoUSD = .zero, minimumOutput: TokenCount? = nil
  ) {
    precondition(choices > 0 && output >= .zero && input >= .zero, "a bound has no negative part")
    self.input = input
    self.output = output
    self.choices = choices
    self.inputPrice = inputPrice
    self.outputPrice = outputPrice
    self.perRequest = perRequest
    self.minimumOutput = min(minimumOutput ?? output, output)
  }

  /// What the request can come to under that cap.
  package func spend(output cap: TokenCount) -> Spend {
    let (product, overflow) = cap.value.multipliedReportingOverflow(by: choices)
    let output = TokenCount(overflow ? .max : product)
    var cost = CostSum()
    cost.add(input, at: inputPrice)
    cost.add(output, at: outputPrice)
    return Spend(cost: cost.rounded + perRequest, tokens: input + output, requests: 1)
  }

  package var most: Spend { spend(output: output) }
  package var least: Spend { spend(output: minimumOutput) }

  /// The greatest cap up to the asked one that fits the room; nil if none from the minimum on does.
  package func largestOutput(within room: SpendLimit) -> TokenCount? {
    guard room.admits(least) else { return nil }
    var cap = output.value
    if let tokens = room.tokens {
      cap = min(cap, (tokens - input).value / choices)
    }
    if let cost = room.cost, outputPrice > .zero {
      // The rounded sum fits exactly when the pico-dollars fit a thousand times the room.
      let left = Int128((cost - perRequest).value) * 1000 - Int128(input.value) * Int128(inputPrice.value)
      cap = min(cap, Int64(clamping: left / (Int128(choices) * Int128(outputPrice.value))))
    }
    return TokenCount(max(cap, minimumOutput.value))
  }
}
