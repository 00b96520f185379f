// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A pattern as instructions for Thompson's simulation (Cox, "Regular Expression Matching: the Virtual Machine
/// Approach").
///
/// The order of preference between branches is not kept: only whether there is a match is asked.
struct PatternProgram: Sendable {
  enum Instruction: Sendable {
    /// Takes one scalar of the set of that number, then goes on behind itself.
    case take(set: Int)
    case split(Int, Int)
    case jump(Int)
    case check(PatternAssertion)
    case match
  }

  let instructions: [Instruction]
  let partition: ScalarPartition
  /// Which kinds are word characters, and which are the newline.
  let wordKinds: [Bool]
  let newlineKinds: [Bool]

  init(_ node: PatternNode) throws(PatternError) {
    var assembly = PatternAssembly()
    try assembly.add(node)
    try assembly.append(.match)
    instructions = assembly.instructions
    // The two come last, so that assertions can ask for them.
    let sets = assembly.sets + [.word, .newline]
    guard let partition = ScalarPartition(of: sets) else {
      throw PatternError(reason: .tooLarge, message: "the pattern tells too many kinds of characters apart", offset: 0)
    }
    self.partition = partition
    wordKinds = partition.members[sets.count - 2]
    newlineKinds = partition.members[sets.count - 1]
  }
}

private struct PatternAssembly {
  var instructions: [PatternProgram.Instruction] = []
  private(set) var sets: [ScalarSet] = []
  private var numbers: [ScalarSet: Int] = [:]

  mutating func append(_ instruction: PatternProgram.Instruction) throws(PatternError) {
    guard instructions.count < PatternLimits.maxInstructions else {
      throw PatternError(
        reason: .tooLarge, message: "the pattern needs more than \(PatternLimits.maxInstructions) instructions",
        offset: 0)
    }
    instructions.append(instruction)
  }

  mutating func add(_ node: PatternNode) throws(PatternError) {
    switch node {
    case .empty: break
    case .scalar(let set): try append(.take(set: number(of: set)))
    case .assertion(let assertion): try append(.check(assertion))
    case .sequence(let parts): for part in parts { try add(part) }
    case .choice(let branches): try add(choice: branches)
    case .repetition(let body, let least, let most): try add(body, least: least, most: most)
    }
  }

  private mutating func number(of set: ScalarSet) -> Int {
    if let known = numbers[set] { return known }
    numbers[set] = sets.count
    sets.append(set)
    return sets.count - 1
  }

  private mutating func add(choice branches: [PatternNode]) throws(PatternError) {
    var ends: [Int] = []
    for (number, branch) in branches.enumerated() {
      guard number < branches.count - 1 else {
        try add(branch)
        break
      }
      let split = instructions.count
      try append(.split(split + 1, 0))
      try add(branch)
      ends.append(instructions.count)
      try append(.jump(0))
      instructions[split] = .split(split + 1, instructions.count)
    }
    for end in ends { instructions[end] = .jump(instructions.count) }
  }

  private mutating func add(_ body: PatternNode, least: Int, most: Int?) throws(PatternError) {
    for _ in 0..<least {
      let start = instructions.count
      try add(body)
      // A body without instructions matches the empty text, however often.
      if instructions.count == start { return }
    }
    guard let most else {
      let split = instructions.count
      try append(.split(split + 1, 0))
      try add(body)
      try append(.jump(split))
      instructions[split] = .split(split + 1, instructions.count)
      return
    }
    var splits: [Int] = []
    for _ in 0..<max(0, most - least) {
      splits.append(instructions.count)
      try append(.split(instructions.count + 1, 0))
      try add(body)
    }
    for split in splits { instructions[split] = .split(split + 1, instructions.count) }
  }
}
