// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static let numbers: [RuleType] = [.int, .uint, .double]

  private static func choice(_ name: String, _ wanted: NumberOrder) -> RuleFunction {
    @Sendable func choose(_ values: [RuleValue], _ state: inout EvaluationState) throws(RuleFault) -> RuleValue {
      guard var best = values.first else { throw .invalid("\(name)() of an empty list") }
      for value in values {
        try state.meter.spend(1)
        guard let order = NumberOrder(value, best) else { throw .noOverload("\(name)()", value) }
        if order == wanted { best = value }
      }
      return best
    }
    let one = numbers.map { FunctionSignature([$0], $0) }
    let two = numbers.map { FunctionSignature([$0, $0], $0) }
    let lists = numbers.map { FunctionSignature([.list($0)], $0) } + [FunctionSignature([.list(.dyn)], .dyn)]
    let mixed = numbers.flatMap { left in
      numbers.filter { $0 != left }.map { FunctionSignature([left, $0], .dyn) }
    }
    return RuleFunction(
      name,
      .variadic(.global, 1, one + lists) { arguments, state throws(RuleFault) in
        if case .list(let values) = arguments[0] { return try choose(values, &state) }
        return try choose(arguments, &state)
      },
      .variadic(.global, 2, two + mixed, choose),
      // Of three and more the checker looks at each argument, see `MathArguments`.
      .variadic(.global, nil, [], choose))
  }

  static let mathChoices: [RuleFunction] = [choice("math.greatest", .greater), choice("math.least", .less)]
}
