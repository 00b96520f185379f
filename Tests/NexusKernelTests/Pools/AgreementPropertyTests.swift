// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

/// Every course that a small pool can take: who answers what, who fails, in every order.
@Suite struct AgreementPropertyTests {
  /// What one member does: answers one of three things, so that all can differ, or fails.
  private enum Course: CaseIterable { case a, b, c, fails }

  private struct Partial {
    var votes: [PoolVote] = []
    var failed = 0
    var left: [Int]
  }

  private func after(_ course: Course, of member: Int, _ partial: Partial) -> Partial {
    var next = partial
    next.left.removeAll { $0 == member }
    switch course {
    case .a: next.votes.append(PoolVote(member: member, output: "a"))
    case .b: next.votes.append(PoolVote(member: member, output: "b"))
    case .c: next.votes.append(PoolVote(member: member, output: "c"))
    case .fails: next.failed += 1
    }
    return next
  }

  /// Looks at all that can follow, and returns whether agreement and whether failure can.
  private func explore(_ decision: PoolDecision, _ partial: Partial, of members: Int) -> (agrees: Bool, fails: Bool) {
    let result = Agreement.decide(decision, votes: partial.votes, failed: partial.failed, members: members)
    var agrees = false
    var fails = false
    for member in partial.left {
      for course in Course.allCases {
        let next = after(course, of: member, partial)
        if result != .undecided {
          // Decided is decided, and impossible stays impossible.
          let later = Agreement.decide(decision, votes: next.votes, failed: next.failed, members: members)
          if case .impossible = result {
            guard case .impossible = later else {
              Issue.record("\(partial) → \(next)")
              continue
            }
          } else {
            #expect(later == result)
          }
        }
        let seen = explore(decision, next, of: members)
        agrees = agrees || seen.agrees
        fails = fails || seen.fails
      }
    }
    switch result {
    case .decided(let winners, _):
      #expect(Set(winners).isSubset(of: partial.votes.map(\.member)))
      return (true, false)
    case .impossible: return (false, true)
    case .undecided:
      #expect(!partial.left.isEmpty, "\(partial) is over and not decided")
      // As early as can be: while it is undecided, it can still go both ways.
      #expect(agrees && fails, "\(decision) \(partial)")
      return (agrees, fails)
    }
  }

  @Test(arguments: 1...3, [PoolStrategy.all, .first, .majority])
  func `decisions are final and as early as can be`(members: Int, strategy: PoolStrategy) {
    _ = explore(PoolDecision(strategy: strategy), Partial(left: Array(0..<members)), of: members)
  }

  @Test(arguments: 1...3, 1...4)
  func `so are those of a quorum`(members: Int, quorum: Int) {
    _ = explore(PoolDecision(strategy: .quorum, quorum: quorum), Partial(left: Array(0..<members)), of: members)
  }

  @Test(arguments: 1...200)
  func `a large pool decides as a count of its answers does`(seed: UInt64) {
    var dice = Dice(seed)
    let members = Int(dice.roll(1...40))
    let kinds = dice.roll(1...4)
    let quorum = Int(dice.roll(1...Int64(members)))
    var votes: [PoolVote] = []
    var counts: [Int64: Int] = [:]
    var failed = 0
    var winner: Int64?
    for member in 0..<members {
      if dice.chance(15) {
        failed += 1
        continue
      }
      let answer = dice.roll(1...kinds)
      votes.append(PoolVote(member: member, output: .int(answer)))
      counts[answer, default: 0] += 1
      if counts[answer] == quorum, winner == nil { winner = answer }
    }
    let result = Agreement.decide(
      PoolDecision(strategy: .quorum, quorum: quorum), votes: votes, failed: failed, members: members)
    switch result {
    case .decided(let winners, let output):
      #expect(output.intValue == winner)
      #expect(winners.count == quorum)
    case .impossible: #expect(winner == nil)
    case .undecided: Issue.record("seed \(seed): nothing can follow")
    }
  }
}
