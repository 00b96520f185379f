// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a provider says that a call used, in buckets that do not overlap, whichever way its dialect counts.
package struct CallUsage: Sendable, Hashable {
  package var uncachedInput = TokenCount.zero
  package var cacheRead = TokenCount.zero
  package var cacheWrite5m = TokenCount.zero
  package var cacheWrite1h = TokenCount.zero
  /// All output, the reasoning among it.
  package var output = TokenCount.zero
  package var reasoning = TokenCount.zero
  /// The model that answered, as the response names it; nil if it does not.
  package var model: String?
  package var serviceTier: String?

  package init() {}

  package var input: TokenCount { uncachedInput + cacheRead + cacheWrite5m + cacheWrite1h }
  package var total: TokenCount { input + output }
}
