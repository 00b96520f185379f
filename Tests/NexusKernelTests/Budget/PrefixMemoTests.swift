// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

struct PrefixMemoTests {
  /// A conversation of these messages, ten bytes each.
  private func chain(_ messages: String) -> PrefixMemo.Chain {
    PrefixMemo.Chain(
      links: messages.indices.enumerated().map { number, index in
        PrefixMemo.Chain.Link(digest: String(messages[...index]), bytes: (number + 1) * 10)
      })
  }

  @Test func `the longest beginning that was counted is found`() {
    var memo = PrefixMemo()
    #expect(memo.longest(of: chain("abc")) == nil)
    memo.learn(chain("a"), tokens: TokenCount(7))
    memo.learn(chain("abc"), tokens: TokenCount(20))
    #expect(memo.longest(of: chain("abcde")) ?? (.zero, 0) == (TokenCount(20), 30))
    #expect(memo.longest(of: chain("abx")) ?? (.zero, 0) == (TokenCount(7), 10))
    #expect(memo.longest(of: chain("xbc")) == nil)
  }

  @Test func `of several counts the largest bounds`() {
    var memo = PrefixMemo()
    memo.learn(chain("a"), tokens: TokenCount(9))
    memo.learn(chain("a"), tokens: TokenCount(7))
    memo.learn(chain("a"), tokens: .zero)
    #expect(memo.longest(of: chain("a"))?.tokens == TokenCount(9))
  }

  @Test func `what was not used for longest goes first, and distrust forgets all`() {
    var memo = PrefixMemo(capacity: 2)
    memo.learn(chain("a"), tokens: TokenCount(1))
    memo.learn(chain("b"), tokens: TokenCount(2))
    _ = memo.longest(of: chain("a"))
    memo.learn(chain("c"), tokens: TokenCount(3))
    #expect(memo.longest(of: chain("b")) == nil)
    #expect(memo.longest(of: chain("a"))?.tokens == TokenCount(1))
    memo.distrust()
    memo.learn(chain("a"), tokens: TokenCount(1))
    #expect(memo.isEmpty)
  }

  @Test(arguments: 0..<200)
  func `with a provider that counts bytes and marks, no bound is ever too low and memory stays bounded`(seed: UInt64) {
    var dice = Dice(seed)
    var memo = PrefixMemo(capacity: 8)
    /// At most one token a byte, and four for each message.
    func count(_ messages: String) -> Int64 {
      messages.unicodeScalars.reduce(0) { $0 + Int64($1.value % 11) } + 4 * Int64(messages.count)
    }
    var talk = "a"
    for _ in 0..<200 {
      // It goes on, goes back, or begins anew.
      switch dice.roll(0...9) {
      case 0: talk = String(UnicodeScalar(UInt8(dice.roll(97...104))))
      case 1 where talk.count > 1: talk.removeLast()
      default: if talk.count < 30 { talk.append(Character(UnicodeScalar(UInt8(dice.roll(97...104))))) }
      }
      let known = memo.longest(of: chain(talk))
      let bytes = talk.count * 10
      let bound = (known?.tokens.value ?? 0) + Int64(bytes - (known?.bytes ?? 0)) + 16 * Int64(talk.count)
      #expect(count(talk) <= bound)
      #expect(bound <= Int64(bytes) + 16 * Int64(talk.count) + 4 * Int64(talk.count))
      memo.learn(chain(talk), tokens: TokenCount(count(talk)))
      #expect(memo.count <= 8)
    }
  }
}
