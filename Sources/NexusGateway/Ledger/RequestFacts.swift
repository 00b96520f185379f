// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// What is known of a model request before it is sent, as far as its cost depends on it.
package struct RequestFacts: Sendable, Hashable {
  package var dialect: Dialect
  /// The bytes of the body; pictures inside it count by their bytes and as items.
  package var textBytes: Int
  package var messages: Int
  /// The cap on output tokens that the body states; nil for none.
  package var outputCap: Int64?
  package var choices: Int64
  package var thinkingBudget: Int64
  package var hasTools: Bool
  package var hasStructuredOutput: Bool
  /// Pictures in the request, whichever way they are given.
  package var images: Int
  /// Which cache entries may be written and billed; `long` is the dearest and right where nobody has looked.
  package var cacheWrites = CacheWrites.long
  /// What the body neither bounds nor lets us price, by name.
  package var unbounded: [String]
  /// The start of the prompt whose exact count the provider has told before.
  package var knownPrefix: KnownPrefix?

  package struct KnownPrefix: Sendable, Hashable {
    package var tokens: TokenCount
    package var bytes: Int
    package init(tokens: TokenCount, bytes: Int) {
      self.tokens = tokens
      self.bytes = bytes
    }
  }

  package init(
    dialect: Dialect, textBytes: Int, messages: Int = 1, outputCap: Int64? = nil, choices: Int64 = 1,
    thinkingBudget: Int64 = 0, hasTools: Bool = false, hasStructuredOutput: Bool = false, images: Int = 0,
    unbounded: [String] = []
  ) {
    self.dialect = dialect
    self.textBytes = textBytes
    self.messages = messages
    self.outputCap = outputCap
    self.choices = choices
    self.thinkingBudget = thinkingBudget
    self.hasTools = hasTools
    self.hasStructuredOutput = hasStructuredOutput
    self.images = images
    self.unbounded = unbounded
  }

  /// The facts of a request as the gateway has read it.
  package init(_ request: ModelRequest) {
    self.init(
      dialect: request.dialect, textBytes: request.bodyBytes, messages: request.messageCount,
      outputCap: request.maxOutput, choices: request.choices, thinkingBudget: request.thinkingBudget,
      hasTools: request.hasTools, hasStructuredOutput: request.hasStructuredOutput, images: request.images,
      unbounded: request.unboundedFeatures)
  }
}
