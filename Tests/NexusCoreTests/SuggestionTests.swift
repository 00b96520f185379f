// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

struct SuggestionTests {
  private static let keys = ["strategy", "children", "maxRestarts", "withinSeconds", "env", "url"]

  @Test(arguments: [
    ("stategy", "strategy"), ("startegy", "strategy"), ("Strategy", "strategy"), ("maxRestart", "maxRestarts"),
    ("emv", "env"), ("withinSecond", "withinSeconds"), ("chidlren", "children"),
  ])
  func `a typing error finds the word that was meant`(_ word: String, _ meant: String) {
    #expect(Suggestion.nearest(to: word, among: Self.keys) == meant)
  }

  @Test(arguments: ["", "x", "completely-else", "zz", String(repeating: "a", count: 500)])
  func `a word that is like none of them finds nothing`(_ word: String) {
    #expect(Suggestion.nearest(to: word, among: Self.keys) == nil)
  }

  @Test func `of equally near words the first one wins`() {
    #expect(Suggestion.nearest(to: "cot", among: ["cut", "cat"]) == "cut")
  }
}
