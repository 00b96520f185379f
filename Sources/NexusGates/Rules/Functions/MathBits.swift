// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static let pairs = [FunctionSignature([.int, .int], .int), FunctionSignature([.uint, .uint], .uint)]

  private static func bitwise(
    _ name: String, _ signed: @escaping @Sendable (Int64, Int64) -> Int64,
    _ unsigned: @escaping @Sendable (UInt64, UInt64) -> UInt64
  ) -> RuleFunction {
    RuleFunction(
      name,
      .binary(pairs) { left, right, _ throws(RuleFault) in
        switch (left, right) {
        case (.int(let left), .int(let right)): return .int(signed(left, right))
        case (.uint(let left), .uint(let right)): return .uint(unsigned(left, right))
        default: throw .noOverload("\(name)()", left, right)
        }
      })
  }

  /// Shifts of bits: to the right zeros come in, also into a negative number.
  private static func shift(_ name: String, _ apply: @escaping @Sendable (UInt64, UInt64) -> UInt64) -> RuleFunction {
    RuleFunction(
      name,
      .binary([FunctionSignature([.int, .int], .int), FunctionSignature([.uint, .int], .uint)]) {
        value, count, _ throws(RuleFault) in
        guard case .int(let count) = count else { throw .noOverload("\(name)()", value, count) }
        func shifted(_ bits: UInt64) throws(RuleFault) -> UInt64 {
          guard count >= 0 else { throw .invalid("\(name)() by a negative offset") }
          return apply(bits, UInt64(count))
        }
        switch value {
        case .int(let number): return .int(Int64(bitPattern: try shifted(UInt64(bitPattern: number))))
        case .uint(let number): return .uint(try shifted(number))
        default: throw .noOverload("\(name)()", value, .int(count))
        }
      })
  }

  static let mathBits: [RuleFunction] = [
    bitwise("math.bitAnd", { $0 & $1 }, { $0 & $1 }),
    bitwise("math.bitOr", { $0 | $1 }, { $0 | $1 }),
    bitwise("math.bitXor", { $0 ^ $1 }, { $0 ^ $1 }),
    shift("math.bitShiftLeft") { $0 << $1 },
    shift("math.bitShiftRight") { $0 >> $1 },
    RuleFunction(
      "math.bitNot",
      .unary([FunctionSignature([.int], .int), FunctionSignature([.uint], .uint)]) { value, _ throws(RuleFault) in
        switch value {
        case .int(let number): return .int(~number)
        case .uint(let number): return .uint(~number)
        default: throw .noOverload("math.bitNot()", value)
        }
      }),
  ]
}
