// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static func rounding(_ name: String, _ apply: @escaping @Sendable (Double) -> Double) -> RuleFunction {
    RuleFunction(
      name,
      .unary([FunctionSignature([.double], .double)]) { value, _ throws(RuleFault) in
        guard case .double(let number) = value else { throw .noOverload("\(name)()", value) }
        return .double(apply(number))
      })
  }

  private static func test(_ name: String, _ holds: @escaping @Sendable (Double) -> Bool) -> RuleFunction {
    RuleFunction(
      name,
      .unary([FunctionSignature([.double], .bool)]) { value, _ throws(RuleFault) in
        guard case .double(let number) = value else { throw .noOverload("\(name)()", value) }
        return .bool(holds(number))
      })
  }

  private static let sameNumber = [
    FunctionSignature([.int], .int), FunctionSignature([.uint], .uint), FunctionSignature([.double], .double),
  ]

  static let mathRounding: [RuleFunction] = [
    rounding("math.ceil") { $0.rounded(.up) },
    rounding("math.floor") { $0.rounded(.down) },
    rounding("math.round") { $0.rounded(.toNearestOrAwayFromZero) },
    rounding("math.trunc") { $0.rounded(.towardZero) },
    test("math.isNaN") { $0.isNaN },
    test("math.isInf") { $0.isInfinite },
    test("math.isFinite") { $0.isFinite },
    RuleFunction(
      "math.sqrt",
      .unary([.int, .uint, .double].map { FunctionSignature([$0], .double) }) { value, _ throws(RuleFault) in
        switch value {
        case .int(let number): return .double(Double(number).squareRoot())
        case .uint(let number): return .double(Double(number).squareRoot())
        case .double(let number): return .double(number.squareRoot())
        default: throw .noOverload("math.sqrt()", value)
        }
      }),
    RuleFunction(
      "math.abs",
      .unary(sameNumber) { value, _ throws(RuleFault) in
        switch value {
        case .int(let number):
          guard number != .min else { throw .overflow }
          return .int(abs(number))
        case .uint: return value
        case .double(let number): return .double(number.magnitude)
        default: throw .noOverload("math.abs()", value)
        }
      }),
    RuleFunction(
      "math.sign",
      .unary(sameNumber) { value, _ throws(RuleFault) in
        switch value {
        case .int(let number): return .int(number.signum())
        case .uint(let number): return .uint(min(number, 1))
        case .double(let number): return .double(number.isNaN || number == 0 ? number : number < 0 ? -1 : 1)
        default: throw .noOverload("math.sign()", value)
        }
      }),
  ]
}
