// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What one member of a pool answered.
package struct PoolVote: Sendable, Hashable {
  /// Its place in the pool, from 0.
  package let member: Int
  package let output: JSONValue
  package init(member: Int, output: JSONValue) {
    self.member = member
    self.output = output
  }
}

/// What the answers of a pool's members come to.
package enum AgreementResult: Sendable, Hashable {
  /// More answers are needed.
  case undecided
  /// Whatever else comes, these members agree, and this is the pool's output.
  case decided(winners: [Int], output: JSONValue)
  /// Whatever else comes, the pool cannot agree any more.
  case impossible(reason: String)
}

/// Decides whether the members of a pool agree, from nothing but their answers in the order in which they came.
///
/// It decides as soon as no further answer can change the decision, and gives up as soon as none can bring it about.
/// The same answers with more behind them give the same decision: what came late is never counted.
///
/// - `first`: the first answer wins.
/// - `all`: every member must have answered; the output is the list of all answers in the order of the members, and
///   they need not be equal.
/// - `majority`: more than half of all members, those that failed included, answered the same.
/// - `quorum`: so many answered the same. If two groups could, the one that was first complete has it.
///
/// The output of members that agree is the answer that came first among theirs.
package enum Agreement {
  /// Decides on the answers that are in.
  ///
  /// - Parameters:
  ///   - decision: what the pool needs.
  ///   - votes: in the order in which they came; a second vote of one member is not counted.
  ///   - failed: how many members failed and will not answer any more.
  ///   - members: how many there are.
  ///   - judged: the groups of members that agree by the word of a judge, if the pool has one and it has spoken; a
  ///     member that no group names agrees with nobody, one that several name is of the first.
  /// - Returns: the decision, or that there is none yet, or that there will never be one, and why.
  package static func decide(
    _ decision: PoolDecision, votes: [PoolVote], failed: Int, members: Int, judged: [[Int]]? = nil
  ) -> AgreementResult {
    var seen: Set<Int> = []
    let counted = votes.filter { seen.insert($0.member).inserted }
    let tally = Tally(votes: counted, failed: failed, members: members)
    switch decision.strategy {
    case .first: return first(tally)
    case .all: return all(tally)
    case .majority: return agreement(of: members / 2 + 1, decision.equality, tally, judged)
    case .quorum: return agreement(of: max(1, decision.quorum), decision.equality, tally, judged)
    }
  }

  /// The answers and what can still come.
  private struct Tally {
    let votes: [PoolVote]
    let failed: Int
    let members: Int

    var open: Int { max(0, members - votes.count - failed) }
    var summary: String { "\(votes.count) of \(members) members answered, \(failed) failed" }
  }

  private static func first(_ tally: Tally) -> AgreementResult {
    if let vote = tally.votes.first { return .decided(winners: [vote.member], output: vote.output) }
    return tally.open > 0 ? .undecided : .impossible(reason: "no member answered: \(tally.failed) failed")
  }

  private static func all(_ tally: Tally) -> AgreementResult {
    if tally.votes.count >= tally.members, !tally.votes.isEmpty {
      let ordered = tally.votes.sorted { $0.member < $1.member }
      return .decided(winners: ordered.map(\.member), output: .array(ordered.map(\.output)))
    }
    if tally.votes.count + tally.open >= tally.members, tally.members > 0 { return .undecided }
    return .impossible(reason: "every member has to answer: \(tally.summary)")
  }

  private static func agreement(
    of needed: Int, _ equality: PoolEquality, _ tally: Tally, _ judged: [[Int]]?
  ) -> AgreementResult {
    if case .agent = equality, judged == nil, needed > 1 {
      // Nobody knows yet who agrees with whom; but too few are too few.
      if tally.votes.count + tally.open >= needed { return .undecided }
      return .impossible(reason: "\(needed) members have to agree: \(tally.summary)")
    }
    var grouping = AgreementGrouping(equality: equality, judged: judged)
    for vote in tally.votes {
      let group = grouping.add(vote)
      if group.count == needed { return .decided(winners: group.map(\.member).sorted(), output: group[0].output) }
    }
    if grouping.largest + tally.open >= needed { return .undecided }
    return .impossible(
      reason: "\(needed) members have to agree, and at most \(grouping.largest + tally.open) can: \(tally.summary)")
  }
}
