// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusLocalModels
import Testing

@Suite struct TermsTests {
  @Test(arguments: [
    ("fails", "failed"), ("failing", "fail"), ("compensations", "compensated"), ("compensation", "compensate"),
    ("supervisor", "supervision"), ("supervised", "supervises"), ("reversed", "reverse"), ("policies", "policy"),
    ("running", "run"), ("steps", "step"), ("five", "5"), ("budgets", "Budget"), ("classes", "class"),
  ])
  func `forms of one word meet`(_ left: String, _ right: String) {
    #expect(Terms.significant(of: left) == Terms.significant(of: right))
  }

  @Test(arguments: [
    ("string", "strange"), ("saga", "sage"), ("status", "state"), ("compensate", "compete"), ("one", "on"),
  ])
  func `different words stay different`(_ left: String, _ right: String) {
    #expect(Terms.words(of: left).map(\.term) != Terms.words(of: right).map(\.term))
  }

  @Test func `the key words of a question are its content words, as written`() {
    #expect(
      Terms.keyWords(of: "What happens when step five of a saga fails?") == ["step", "five", "saga", "fails"])
  }

  @Test func `other scripts have words too`() {
    #expect(Terms.words(of: "Größe über Ἀθῆναι").map(\.written) == ["größe", "über", "ἀθῆναι"])
    #expect(Terms.words(of: "補償を実行").count == 5)
    #expect(Terms.words(of: "don’t can't").map(\.written) == ["dont", "cant"])
  }

  @Test func `data is no endless word`() {
    #expect(Terms.words(of: String(repeating: "a", count: 100_000)).allSatisfy { $0.written.utf8.count <= 64 })
  }
}
