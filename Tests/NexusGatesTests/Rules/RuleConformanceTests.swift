// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

/// The conformance tests of cel-spec that need no protobuf.
@Suite struct RuleConformanceTests {
  /// How many tests of a file must be run: fewer would be a loss that nobody sees.
  struct Expectation: Sendable {
    let file: String
    let all: Int
    let run: Int
    init(_ file: String, _ all: Int, _ run: Int) { (self.file, self.all, self.run) = (file, all, run) }
  }

  static let core = [
    Expectation("plumbing", 5, 5), Expectation("basic", 43, 43), Expectation("comparisons", 406, 334),
    Expectation("conversions", 109, 109), Expectation("fields", 60, 60), Expectation("fp_math", 30, 30),
    Expectation("integer_math", 64, 64), Expectation("lists", 39, 39), Expectation("logic", 30, 30),
    Expectation("macros", 44, 44), Expectation("namespace", 14, 14), Expectation("parse", 219, 193),
    Expectation("string", 51, 51), Expectation("timestamps", 78, 75),
  ]
  static let beyond = [
    Expectation("string_ext", 216, 213), Expectation("math_ext", 199, 199), Expectation("network_ext", 69, 69),
    Expectation("optionals", 70, 59), Expectation("macros2", 46, 46), Expectation("block_ext", 37, 25),
    Expectation("bindings_ext", 8, 8), Expectation("encoders_ext", 4, 4),
  ]
  static let checker = [Expectation("type_deduction", 47, 26)]
  static let messagesOnly = [
    Expectation("dynamic", 226, 0), Expectation("proto2", 118, 0), Expectation("proto3", 85, 0),
    Expectation("enums", 85, 0), Expectation("wrappers", 36, 0), Expectation("proto2_ext", 18, 0),
  ]

  @Test(arguments: core + beyond + checker)
  func `a file of the conformance tests passes`(expectation: Expectation) throws {
    let file = try ConformanceFile.load(expectation.file, from: try ConformanceFile.folder())
    let run = file.cases.filter { !$0.needsMessages }
    #expect(file.cases.count == expectation.all)
    #expect(run.count == expectation.run)
    for test in run {
      if let complaint = ConformanceRun(test).complaint() { Issue.record("\(test.name): \(complaint)") }
    }
  }

  @Test func `the sums are those of the documentation`() {
    #expect(Self.core.map(\.run).reduce(0, +) == 1091)
    #expect(Self.beyond.map(\.run).reduce(0, +) == 623)
    #expect(Self.checker.map(\.run).reduce(0, +) == 26)
  }

  @Test(arguments: core + beyond + checker + messagesOnly)
  func `what is left out needs messages, and says so`(expectation: Expectation) throws {
    let file = try ConformanceFile.load(expectation.file, from: try ConformanceFile.folder())
    let skipped = file.cases.filter(\.needsMessages)
    #expect(skipped.count == expectation.all - expectation.run)
    for test in skipped { print("skipped \(test.name): \(ConformanceRun.reason(test))") }
  }
}
