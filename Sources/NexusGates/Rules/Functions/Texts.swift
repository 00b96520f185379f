// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static let pair = [FunctionSignature([.string, .string], .bool)]

  private static func predicate(
    _ name: String, product: Bool = false,
    _ holds: @escaping @Sendable (String, String) -> Bool
  ) -> RuleFunction {
    RuleFunction(
      name,
      .binary(.method, pair) { text, part, state throws(RuleFault) in
        guard case .string(let text) = text, case .string(let part) = part else {
          throw .noOverload("\(name)()", text, part)
        }
        if product {
          try state.meter.spend(searchCost(text, part))
        } else {
          try state.meter.walk(part.utf8.count)
        }
        return .bool(holds(text, part))
      })
  }

  /// What looking for a part everywhere in a text costs.
  static func searchCost(_ text: String, _ part: String) -> Int {
    let (cost, overflows) = (text.utf8.count / Meter.charactersPerUnit + 1).multipliedReportingOverflow(
      by: part.utf8.count / Meter.charactersPerUnit + 1)
    return overflows ? .max : cost
  }

  static let texts: [RuleFunction] = [
    predicate("startsWith") { text, part in text.begins(with: part) },
    predicate("endsWith") { text, part in text.ends(with: part) },
    predicate("contains", product: true) { text, part in
      ByteSearch.first(of: Array(part.utf8), in: Array(text.utf8)) != nil
    },
    RuleFunction("matches", .binary(.both, pair, PatternMatching.matches)),
  ]
}

/// Finds bytes in bytes.
enum ByteSearch {
  /// The first position from `start` on at which `part` occurs.
  static func first<Element: Equatable>(of part: [Element], in text: [Element], from start: Int = 0) -> Int? {
    guard part.count <= text.count, start <= text.count - part.count else { return nil }
    return (start...(text.count - part.count)).first { matches(part, text, at: $0) }
  }

  /// The last position up to `end` at which `part` occurs.
  static func last<Element: Equatable>(of part: [Element], in text: [Element], upTo end: Int) -> Int? {
    guard part.count <= text.count else { return nil }
    return (0...min(end, text.count - part.count)).last { matches(part, text, at: $0) }
  }

  private static func matches<Element: Equatable>(_ part: [Element], _ text: [Element], at position: Int) -> Bool {
    for index in part.indices where text[position + index] != part[index] { return false }
    return true
  }
}
