// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static let wrapped = RuleType.parameter("T")

  private static func content(_ value: RuleValue, _ name: String) throws(RuleFault) -> RuleValue? {
    guard case .boxed(.optional(let content)) = value else { throw .noOverload("\(name)()", value) }
    return content
  }

  /// `or` and `orValue` evaluate their argument only if they need it, so the compiler knows them.
  static let optionals: [RuleFunction] = [
    RuleFunction(
      "optional.none",
      RuleFunction.Form(
        style: .global, arity: 0, signatures: [FunctionSignature([], .optional(wrapped))],
        application: .variadic { _, _ throws(RuleFault) in .none })),
    RuleFunction(
      "optional.of",
      .unary([FunctionSignature([wrapped], .optional(wrapped))]) { value, _ throws(RuleFault) in .optional(value) }),
    RuleFunction(
      "optional.ofNonZeroValue",
      .unary([FunctionSignature([wrapped], .optional(wrapped))]) { value, _ throws(RuleFault) in
        value.isZero ? .none : .optional(value)
      }),
    RuleFunction(
      "hasValue",
      .unary(.method, [FunctionSignature([.optional(wrapped)], .bool)]) { value, _ throws(RuleFault) in
        .bool(try content(value, "hasValue") != nil)
      }),
    RuleFunction(
      "value",
      .unary(.method, [FunctionSignature([.optional(wrapped)], wrapped)]) { value, _ throws(RuleFault) in
        guard let content = try content(value, "value") else { throw .invalid("an empty optional has no value") }
        return content
      }),
    RuleFunction(
      "or",
      .binary(.method, [FunctionSignature([.optional(wrapped), .optional(wrapped)], .optional(wrapped))]) {
        value, other, _ throws(RuleFault) in
        guard try content(value, "or") == nil else { return value }
        _ = try content(other, "or")
        return other
      }),
    RuleFunction(
      "orValue",
      .binary(.method, [FunctionSignature([.optional(wrapped), wrapped], wrapped)]) {
        value, other, _ throws(RuleFault) in try content(value, "orValue") ?? other
      }),
  ]
}
