// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusGates
import Testing

/// Rules that are nearly right, and rules that are right with values at the ends of their types.
struct RuleFuzzTests {
  private static let output: JSONValue = [
    "n": 3, "d": .double(-0.5), "s": "añb😀", "b": true, "z": .null, "l": [1, .double(2.5), "x", [], ["k": 1]],
    "m": ["a": 1, "b": ["c": [1, 2, 3]]], "big": 9_007_199_254_740_991, "t": "2026-02-29T23:59:60Z",
  ]
  private static let schema: JSONValue = [
    "type": "object",
    "properties": [
      "n": ["type": "integer"], "s": ["type": "string", "maxLength": 20], "b": ["type": "boolean"],
      "l": ["type": "array", "maxItems": 5], "big": ["type": "integer"],
    ],
  ]

  /// Parses, checks, estimates and evaluates, typed and untyped, and holds the cost to its limit.
  @Sendable private static func attempt(_ text: String) -> String? {
    for types in [nil, SchemaTypes(schema: schema)] {
      var environment = RuleEnvironment(
        variables: [
          RuleVariable("output", types?.type ?? .dyn, bound: types?.bound ?? .unknown), RuleVariable("now", .timestamp),
        ])
      environment.limits = environment.limits.lowered(ruleCost: 3_000, allocatedBytes: 100_000)
      environment.checksTypes = types != nil
      guard let rule = try? CompiledRule(text, in: environment),
        let value = try? RuleValue(output, as: types?.type ?? .dyn)
      else { continue }
      let outcome = rule.evaluate(RuleBindings([value, nil]))
      if outcome.cost > 3_000 { return "it cost \(outcome.cost)" }
      let again = rule.evaluate(RuleBindings([value, nil]))
      if outcome.cost != again.cost { return "it cost \(outcome.cost), then \(again.cost)" }
      if types != nil, let worst = rule.worstCost, outcome.cost > worst, outcome.cost < 3_000 {
        return "it cost \(outcome.cost), and at most \(worst) was foreseen"
      }
    }
    return nil
  }

  @Test func `whatever is given for a rule is refused or evaluated within its limits`() {
    let source = FuzzBytes(
      corpus: [
        "output.n > 1 && size(output.l) <= 3", "output.l.filter(x, type(x) == double).map(x, x * 2.0)[0] == 2.0",
        "has(output.m.a) ? output.m['a'] : output.?m.?q.orValue(7)",
        "timestamp('2026-01-01T00:00:00Z') + duration('1h')",
        "output.s.matches('^a.*b$') || output.s.contains('ñ')", "cel.bind(x, output.n + 1, x * x)",
        "{'a': [1u, -2, 3.5e3, b'\\x00', r'\\d']}.a.exists(i, v, i == 0)", "ip('10.0.0.1').family() == 4",
        "'%s %d %.3f %x'.format([output.s, 1, 2.0, 255])", "output.l.transformList(i, v, i)", "!!-(-1) in [1, 2]",
      ],
      words: [
        "(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "!", "-", "&&", "||", "in", "==", "<", "output", "output.",
        ".?", "[?",
        "'", "\"", "'''", "\\u00", "b'", "r\"", "0x", "1u", "9223372036854775807", "-9223372036854775808", "1e308",
        "(1 + ",
        "[[", "!!", "--", "a ? b : ", ".map(x, ", ".all(x, ", "cel.bind(y, ", "{1: ", "// ", "`a`", "true", "null",
        ".x",
        "optional.of(", "output.l[", " + output.l",
      ])
    FuzzRun().cases(1_000, "rules", of: source) { bytes, _ in
      Self.attempt(String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test func `functions and operators with values at the ends of their types never trap`() {
    FuzzRun().cases(1_500, "calls", of: CallSource()) { bytes, _ in
      Self.attempt(String(decoding: bytes, as: UTF8.self))
    }
  }
}

private struct CallSource: FuzzSource {
  func make(_ random: inout SplitMix) -> [UInt8] {
    var maker = CallMaker(random: random)
    defer { random = maker.random }
    return Array(maker.expression(depth: 0).utf8)
  }
}

/// Calls with arguments of any type, which only the evaluation tells apart.
private struct CallMaker {
  var random: SplitMix

  private static let methods = [
    "startsWith", "endsWith", "contains", "matches", "indexOf", "lastIndexOf", "substring", "charAt", "split",
    "replace",
    "join", "trim", "lowerAscii", "upperAscii", "reverse", "format", "size", "getFullYear", "getMonth", "getDate",
    "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds",
    "hasValue",
    "value", "or", "orValue", "family", "masked", "prefixLength", "containsIP", "containsCIDR", "ip", "isLoopback",
    "isUnspecified", "isGlobalUnicast",
  ]
  private static let functions = [
    "int", "uint", "double", "string", "bytes", "bool", "timestamp", "duration", "type", "dyn", "size", "ip", "cidr",
    "isIP",
    "isCIDR", "ip.isCanonical", "math.abs", "math.sign", "math.sqrt", "math.ceil", "math.floor", "math.round",
    "math.trunc",
    "math.isNaN", "math.bitNot", "math.bitAnd", "math.bitOr", "math.bitXor", "math.bitShiftLeft", "math.bitShiftRight",
    "math.greatest", "math.least", "base64.encode", "base64.decode", "strings.quote", "optional.of", "optional.none",
    "optional.ofNonZeroValue",
  ]
  private static let operators = ["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "in", "&&", "||"]
  private static let leaves = [
    "0", "1", "-1", "2", "63", "64", "9223372036854775807", "-9223372036854775808", "0u", "18446744073709551615u",
    "0.0",
    "-0.0", "1e308", "-1.5", "5e-324", "double('NaN')", "double('inf')", "1e19", "-9223372036854775808.0", "''", "'a'",
    "'añ😀'", "'%s'", "'%.100f'", "'%e'", "'%d'", "'%x'", "'%'", "'%.'", "b''", "b'\\xff\\x00'", "[]", "[1, 'a', 2.0]",
    "{}",
    "{'a': 1, 2: [3]}", "null", "true", "false", "dyn(1)", "timestamp('0001-01-01T00:00:00Z')",
    "timestamp('9999-12-31T23:59:59.999999999Z')", "timestamp(0)", "duration('9223372036s')",
    "duration('-9223372036.9s')",
    "duration('1ns')", "duration('0')", "'UTC'", "'-23:59'", "'+99:99'", "'1h99999999999h'", "'2024-02-30T00:00:00Z'",
    "ip('::')", "ip('255.255.255.255')", "cidr('10.0.0.0/8')", "cidr('::/0')", "'::ffff:1.2.3.4'",
    "'1.2.3.99999999999999999999'",
    "'10.0.0.0/99999999999999999999'", "optional.none()", "optional.of(1)", "output", "output.l", "output.m",
    "output.s",
    "output.big", "output.missing", "type(1)", "int", "now", "'=A=='", "'QUJD'", "'(a+)+$'", "'[a'", "'.{1000}'",
  ]

  private mutating func one(of list: [String]) -> String { list[random.below(list.count)] }

  mutating func expression(depth: Int) -> String {
    guard depth < 4, random.below(5) > 0 else { return one(of: Self.leaves) }
    func part() -> String { expression(depth: depth + 1) }
    switch random.below(10) {
    case 0, 1: return "(\(part()) \(one(of: Self.operators)) \(part()))"
    case 2, 3: return "\(one(of: Self.functions))(\(arguments(depth, from: 1)))"
    case 4, 5, 6: return "(\(part())).\(one(of: Self.methods))(\(arguments(depth, from: 0)))"
    case 7: return "(\(part()))[\(part())]"
    case 8:
      let macro = one(of: ["map", "filter", "all", "exists", "exists_one", "transformList", "transformMap"])
      let names = macro.hasPrefix("transform") ? "i, v" : "v"
      return "(\(part())).\(macro)(\(names), \(part()))"
    default:
      return one(of: ["-(\(part()))", "[\(part()), \(part())]", "{'k': \(part())}", "(\(part()) ? \(part()) : 1)"])
    }
  }

  private mutating func arguments(_ depth: Int, from least: Int) -> String {
    (0..<least + random.below(3)).map { _ in expression(depth: depth + 1) }.joined(separator: ", ")
  }
}
