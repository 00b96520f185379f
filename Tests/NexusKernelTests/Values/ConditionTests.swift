// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusKernel
import Testing

struct ConditionTests {
  @Test(
    arguments: [
      ("true", true), ("false", false), ("!false", true), ("!!true", true), ("(true)", true),
      ("run.input.dry", false), ("!run.input.dry", true), ("{{ run.input.dry }}", false), ("!{{run.input.dry}}", true),
      ("{{ run.input.n == 3 }}", true), ("{{ run.input.n }} == {{ run.input.n }}", true),
      ("run.input.n == 3", true), ("run.input.n==3.0", true), ("1 == 1.0", true), ("1.5 == 1.5e0", true),
      ("run.input.n != 3", false), ("3 < 4", true), ("4 <= 4", true), ("4<4", false), ("5 > 4.5", true),
      ("-1 >= -1", true),
      ("9007199254740993 > 9007199254740992.0", true), ("9223372036854775807 < 1e19", true), ("-1e19 < -5", true),
      ("1 < 1.5", true), ("-1 > -1.5", true), ("2 < 1.5", false),
      ("'a' < 'b'", true), ("\"b\" <= 'a'", false), ("'é' == 'e\u{301}'", false), ("'\\u0061' == 'a'", true),
      ("'\u{FFFF}' < '\u{10000}'", true),
      ("'1' == 1", false), ("null == false", false), ("null == null", true), ("[] == []", true),
      ("[1, 'a'] == [1.0, 'a']", true),
      ("run.input.topic in ['sagas', 'pools']", true), ("!(run.input.topic in ['pools'])", true), ("1 in [1.0]", true),
      ("'one' in steps.plan.output.titles", true), ("'title' in steps.plan.output", true),
      ("'x' in steps.plan.output", false),
      ("true || false && false", true), ("(true || false) && false", false), ("false || true", true),
      ("steps.plan.status == 'completed' && steps.plan.output.score >= 0.8", true),
      ("index == 2 && item.id == 7", true), ("run.input['odd key'] == 'k'", true),
      // What is missing equals null, and only null may be asked for it.
      ("run.input.missing == null", true), ("run.input.missing != null", false),
      ("null == run.input.missing.deeper", true),
      ("steps.skipped.output.score == null", true), ("steps.skipped.output == null", true),
      ("run.input.n != null", true),
      // As in CEL: what one side decides, an error on the other side does not undo.
      ("false && run.input.missing", false), ("run.input.missing && false", false),
      ("run.input.missing || true", true), ("true || run.input.topic", true), ("run.input.topic && false", false),
    ]) func `a condition holds or not`(_ source: String, _ holds: Bool) throws
  {
    let condition = try Condition(parsing: source)
    #expect(try condition.holds(in: TableScope.run) == holds)
    #expect(condition.source == source)
  }

  @Test(
    arguments: [
      ("run.input.n", "NX-RUN-021"), ("'true'", "NX-RUN-021"), ("!run.input.topic", "NX-RUN-021"),
      ("null", "NX-RUN-021"),
      ("run.input.n && true", "NX-RUN-021"), ("run.input.topic || false", "NX-RUN-021"), ("1 < 'a'", "NX-RUN-021"),
      ("true < false", "NX-RUN-021"), ("null < 1", "NX-RUN-021"), ("[1] < [2]", "NX-RUN-021"), ("1 in 1", "NX-RUN-021"),
      ("1 in run.input", "NX-RUN-021"), ("'a' in 'abc'", "NX-RUN-021"),
      ("run.input.missing", "NX-RUN-020"), ("run.input.missing == 3", "NX-RUN-020"),
      ("!run.input.missing", "NX-RUN-020"),
      ("run.input.missing == run.input.nothing", "NX-RUN-020"), ("run.input.missing in [null]", "NX-RUN-020"),
      ("run.input.missing && true", "NX-RUN-020"), ("false || run.input.missing", "NX-RUN-020"),
    ]) func `what cannot be decided is an error that is never retried`(_ source: String, _ code: String) throws
  {
    let condition = try Condition(parsing: source)
    let error = #expect(throws: RunError.self) { _ = try condition.holds(in: TableScope.run) }
    #expect(error?.code == code, "\(error?.message ?? "")")
    #expect(error?.isRetryable == false)
  }

  @Test(
    arguments: [
      ("", 0), ("  ", 2), ("==", 0), ("run.input.n =", 12), ("run.input.n = 3", 12), ("true & true", 5),
      ("true | true", 5),
      ("1 < 2 < 3", 6), ("a == 1", 0), ("(true", 5), ("true)", 4), ("[1, ", 4), ("[1 2]", 3), ("'a", 0), ("01 == 1", 0),
      ("1. == 1", 0), ("1e == 1", 0), ("- 1 == 1", 0), ("true true", 5), ("{ run.id } == 'a'", 0),
      ("{{ run.id == 'a'", 16),
      ("in [1]", 0), ("run.id in", 9), ("! == 1", 2), ("run.input.n not in [1]", 12), ("size(run.input) > 1", 0),
      ("run.input.n ? true : false", 12), ("run.input.n + 1 == 4", 12), ("run.Input == 1", 4),
    ]) func `what is no condition is refused where it goes wrong`(_ source: String, _ offset: Int)
  {
    let error = #expect(throws: ValueSyntaxError.self) { _ = try Condition(parsing: source) }
    #expect(error?.offset == offset, "\(error?.description ?? "")")
  }

  @Test func `a condition lists what it refers to`() throws {
    let condition = try Condition(parsing: "steps.a.output.x in [run.input.y] && !(item == null || index > 3)")
    #expect(condition.references.map(\.text) == ["steps.a.output.x", "run.input.y", "item", "index"])
    #expect(condition.concernsItems)
    #expect(try !Condition(parsing: "run.input.item").concernsItems)
  }

  @Test func `a condition is bounded in length and depth`() throws {
    let deepest = String(repeating: "!", count: ValueLimits.maxDepth) + "true"
    #expect(try Condition(parsing: deepest).holds(in: TableScope.run))
    #expect(throws: ValueSyntaxError.self) { _ = try Condition(parsing: "!" + deepest) }
    for (open, close) in [("(", ")"), ("[", "]"), ("{{", "}}")] {
      let text = String(repeating: open, count: ValueLimits.maxDepth + 1) + "1"
      #expect(throws: ValueSyntaxError.self) {
        _ = try Condition(parsing: text + String(repeating: close, count: ValueLimits.maxDepth + 1))
      }
    }
    let sides = Array(repeating: "true", count: 500).joined(separator: "&&")
    #expect(try Condition(parsing: sides).holds(in: TableScope.run))
    let long = "true" + String(repeating: " ", count: ValueLimits.maxConditionBytes)
    #expect(throws: ValueSyntaxError.self) { _ = try Condition(parsing: long) }
  }

  // MARK: Properties

  /// A condition of known value, written at random.
  private static func written(_ value: Bool, depth: Int, _ random: inout SeededNumbers) -> String {
    if depth == 0 {
      let (left, right) = (Int.random(in: -3...3, using: &random), Int.random(in: -3...3, using: &random))
      let operators: [(String, Bool)] = [
        ("==", left == right), ("!=", left != right), ("<", left < right), ("<=", left <= right), (">", left > right),
        (">=", left >= right),
      ]
      let fitting = operators.filter { $0.1 == value }.randomElement(using: &random)?.0 ?? "=="
      return "\(left)\(Bool.random(using: &random) ? ".0" : "") \(fitting) \(right)"
    }
    func inner(_ value: Bool) -> String { "(" + written(value, depth: depth - 1, &random) + ")" }
    let other = Bool.random(using: &random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: return "!" + inner(!value)
    case 1: return value ? inner(true) + " && " + inner(true) : inner(other) + "&&" + inner(false)
    case 2: return value ? inner(other) + "||" + inner(true) : inner(false) + " || " + inner(false)
    default: return "{{ " + inner(value) + " }} == " + (Bool.random(using: &random) ? "true" : "!false")
    }
  }

  @Test(arguments: 0..<40) func `a condition written at random has the value that it was written for`(
    _ seed: UInt64
  ) throws {
    var random = SeededNumbers(seed)
    for _ in 0..<50 {
      let value = Bool.random(using: &random)
      let source = Self.written(value, depth: Int.random(in: 0...4, using: &random), &random)
      guard source.utf8.count <= ValueLimits.maxConditionBytes else { continue }
      #expect(try Condition(parsing: source).holds(in: TableScope.run) == value, "\(source)")
    }
  }

  @Test(arguments: 0..<40) func `no text traps, and every error lies within it`(_ seed: UInt64) {
    var random = SeededNumbers(seed)
    let tokens = [
      "true", "null", "run.input.n", "item", "steps.plan.output", "==", "!=", "<", ">=", "&&", "||", "!", "in", "(",
      ")",
      "[", "]", ",", "{{", "}}", "'a'", "\"", "1", "-2.5", "1e400", " ", "é", "\u{0}", ".", "index", "[0]",
    ]
    for _ in 0..<500 {
      let text = (0..<Int.random(in: 0...10, using: &random)).map { _ in tokens.randomElement(using: &random) ?? "" }
        .joined(separator: Bool.random(using: &random) ? " " : "")
      do throws(ValueSyntaxError) {
        let condition = try Condition(parsing: text)
        do throws(RunError) { _ = try condition.holds(in: TableScope.run) } catch {
          #expect(["NX-RUN-020", "NX-RUN-021"].contains(error.code))
        }
      } catch {
        #expect((0...text.unicodeScalars.count).contains(error.offset))
      }
    }
  }
}
