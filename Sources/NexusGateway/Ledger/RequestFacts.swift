// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel

/// What is known of a model request before it is sent, as far as its cost depends on it.
package struct RequestFacts: Sendable, Hashable {
  package var dialect: Dialect
  /// The bytes of the body that count as text: all but the pictures and the sound in it.
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
  /// Sound in the request, in bytes of base64.
  package var soundBytes = 0
  /// Tools that the provider adds text of its own for.
  package var hiddenTexts = 0
  package var wantsSound = false
  package var wantsPictures = false
  /// Which cache entries may be written and billed; `long` is the dearest and right where nobody has looked.
  package var cacheWrites = CacheWrites.long
  /// How the request wants to be served, where that is not what the list prices are for.
  package var options: [ServiceOption] = []
  /// Tools that the provider runs, each use of which reads the whole context again.
  package var hosted: [HostedUse] = []
  /// What is read beside the body, by name: bounded by what the model can take.
  package var kept: [String] = []
  /// What nothing bounds or prices, by name.
  package var unbounded: [String]
  /// The provider asks nothing for the request.
  package var isFree = false
  /// The start of the prompt whose exact count is known.
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
}
