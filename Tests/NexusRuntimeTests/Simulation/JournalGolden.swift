// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import NexusStore

/// The journal of a whole run as a released version wrote it, and what it adds up to after each entry.
///
/// ```
/// {"definition":…,"input":…}                 what the run is pinned to
/// 3 1790000000000000<tab>{"v":1,…}<tab>…     an entry: its number, its time in microseconds, its lines
/// = running attempts=1                       how the run stands with it
/// ~ s0 completed attempts=1                  at the end: how each step stands
/// ```
struct JournalGolden: Equatable {
  var definition: JSONValue
  var input: JSONValue
  var entries: [JournalEntry]
  /// After each entry.
  var standings: [String]
  var steps: [String]

  struct Malformed: Error { let line: String }

  /// A journal with what the present version makes of it.
  init(definition: JSONValue, input: JSONValue, entries: [JournalEntry]) throws {
    self.definition = definition
    self.input = input
    self.entries = entries
    standings = []
    guard let pinned = FlowDefinition(pinned: definition) else { throw Malformed(line: "definition") }
    var machine = FlowMachine(run: RunID("run_golden"), definition: pinned, input: input)
    for entry in entries {
      machine.apply(entry)
      standings.append(Self.standing(machine.outlook))
    }
    steps = machine.stepViews.map { view in
      let rest = view.compensation.map { " compensation=\($0)" } ?? ""
      return "\(view.path) \(view.status) attempts=\(view.attempts)\(rest)"
    }
  }

  private static func standing(_ outlook: RunOutlook) -> String {
    var words = ["\(outlook.status.rawValue) attempts=\(outlook.attempts)"]
    if let reason = outlook.pauseReason { words.append("reason=\(reason.rawValue)") }
    if let error = outlook.error { words.append("error=\(error.code)") }
    if let output = outlook.output { words.append("output=\(String(decoding: output.encoded(), as: UTF8.self))") }
    return words.joined(separator: " ")
  }

  init(parsing text: String) throws {
    (entries, standings, steps) = ([], [], [])
    var lines = text.split(separator: "\n").map(String.init)
    let head = try JSONValue(parsing: Array((lines.isEmpty ? "" : lines.removeFirst()).utf8))
    guard case .object = head else { throw Malformed(line: "head") }
    definition = head["definition"] ?? .null
    input = head["input"] ?? .null
    for line in lines {
      if line.hasPrefix("= ") {
        standings.append(String(line.dropFirst(2)))
      } else if line.hasPrefix("~ ") {
        steps.append(String(line.dropFirst(2)))
      } else {
        entries.append(try Self.entry(line))
      }
    }
  }

  private static func entry(_ line: String) throws -> JournalEntry {
    let parts = line.split(separator: "\t", maxSplits: 1)
    let numbers = parts.first?.split(separator: " ").compactMap { Int64($0) } ?? []
    guard parts.count == 2, numbers.count == 2 else { throw Malformed(line: line) }
    return JournalEntry(
      sequence: JournalSequence(numbers[0]), at: WallTime(microseconds: numbers[1]),
      entry: try EntryFormat.decode(Array(parts[1].replacing("\t", with: "\n").utf8)))
  }

  func text() throws -> String {
    let head = JSONValue.object(["definition": definition, "input": input])
    var lines = [String(decoding: head.encoded(.canonical), as: UTF8.self)]
    for (entry, standing) in zip(entries, standings) {
      let bytes = String(decoding: try EntryFormat.encode(entry.entry), as: UTF8.self).replacing("\n", with: "\t")
      lines += ["\(entry.sequence.value) \(entry.at.microseconds)\t\(bytes)", "= \(standing)"]
    }
    return (lines + steps.map { "~ \($0)" }).joined(separator: "\n") + "\n"
  }
}
