// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static func from(_ types: [RuleType], to result: RuleType) -> [FunctionSignature] {
    types.map { FunctionSignature([$0], result) }
  }

  static let conversions: [RuleFunction] = [
    RuleFunction(
      "bool",
      .unary(from([.bool, .string], to: .bool)) { value, state throws(RuleFault) in
        switch value {
        case .bool: return value
        case .string(let text):
          try state.meter.walk(text.utf8.count)
          guard let value = booleanTexts[text] else { throw .invalid("\(RuleFault.quote(text)) is no boolean") }
          return .bool(value)
        default: throw .noOverload("bool()", value)
        }
      }),
    RuleFunction(
      "bytes",
      .unary(from([.bytes, .string], to: .bytes)) { value, state throws(RuleFault) in
        switch value {
        case .bytes: return value
        case .string(let text):
          try state.meter.walk(text.utf8.count)
          try state.meter.allocate(text.utf8.count)
          return .bytes(Array(text.utf8))
        default: throw .noOverload("bytes()", value)
        }
      }),
    RuleFunction("int", .unary(from([.int, .uint, .double, .string, .timestamp, .duration], to: .int), toInt)),
    RuleFunction("uint", .unary(from([.uint, .int, .double, .string], to: .uint), toUint)),
    RuleFunction("double", .unary(from([.double, .int, .uint, .string], to: .double), toDouble)),
    RuleFunction(
      "string",
      .unary(
        from(
          [.string, .bool, .int, .uint, .double, .bytes, .timestamp, .duration, .address, .network, .type(.dyn)],
          to: .string), toText)),
    RuleFunction(
      "timestamp",
      .unary(from([.timestamp, .int, .string], to: .timestamp)) { value, state throws(RuleFault) in
        switch value {
        case .timestamp: return value
        case .int(let seconds):
          guard let time = Timestamp(seconds: seconds) else { throw .outOfRange("the timestamp is out of range") }
          return .timestamp(time)
        case .string(let text):
          try state.meter.walk(text.utf8.count)
          guard let time = Timestamp(rfc3339: text) else {
            throw .invalid("\(RuleFault.quote(text)) is no timestamp between the years 1 and 9999")
          }
          return .timestamp(time)
        default: throw .noOverload("timestamp()", value)
        }
      }),
    RuleFunction(
      "duration",
      .unary(from([.duration, .string, .int], to: .duration)) { value, state throws(RuleFault) in
        switch value {
        case .duration: return value
        case .int(let seconds):
          let (nanoseconds, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
          if overflows { throw .outOfRange("the duration is out of range") }
          return .duration(RuleDuration(nanoseconds: nanoseconds))
        case .string(let text):
          try state.meter.walk(text.utf8.count)
          guard let duration = RuleDuration(text) else {
            throw .invalid("\(RuleFault.quote(text)) is no duration, or out of range")
          }
          return .duration(duration)
        default: throw .noOverload("duration()", value)
        }
      }),
    RuleFunction("dyn", .unary([FunctionSignature([.parameter("A")], .dyn)]) { value, _ throws(RuleFault) in value }),
    RuleFunction(
      "type",
      .unary([FunctionSignature([.parameter("A")], .type(.parameter("A")))]) { value, _ throws(RuleFault) in
        .type(value.typeName)
      }),
  ]

  private static let booleanTexts: [String: Bool] = [
    "1": true, "t": true, "T": true, "true": true, "TRUE": true, "True": true,
    "0": false, "f": false, "F": false, "false": false, "FALSE": false, "False": false,
  ]

  @Sendable private static func toInt(_ value: RuleValue, _ state: inout EvaluationState) throws(RuleFault) -> RuleValue
  {
    switch value {
    case .int: return value
    case .uint(let value):
      guard let value = Int64(exactly: value) else { throw .outOfRange("the number does not fit an int") }
      return .int(value)
    case .double(let value):
      // Both ends are excluded: a double there may have been rounded to it.
      guard value > -0x1p63, value < 0x1p63 else { throw .outOfRange("the number does not fit an int") }
      return .int(Int64(value))
    case .string(let text):
      try state.meter.walk(text.utf8.count)
      guard let value = wholeNumber(text, as: Int64.self) else {
        throw .invalid("\(RuleFault.quote(text)) is no int")
      }
      return .int(value)
    case .timestamp(let time): return .int(time.seconds)
    case .duration(let duration): return .int(duration.nanoseconds / 1_000_000_000)
    default: throw .noOverload("int()", value)
    }
  }

  @Sendable private static func toUint(_ value: RuleValue, _ state: inout EvaluationState) throws(RuleFault)
    -> RuleValue
  {
    switch value {
    case .uint: return value
    case .int(let value):
      guard let value = UInt64(exactly: value) else { throw .outOfRange("the number does not fit a uint") }
      return .uint(value)
    case .double(let value):
      guard value > -1, value < 0x1p64 else { throw .outOfRange("the number does not fit a uint") }
      return .uint(UInt64(value))
    case .string(let text):
      try state.meter.walk(text.utf8.count)
      guard let value = wholeNumber(text, as: UInt64.self) else {
        throw .invalid("\(RuleFault.quote(text)) is no uint")
      }
      return .uint(value)
    default: throw .noOverload("uint()", value)
    }
  }

  /// Digits with an optional sign, nothing else.
  private static func wholeNumber<Number: FixedWidthInteger>(_ text: String, as type: Number.Type) -> Number? {
    guard text.utf8.count <= 32 else { return nil }
    return Number(text, radix: 10)
  }

  @Sendable private static func toDouble(_ value: RuleValue, _ state: inout EvaluationState) throws(RuleFault)
    -> RuleValue
  {
    switch value {
    case .double: return value
    case .int(let value): return .double(Double(value))
    case .uint(let value): return .double(Double(value))
    case .string(let text):
      try state.meter.walk(text.utf8.count)
      guard let value = DecimalText.double(text) else { throw .invalid("\(RuleFault.quote(text)) is no double") }
      return .double(value)
    default: throw .noOverload("double()", value)
    }
  }

  @Sendable private static func toText(_ value: RuleValue, _ state: inout EvaluationState) throws(RuleFault)
    -> RuleValue
  {
    switch value {
    case .string: return value
    case .bytes(let bytes):
      try state.meter.walk(bytes.count)
      try state.meter.allocate(bytes.count)
      guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalid("the bytes are not UTF-8") }
      return .string(text)
    case .bool(let value): return .string(value ? "true" : "false")
    case .int(let value): return .string(String(value))
    case .uint(let value): return .string(String(value))
    case .double(let value): return .string(DecimalText.shortest(value))
    case .timestamp(let time): return .string(time.rfc3339)
    case .duration(let duration): return .string(duration.text)
    case .type(let name): return .string(name)
    case .boxed(.address(let address)): return .string(address.text)
    case .boxed(.network(let network)): return .string(network.text)
    default: throw .noOverload("string()", value)
    }
  }
}
