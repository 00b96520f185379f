// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// One use of a tool, as a later request of the agent tells it; the digests stand for arguments and result.
package struct ToolUse: Sendable, Hashable {
  package var name: String
  package var arguments: String
  /// Nil while there is no result.
  package var result: String?

  package init(name: String, arguments: String, result: String?) {
    self.name = name
    self.arguments = arguments
    self.result = result
  }
}

/// What one message of a model had done: all the uses of tools in it, whose order says nothing.
package struct ToolTurn: Sendable, Hashable {
  /// Sorted, so that the same uses are the same turn however they were ordered.
  package let uses: [ToolUse]

  package init(_ uses: [ToolUse]) {
    self.uses = uses.count < 2 ? uses : uses.sorted { $0.key < $1.key }
  }

  var isAnswered: Bool { uses.allSatisfy { $0.result != nil } }
}

extension ToolUse {
  fileprivate var key: (String, String, String) { (name, arguments, result ?? "") }
}

/// What the uses of tools in one request come to.
package enum LoopSign: Sendable, Hashable {
  case none
  /// It may be one: told, and nothing else.
  case warning(LoopFinding)
  case loop(LoopFinding)

  package var finding: LoopFinding? {
    switch self {
    case .none: nil
    case .warning(let finding), .loop(let finding): finding
    }
  }
}

/// What goes round.
package struct LoopFinding: Sendable, Hashable {
  /// The tools of one round, in order.
  package var tools: [String]
  package var rounds: Int

  package init(tools: [String], rounds: Int) {
    self.tools = tools
    self.rounds = rounds
  }
}

/// Finds out from the conversation alone whether an agent goes round in circles.
///
/// Each request carries what was called before and what came of it, so nothing has to be remembered: a replayed call
/// counts once, and a node that was killed knows as much as before. The same call with another result is no loop but
/// waiting for something, and calls that were made side by side are one turn.
package struct LoopDetector: Sendable, Hashable {
  /// Rounds at which to tell about it.
  package var warning: Int
  /// Rounds at which it is certain; fewer where a longer round would not fit the window so often.
  package var loop: Int
  /// The most turns of one round.
  package var longestRound: Int
  /// How many of the last turns are looked at.
  package var window: Int

  package init(warning: Int = 3, loop: Int = 5, longestRound: Int = 4, window: Int = 16) {
    precondition(warning > 1 && loop > warning && longestRound > 0 && window >= longestRound * (warning + 1))
    self.warning = warning
    self.loop = loop
    self.longestRound = longestRound
    self.window = window
  }

  /// Judges the turns of an agent in the order in which they came, since somebody else last had a word.
  package func judge(_ turns: [ToolTurn]) -> LoopSign {
    let last = turns.suffix(window)
    var worst = LoopSign.none
    for length in 1...longestRound {
      let rounds = rounds(of: length, at: last)
      guard rounds >= warning else { continue }
      let finding = LoopFinding(tools: last.suffix(length).flatMap { $0.uses.map(\.name) }, rounds: rounds)
      if rounds >= min(loop, window / length) { return .loop(finding) }
      if worst == .none { worst = .warning(finding) }
    }
    return worst
  }

  /// How often the last `length` turns stand one behind the other at the end.
  private func rounds(of length: Int, at turns: ArraySlice<ToolTurn>) -> Int {
    guard turns.count >= length, turns.suffix(length).allSatisfy(\.isAnswered) else { return 0 }
    var matching = length
    while matching < turns.count, turns[turns.endIndex - 1 - matching] == turns[turns.endIndex - 1 - matching + length]
    {
      matching += 1
    }
    return matching / length
  }
}
