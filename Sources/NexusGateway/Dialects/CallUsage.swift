// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a provider says that a call used, in buckets that do not overlap, whichever way its dialect counts.
package struct CallUsage: Sendable, Hashable {
  package var uncachedInput = TokenCount.zero
  package var cacheRead = TokenCount.zero
  package var cacheWrite5m = TokenCount.zero
  package var cacheWrite1h = TokenCount.zero
  /// Sound that was not in a cache.
  package var soundInput = TokenCount.zero
  /// All output: reasoning, sound and pictures are among it.
  package var output = TokenCount.zero
  package var reasoning = TokenCount.zero
  package var soundOutput = TokenCount.zero
  package var pictureOutput = TokenCount.zero
  /// How often the provider used tools of its own.
  package var hosted: [HostedTool: Int64] = [:]
  /// The model that answered, as the response names it; nil if it does not.
  package var model: String?
  /// How the provider served it: tier, speed, place.
  package var options: [ServiceOption] = []

  package init() {}

  package var input: TokenCount { uncachedInput + cacheRead + cacheWrite5m + cacheWrite1h + soundInput }
  package var total: TokenCount { input + output }

  mutating func set(_ kind: ServiceOption.Kind, _ value: String?) {
    options.removeAll { $0.kind == kind }
    if let value { options.append(ServiceOption(kind, value)) }
  }

  /// Counts of two calls in one; the later one names the model.
  mutating func add(_ other: CallUsage) {
    uncachedInput += other.uncachedInput
    cacheRead += other.cacheRead
    cacheWrite5m += other.cacheWrite5m
    cacheWrite1h += other.cacheWrite1h
    soundInput += other.soundInput
    output += other.output
    reasoning += other.reasoning
    soundOutput += other.soundOutput
    pictureOutput += other.pictureOutput
  }
}
