// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

@Suite struct AgreementTests {
  private func votes(_ outputs: [JSONValue?]) -> [PoolVote] {
    outputs.enumerated().compactMap { index, output in output.map { PoolVote(member: index, output: $0) } }
  }

  private func decide(
    _ strategy: PoolStrategy, _ votes: [PoolVote], failed: Int = 0, of members: Int, quorum: Int = 0,
    _ equality: PoolEquality = .canonical, judged: [[Int]]? = nil
  ) -> AgreementResult {
    Agreement.decide(
      PoolDecision(strategy: strategy, quorum: quorum, equality: equality), votes: votes, failed: failed,
      members: members, judged: judged)
  }

  private func isImpossible(_ result: AgreementResult) -> Bool {
    if case .impossible(let reason) = result { return !reason.isEmpty }
    return false
  }

  @Test func `the first answer wins, and without any there is none`() {
    #expect(decide(.first, [], of: 3) == .undecided)
    #expect(decide(.first, [], failed: 2, of: 3) == .undecided)
    #expect(isImpossible(decide(.first, [], failed: 3, of: 3)))
    let late = [PoolVote(member: 2, output: "c"), PoolVote(member: 0, output: "a")]
    #expect(decide(.first, late, of: 3) == .decided(winners: [2], output: "c"))
  }

  @Test func `all gathers every answer in the order of the members, and one failure ends it`() {
    let late = [PoolVote(member: 1, output: "b"), PoolVote(member: 0, output: "a")]
    #expect(decide(.all, Array(late.prefix(1)), of: 2) == .undecided)
    #expect(decide(.all, late, of: 2) == .decided(winners: [0, 1], output: ["a", "b"]))
    #expect(isImpossible(decide(.all, [], failed: 1, of: 3)))
  }

  @Test func `a majority is one of all members, not of those who answered`() {
    #expect(decide(.majority, votes(["a"]), of: 3) == .undecided)
    #expect(decide(.majority, votes(["a", "a"]), of: 3) == .decided(winners: [0, 1], output: "a"))
    #expect(decide(.majority, votes(["a", "b", "a"]), of: 3) == .decided(winners: [0, 2], output: "a"))
    #expect(isImpossible(decide(.majority, votes(["a", "b", "c"]), of: 3)))
    #expect(isImpossible(decide(.majority, votes(["a", "a", "b", "b"]), of: 4)))
    #expect(isImpossible(decide(.majority, votes(["a", "b"]), failed: 1, of: 3)))
    #expect(decide(.majority, votes(["a"]), failed: 1, of: 3) == .undecided)
    #expect(decide(.majority, votes(["a"]), of: 1) == .decided(winners: [0], output: "a"))
  }

  @Test func `the group that is complete first has the quorum, and later votes do not count`() {
    let order = votes(["a", "b", "b", "a", "b"])
    #expect(decide(.quorum, order, of: 5, quorum: 2) == .decided(winners: [1, 2], output: "b"))
    #expect(decide(.quorum, order, of: 5, quorum: 3) == .decided(winners: [1, 2, 4], output: "b"))
    #expect(isImpossible(decide(.quorum, [], of: 2, quorum: 3)))
    #expect(decide(.quorum, votes(["a"]), of: 2, quorum: 1) == .decided(winners: [0], output: "a"))
  }

  @Test func `a member votes once`() {
    let twice = [PoolVote(member: 0, output: "a"), PoolVote(member: 0, output: "a")]
    #expect(decide(.majority, twice, of: 3) == .undecided)
  }

  @Test(
    arguments: [
      (1, .double(1), true), ("1", 1, false), (["x": 1, "y": [2]], ["y": [.double(2)], "x": 1], true),
      ([1, 2], [2, 1], false),
      ("\u{E9}", "e\u{301}", false), (nil, false, false), (nil, nil, true), (["x": nil], [:], false),
    ] as [(JSONValue, JSONValue, Bool)])
  func `answers are equal as JSON is`(left: JSONValue, right: JSONValue, areEqual: Bool) {
    let result = decide(.majority, votes([left, right]), of: 2)
    #expect(areEqual ? result == .decided(winners: [0, 1], output: left) : isImpossible(result))
  }

  @Test func `answers may be equal at one place of theirs, and what lacks it agrees with nobody`() {
    let path = PoolEquality.path([.member("answer"), .element(0)])
    let same: [JSONValue] = [["answer": ["Bonn"], "why": 1], ["answer": ["Bonn", 2], "why": 2]]
    #expect(decide(.majority, votes(same), of: 2, path) == .decided(winners: [0, 1], output: same[0]))
    #expect(isImpossible(decide(.majority, votes([["x": 1], ["x": 1]]), of: 2, path)))
    #expect(isImpossible(decide(.majority, votes([["answer": []], "Bonn"]), of: 2, path)))
    #expect(decide(.majority, votes([["answer": [nil]], ["answer": [nil]]]), of: 2, path) != .undecided)
  }

  @Test(
    arguments: [
      ([.whitespace], " a\t b\n", "a b", true), ([.whitespace], "ab", "a b", false),
      ([.lowercase], "BERLÍN", "berlín", true), ([.punctuation], "Yes!", "«Yes»", true),
      ([.punctuation], "1.5", "15", false), ([.punctuation], "-3", "3", false), ([.punctuation], "50%", "50", false),
      ([.punctuation], "1/2", "12", false), ([.punctuation], "It is 5.", "It is 5", true),
      ([.number], "1.0", 1, true), ([.number], "1e2", "100", true), ([.number], "nan", "NaN", false),
      ([.number], "12345678901234567890", "12345678901234567891", false), ([.number], "0x10", 16, false),
      ([.lowercase, .whitespace, .punctuation, .number], " \"42\". ", 42, true),
      ([.lowercase], ["a": ["X"]], ["a": ["x"]], true), ([.lowercase], ["A": 1], ["a": 1], false),
      ([], "a", "A", false), ([.number], true, 1, false),
    ] as [([PoolNormaliser], JSONValue, JSONValue, Bool)])
  func `answers may be equal after changes`(
    changes: [PoolNormaliser], left: JSONValue, right: JSONValue, areEqual: Bool
  ) {
    let result = decide(.majority, votes([left, right]), of: 2, .normalised(changes))
    // What wins is the answer as it was given.
    #expect(areEqual ? result == .decided(winners: [0, 1], output: left) : isImpossible(result))
  }

  @Test func `a judge says who agrees, and what it invents changes nothing`() {
    let judge = PoolEquality.agent(AgentName("judge"))
    let answers = votes(["yes", "no", "sure"])
    #expect(decide(.majority, answers, of: 3, judge) == .undecided)
    #expect(
      decide(.majority, answers, of: 3, judge, judged: [[1], [0, 2]]) == .decided(winners: [0, 2], output: "yes"))
    #expect(isImpossible(decide(.majority, answers, of: 3, judge, judged: [])))
    // Members that never answered, members that do not exist, and members named twice.
    #expect(isImpossible(decide(.majority, votes(["yes"]), failed: 2, of: 3, judge)))
    #expect(
      isImpossible(decide(.majority, votes(["yes", nil, "no"]), failed: 1, of: 3, judge, judged: [[0, 1, 7, 8]])))
    #expect(isImpossible(decide(.majority, answers, of: 3, judge, judged: [[0, 0, 0], [0, 1], [2]])))
  }
}
