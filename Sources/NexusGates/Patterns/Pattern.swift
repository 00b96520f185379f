// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A regular expression that is matched in time linear in the text, whatever the pattern.
///
/// Both syntaxes are searched for anywhere in the text, by Unicode scalars. The pattern is compiled to a program
/// (`PatternProgram`), its first states to a table (`PatternAutomaton`); nothing backtracks.
package struct Pattern: Sendable {
  /// One reference, so that handing a pattern on costs one count.
  private final class Compiled: Sendable {
    let text: String
    let syntax: PatternSyntax
    let program: PatternProgram
    let automaton: PatternAutomaton

    init(_ text: String, _ syntax: PatternSyntax, _ program: PatternProgram) {
      self.text = text
      self.syntax = syntax
      self.program = program
      automaton = PatternAutomaton(program)
    }
  }

  private let compiled: Compiled

  package var text: String { compiled.text }
  package var syntax: PatternSyntax { compiled.syntax }
  private var program: PatternProgram { compiled.program }

  /// Compiles a pattern.
  ///
  /// - Throws: `PatternError` for a text that is no pattern, asks for look-around or back-references, or passes a limit.
  package init(parsing text: String, syntax: PatternSyntax) throws(PatternError) {
    var parser = PatternParser(text, syntax: syntax)
    let node = try parser.parse()
    if let refusal = parser.refusals.first { throw refusal }
    compiled = Compiled(text, syntax, try PatternProgram(node))
  }

  /// Whether the text is a pattern by the grammar, also where it asks for what this engine refuses to run.
  package static func isWellFormed(_ text: String, syntax: PatternSyntax) -> Bool {
    var parser = PatternParser(text, syntax: syntax)
    return (try? parser.parse()) != nil
  }

  /// The number of instructions, for whoever bounds what a match may cost.
  package var instructionCount: Int { program.instructions.count }

  /// Whether the pattern occurs in the text.
  package func matches(_ text: String) -> Bool {
    var steps = Int.max
    return matches(text, steps: &steps) ?? false
  }

  /// Whether the pattern occurs in the text; nil if finding out takes more steps than there are left.
  ///
  /// As far as the table knows the pattern a match takes none; beyond, each visit of an instruction is one.
  package func matches(_ text: String, steps: inout Int) -> Bool? {
    let bytes = text.utf8.span
    let automaton = compiled.automaton
    var state = automaton.start
    var index = 0
    let kinds = automaton.kinds
    while index < bytes.count {
      if state < PatternAutomaton.firstState { return state == PatternAutomaton.matched }
      let first = bytes[index]
      let kind: UInt16
      let previous = index
      if first < 0x80 {
        kind = compiled.program.partition.ascii[Int(first)]
        index += 1
      } else {
        kind = compiled.program.partition.kind(of: Self.scalar(in: bytes, at: &index))
      }
      let reached = automaton.next[Int(state) * kinds + Int(kind)]
      if reached == PatternAutomaton.unknown {
        return simulate(from: automaton.states[Int(state)], bytes, at: previous, steps: &steps)
      }
      state = reached
    }
    return automaton.endsInMatch[Int(state)]
  }

  /// Goes on where the table ends.
  private func simulate(from start: PatternStates.State, _ bytes: Span<UInt8>, at place: Int, steps: inout Int)
    -> Bool?
  {
    var walk = PatternStates(program)
    defer { steps -= min(steps, walk.steps) }
    var state = start
    var index = place
    while index < bytes.count {
      if state.isMatch || walk.isDead(state) { return state.isMatch }
      guard walk.steps < steps else { return nil }
      state = walk.step(state, kind: Int(program.partition.kind(of: Self.scalar(in: bytes, at: &index))))
    }
    return walk.matchesAtEnd(state)
  }

  /// Reads one scalar of well-formed UTF-8.
  private static func scalar(in bytes: Span<UInt8>, at index: inout Int) -> UInt32 {
    let first = UInt32(bytes[index])
    let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    var scalar = length == 1 ? first : first & (0x7F >> UInt32(length))
    for ahead in 1..<length { scalar = scalar << 6 | UInt32(bytes[index + ahead] & 0x3F) }
    index += length
    return scalar
  }
}
