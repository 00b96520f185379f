// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Remembers, for the conversations of one run, how many tokens their beginnings were counted to.
///
/// An agent sends its whole conversation with each call. What the provider counted last time bounds that part better
/// than its bytes do, and only the rest has to be bounded by bytes.
package struct PrefixMemo: Sendable {
  /// A conversation as a chain: each link stands for everything up to one message, and for all that is not a message.
  package struct Chain: Sendable, Hashable {
    package struct Link: Sendable, Hashable {
      package var digest: String
      /// The bytes of the body that the link stands for.
      package var bytes: Int
      package init(digest: String, bytes: Int) {
        self.digest = digest
        self.bytes = bytes
      }
    }
    /// From the first message to the last.
    package var links: [Link]
    package init(links: [Link]) { self.links = links }
  }

  private struct Entry: Sendable {
    var tokens: TokenCount
    var usedAt: Int64
  }

  private let capacity: Int
  private var entries: [String: Entry] = [:]
  private var uses: Int64 = 0
  /// A count was not to be relied on; nothing is remembered any more.
  package private(set) var isDistrusted = false

  package init(capacity: Int = 64) {
    precondition(capacity > 0, "a memory has room")
    self.capacity = capacity
  }

  package var isEmpty: Bool { entries.isEmpty }
  package var count: Int { entries.count }

  /// The longest beginning of a conversation that was counted: its tokens and its bytes.
  package mutating func longest(of chain: Chain) -> (tokens: TokenCount, bytes: Int)? {
    for link in chain.links.reversed() {
      guard let entry = entries[link.digest] else { continue }
      uses += 1
      entries[link.digest]?.usedAt = uses
      return (entry.tokens, link.bytes)
    }
    return nil
  }

  /// The provider counted the whole conversation to so many tokens.
  package mutating func learn(_ chain: Chain, tokens: TokenCount) {
    guard !isDistrusted, tokens > .zero, let last = chain.links.last else { return }
    uses += 1
    // Counts of the same beginning may differ a little; the largest bounds them all.
    entries[last.digest] = Entry(tokens: max(tokens, entries[last.digest]?.tokens ?? .zero), usedAt: uses)
    guard entries.count > capacity, let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) else { return }
    entries[oldest.key] = nil
  }

  /// A call came to more than its bound: what was counted bounds nothing here.
  package mutating func distrust() {
    isDistrusted = true
    entries = [:]
  }
}
