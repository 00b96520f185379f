// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The states of a search as a table, built ahead of time and breadth first as far as the limits allow.
///
/// Where the table ends, the simulation takes over from the state reached: slower, and as linear.
struct PatternAutomaton: Sendable {
  static let dead: Int32 = 0
  static let matched: Int32 = 1
  static let unknown: Int32 = -1
  static let firstState: Int32 = 2

  let start: Int32
  let kinds: Int
  /// The next state by state and kind.
  private(set) var next: [Int32]
  /// Whether the text may end in the state.
  private(set) var endsInMatch: [Bool]
  /// What each state stands for, where the table does not know all its neighbours; otherwise empty.
  private(set) var states: [PatternStates.State]

  init(_ program: PatternProgram) {
    var walk = PatternStates(program)
    kinds = program.partition.count
    next = [Int32](repeating: Self.dead, count: kinds) + [Int32](repeating: Self.matched, count: kinds)
    endsInMatch = [false, true]
    states = [PatternStates.State(places: []), PatternStates.State(places: [], isMatch: true)]
    let first = walk.start()
    if first.isMatch || walk.isDead(first) {
      start = first.isMatch ? Self.matched : Self.dead
      states = []
      return
    }
    start = Self.firstState
    var numbers: [PatternStates.State: Int32] = [first: start]
    add(first, matchesAtEnd: walk.matchesAtEnd(first))
    var isComplete = true
    var current = Int(start)
    while current < states.count {
      for kind in 0..<kinds {
        guard walk.steps < PatternLimits.maxBuildingSteps else {
          isComplete = false
          break
        }
        let reached = walk.step(states[current], kind: kind)
        if reached.isMatch {
          next[current * kinds + kind] = Self.matched
        } else if walk.isDead(reached) {
          next[current * kinds + kind] = Self.dead
        } else if let known = numbers[reached] {
          next[current * kinds + kind] = known
        } else if states.count < PatternLimits.maxStates, next.count + kinds <= PatternLimits.maxTransitions {
          let number = Int32(states.count)
          numbers[reached] = number
          next[current * kinds + kind] = number
          add(reached, matchesAtEnd: walk.matchesAtEnd(reached))
        } else {
          isComplete = false
        }
      }
      current += 1
    }
    if isComplete { states = [] }
  }

  private mutating func add(_ state: PatternStates.State, matchesAtEnd: Bool) {
    states.append(state)
    endsInMatch.append(matchesAtEnd)
    next += [Int32](repeating: Self.unknown, count: kinds)
  }
}
