// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// `format()`: a text with values put in for its clauses.
enum TextFormat {
  private static let standardPrecision = 6
  /// A number has up to a thousand digits until it is rounded.
  private static let digitCost = 1000 / Meter.charactersPerUnit

  @Sendable static func format(_ template: RuleValue, _ values: RuleValue, _ state: inout EvaluationState)
    throws(RuleFault) -> RuleValue
  {
    guard case .string(let template) = template, case .list(let values) = values else {
      throw .noOverload("format()", template, values)
    }
    try state.meter.walk(template.utf8.count)
    var result = ""
    var next = 0
    var scalars = template.unicodeScalars[...]
    while let scalar = scalars.popFirst() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      if scalars.first == "%" {
        scalars.removeFirst()
        result += "%"
        continue
      }
      let precision = try precision(&scalars)
      guard let clause = scalars.popFirst() else { throw .invalid("the format ends inside a clause") }
      guard next < values.count else { throw .outOfRange("format: index \(next) out of range") }
      result += try text(of: values[next], clause: clause, precision: precision, &state.meter)
      next += 1
    }
    try state.meter.allocate(result.utf8.count)
    return .string(result)
  }

  private static func precision(_ scalars: inout Substring.UnicodeScalarView) throws(RuleFault) -> Int? {
    guard scalars.first == "." else { return nil }
    scalars.removeFirst()
    var digits = 0
    var precision = 0
    while let scalar = scalars.first, ("0"..."9").contains(scalar) {
      precision = precision * 10 + Int(scalar.value - 48)
      digits += 1
      scalars.removeFirst()
      guard precision <= DecimalText.maxPrecision else {
        throw .invalid("format: a precision beyond \(DecimalText.maxPrecision)")
      }
    }
    guard digits > 0 else { throw .invalid("format: a point without a precision") }
    return precision
  }

  private static func text(of value: RuleValue, clause: Unicode.Scalar, precision: Int?, _ meter: inout Meter)
    throws(RuleFault) -> String
  {
    try meter.spend(1)
    switch clause {
    case "s": return try plain(value, &meter)
    case "d": return try decimal(value)
    case "f":
      try meter.spend(digitCost)
      return DecimalText.fixed(try number(value, clause), precision: precision ?? standardPrecision)
    case "e":
      try meter.spend(digitCost)
      return DecimalText.scientific(try number(value, clause), precision: precision ?? standardPrecision)
    case "b":
      if case .bool(let value) = value { return value ? "1" : "0" }
      return try whole(value, radix: 2, "binary")
    case "o": return try whole(value, radix: 8, "octal")
    case "x": return try hexadecimal(value, &meter)
    case "X": return try hexadecimal(value, &meter).uppercased()
    default: throw .invalid("format: unknown clause '\(clause)'")
    }
  }

  private static func decimal(_ value: RuleValue) throws(RuleFault) -> String {
    if case .double(let number) = value, let special = DecimalText.special(number) { return special }
    return try whole(value, radix: 10, "decimal")
  }

  private static func whole(_ value: RuleValue, radix: Int, _ name: String) throws(RuleFault) -> String {
    switch value {
    case .int(let value): return String(value, radix: radix)
    case .uint(let value): return String(value, radix: radix)
    default: throw .invalid("format: \(name) takes whole numbers, not \(value.typeName)")
    }
  }

  private static func number(_ value: RuleValue, _ clause: Unicode.Scalar) throws(RuleFault) -> Double {
    switch value {
    case .double(let value): return value
    case .int(let value): return Double(value)
    case .uint(let value): return Double(value)
    default: throw .invalid("format: %\(clause) takes numbers, not \(value.typeName)")
    }
  }

  private static func hexadecimal(_ value: RuleValue, _ meter: inout Meter) throws(RuleFault) -> String {
    let bytes: [UInt8]
    switch value {
    case .string(let text): bytes = Array(text.utf8)
    case .bytes(let value): bytes = value
    default: return try whole(value, radix: 16, "hexadecimal")
    }
    try meter.walk(bytes.count)
    try meter.allocate(2 * bytes.count)
    return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// As `%s` prints it; maps in the order of their printed keys.
  private static func plain(_ value: RuleValue, _ meter: inout Meter, depth: Int = 0) throws(RuleFault) -> String {
    switch value {
    case .null: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .int(let value): return String(value)
    case .uint(let value): return String(value)
    case .double(let value): return DecimalText.shortest(value)
    case .string(let text):
      try meter.walk(text.utf8.count)
      try meter.allocate(text.utf8.count)
      return text
    case .bytes(let bytes):
      try meter.walk(bytes.count)
      try meter.allocate(bytes.count)
      return String(decoding: bytes, as: UTF8.self)
    case .type(let name): return name
    case .timestamp(let time): return time.rfc3339
    case .duration(let duration): return duration.text
    case .list(let elements):
      try meter.descend(to: depth)
      var parts: [String] = []
      for element in elements {
        try meter.spend(1)
        parts.append(try plain(element, &meter, depth: depth + 1))
      }
      return "[" + parts.joined(separator: ", ") + "]"
    case .map(let map):
      try meter.descend(to: depth)
      var parts: [(key: String, text: String)] = []
      for entry in map.entries {
        try meter.spend(1)
        let key = try plain(entry.key, &meter, depth: depth + 1)
        parts.append((key, key + ": " + (try plain(entry.value, &meter, depth: depth + 1))))
      }
      parts.sort { $0.key.precedesByScalars($1.key) }
      return "{" + parts.map(\.text).joined(separator: ", ") + "}"
    case .boxed(.address(let address)): return address.text
    case .boxed(.network(let network)): return network.text
    case .boxed(.optional): throw .invalid("format: an optional has no text")
    }
  }
}
