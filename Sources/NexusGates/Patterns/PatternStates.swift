// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The places in a program where a search can be at once, and how a scalar moves them.
///
/// A state is closed over all instructions that take no scalar, as far as that is known without the next one:
/// assertions about what follows stay in it until the next kind, or the end, decides them.
struct PatternStates {
  struct State: Hashable {
    /// Sorted.
    var places: [Int32]
    /// What lies before, for the assertions that stayed; nothing where none stayed, so that equal states are one.
    var before = Before()
    var isMatch = false
  }

  /// What lies before a place.
  struct Before: Hashable {
    var isStart = false
    var isWord = false
    var isNewline = false
  }

  /// What lies behind a place: not known yet, the end, or a scalar of a kind.
  private enum Behind {
    case unknown, end
    case kind(Int)
  }

  private let program: PatternProgram
  private let startsAtLines: Bool
  /// The mark of the last closure that visited an instruction.
  private var marks: [UInt32]
  private var mark: UInt32 = 0
  private var stack: [Int] = []
  /// Instructions visited so far.
  private(set) var steps = 0

  init(_ program: PatternProgram) {
    self.program = program
    startsAtLines = program.instructions.contains { if case .check(.lineStart) = $0 { true } else { false } }
    marks = [UInt32](repeating: 0, count: program.instructions.count)
  }

  /// Whether no text that follows can match: nothing is under way, and no new line can begin a search anew.
  func isDead(_ state: State) -> Bool { state.places.isEmpty && !state.isMatch && !startsAtLines }

  /// Where every search starts.
  mutating func start() -> State { close([0], before: Before(isStart: true), behind: .unknown) }

  /// The state behind a scalar of that kind; a search may begin anew at every place.
  mutating func step(_ state: State, kind: Int) -> State {
    let resolved = resolve(state, behind: .kind(kind))
    if resolved.isMatch { return resolved }
    var seeds: [Int] = []
    for place in resolved.places {
      if case .take(let set) = program.instructions[Int(place)], program.partition.members[set][kind] {
        seeds.append(Int(place) + 1)
      }
    }
    seeds.append(0)
    let before = Before(isWord: program.wordKinds[kind], isNewline: program.newlineKinds[kind])
    return close(seeds, before: before, behind: .unknown)
  }

  /// Whether the text may end here.
  mutating func matchesAtEnd(_ state: State) -> Bool { state.isMatch || resolve(state, behind: .end).isMatch }

  /// Decides the assertions that stayed open.
  private mutating func resolve(_ state: State, behind: Behind) -> State {
    let isOpen = state.places.contains { place in
      if case .check = program.instructions[Int(place)] { true } else { false }
    }
    guard isOpen else { return state }
    return close(state.places.map(Int.init), before: state.before, behind: behind)
  }

  private mutating func close(_ seeds: [Int], before: Before, behind: Behind) -> State {
    mark += 1
    var state = State(places: [])
    for seed in seeds.reversed() { visit(seed) }
    while let place = stack.popLast() {
      steps += 1
      switch program.instructions[place] {
      case .match:
        stack.removeAll(keepingCapacity: true)
        return State(places: [], isMatch: true)
      case .take: state.places.append(Int32(place))
      case .jump(let target): visit(target)
      case .split(let first, let second):
        visit(second)
        visit(first)
      case .check(let assertion):
        switch holds(assertion, before: before, behind: behind) {
        case true?: visit(place + 1)
        case false?: break
        case nil:
          state.places.append(Int32(place))
          state.before = before
        }
      }
    }
    state.places.sort()
    return state
  }

  private mutating func visit(_ place: Int) {
    guard marks[place] != mark else { return }
    marks[place] = mark
    stack.append(place)
  }

  /// Nil if what follows decides and is not known yet.
  private func holds(_ assertion: PatternAssertion, before: Before, behind: Behind) -> Bool? {
    switch assertion {
    case .textStart: return before.isStart
    case .lineStart: return before.isStart || before.isNewline
    case .textEnd, .lineEnd:
      switch behind {
      case .unknown: return nil
      case .end: return true
      case .kind(let kind): return assertion == .lineEnd && program.newlineKinds[kind]
      }
    case .wordBoundary, .notWordBoundary:
      let isWord: Bool
      switch behind {
      case .unknown: return nil
      case .end: isWord = false
      case .kind(let kind): isWord = program.wordKinds[kind]
      }
      return (isWord != before.isWord) == (assertion == .wordBoundary)
    }
  }
}
