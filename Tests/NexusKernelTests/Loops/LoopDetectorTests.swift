// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusKernel
import Testing

struct LoopDetectorTests {
  private let detector = LoopDetector()

  /// `a` calls tool a with one result; `a1` the same with another.
  ///
  /// `a+b` calls both in one turn.
  private func turns(_ words: String) -> [ToolTurn] {
    words.split(separator: " ").map { turn in
      ToolTurn(
        turn.split(separator: "+").map { word in
          ToolUse(name: String(word.prefix(1)), arguments: "{}", result: word == "a?" ? nil : String(word.dropFirst()))
        })
    }
  }

  private func sign(_ words: String) -> String {
    switch detector.judge(turns(words)) {
    case .none: "none"
    case .warning(let finding): "warning \(finding.tools.joined()) \(finding.rounds)"
    case .loop(let finding): "loop \(finding.tools.joined()) \(finding.rounds)"
    }
  }

  @Test(arguments: [
    ("", "none"), ("a", "none"), ("a a", "none"), ("a a a", "warning a 3"), ("a a a a", "warning a 4"),
    ("a a a a a", "loop a 5"), ("a a a a a a a a a a a a a a a a a a a a", "loop a 16"),
    // The same call with ever other results waits for something.
    ("a1 a2 a3 a4 a5 a6", "none"), ("a1 a1 a2 a1 a1 a2 a1", "none"),
    // Without a result nothing is known of the last one.
    ("a a a a a?", "none"),
    // It went on.
    ("a a a a a b", "none"), ("a a a a b a", "none"),
    ("a b a b", "none"), ("a b a b a b", "warning ab 3"), ("a b a b a b a b a b", "loop ab 5"),
    ("b a b a b a b a b a b", "loop ab 5"),
    ("a b c a b c a b c", "warning abc 3"), ("a b c a b c a b c a b c a b c", "loop abc 5"),
    ("a b c d a b c d a b c d", "warning abcd 3"), ("a b c d a b c d a b c d a b c d", "loop abcd 4"),
    ("a b c d e a b c d e a b c d e a b c d e", "none"),
    ("x y z a a a", "warning a 3"),
    // Side by side is one turn, in whichever order.
    ("a+a+a+a+a+a", "none"), ("a+b a+b", "none"), ("a+b b+a a+b", "warning ab 3"),
    ("a+b b+a a+b b+a a+b", "loop ab 5"), ("a+b a+b a+b a+b a+b1", "none"), ("a+b a+b a+b a+b a+a?", "none"),
    ("a+b c a+b c a+b c a+b c a+b c", "loop abc 5"),
  ])
  func `rounds are told at three and certain at five`(words: String, expected: String) {
    #expect(sign(words) == expected)
  }

  @Test func `other arguments are another call`() {
    let turns = (0..<20).map {
      ToolTurn([ToolUse(name: "search", arguments: "{\"page\":\($0)}", result: "nothing")])
    }
    #expect(detector.judge(turns) == .none)
  }

  @Test(arguments: 0..<300)
  func `a loop is found whatever came before it, and only if the end repeats`(seed: UInt64) {
    var dice = Dice(seed)
    let length = Int(dice.roll(1...4))
    let before = (0..<dice.roll(0...30)).map { _ in
      ToolTurn(
        (0...dice.roll(0...2)).map { _ in
          ToolUse(name: "t\(dice.roll(0...9))", arguments: "\(dice.roll(0...3))", result: "\(dice.roll(0...3))")
        })
    }
    // A round of tools that are all different, so that it has no shorter round inside.
    let round = (0..<length).map { ToolTurn([ToolUse(name: "r\($0)", arguments: "x", result: "y")]) }
    let names = (0..<length).map { "r\($0)" }
    let certain = min(5, 16 / length)
    for rounds in 1...6 {
      let turns = before + Array(repeating: round, count: rounds).flatMap(\.self)
      let sign = detector.judge(turns)
      switch rounds {
      case ..<3: #expect(sign == .none)
      case ..<certain: #expect(sign == .warning(LoopFinding(tools: names, rounds: rounds)))
      default: if case .loop(let finding) = sign { #expect(finding.tools == names) } else { Issue.record() }
      }
      // One use that is new breaks it.
      #expect(detector.judge(turns + [ToolTurn([ToolUse(name: "new", arguments: "", result: "")])]) == .none)
    }
  }
}
