// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Answers sorted into groups of equal ones, as they come.
struct AgreementGrouping {
  private enum Key: Hashable {
    case value(JSONValue)
    case judged(Int)
    /// Equal to nothing but itself.
    case alone(Int)
  }

  private let equality: PoolEquality
  /// By member, the group that the judge put it into.
  private let verdict: [Int: Int]?
  private var groups: [Key: [PoolVote]] = [:]
  /// The size of the largest group.
  private(set) var largest = 0

  init(equality: PoolEquality, judged: [[Int]]?) {
    self.equality = equality
    guard case .agent = equality else {
      verdict = nil
      return
    }
    var verdict: [Int: Int] = [:]
    for (index, group) in (judged ?? []).enumerated() {
      for member in group where verdict[member] == nil { verdict[member] = index }
    }
    self.verdict = verdict
  }

  /// Adds an answer and returns all that are equal to it, in the order in which they came.
  mutating func add(_ vote: PoolVote) -> [PoolVote] {
    let group = groups[key(of: vote), default: []] + [vote]
    groups[key(of: vote)] = group
    largest = max(largest, group.count)
    return group
  }

  private func key(of vote: PoolVote) -> Key {
    switch equality {
    case .canonical: return .value(vote.output)
    case .path(let path):
      // An answer that lacks the place agrees with nobody, not even with others that lack it.
      return vote.output.value(at: path).map(Key.value) ?? .alone(vote.member)
    case .normalised(let changes): return .value(vote.output.normalised(by: changes))
    case .agent: return verdict?[vote.member].map(Key.judged) ?? .alone(vote.member)
    }
  }
}

extension JSONValue {
  /// The value at a place inside this one; nil if there is none.
  fileprivate func value(at path: [ReferencePart]) -> JSONValue? {
    var current = self
    for part in path {
      switch (part, current) {
      case (.member(let name), .object(let object)):
        guard let next = object[name] else { return nil }
        current = next
      case (.element(let index), .array(let elements)):
        guard elements.indices.contains(index) else { return nil }
        current = elements[index]
      default: return nil
      }
    }
    return current
  }
}
