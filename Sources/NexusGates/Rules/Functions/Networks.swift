// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static func address(_ value: RuleValue, _ name: String) throws(RuleFault) -> NetworkAddress {
    guard case .boxed(.address(let address)) = value else { throw .noOverload("\(name)()", value) }
    return address
  }

  private static func network(_ value: RuleValue, _ name: String) throws(RuleFault) -> NetworkRange {
    guard case .boxed(.network(let network)) = value else { throw .noOverload("\(name)()", value) }
    return network
  }

  private static func parsed(_ value: RuleValue, _ name: String) throws(RuleFault) -> NetworkAddress {
    guard case .string(let text) = value else { throw .noOverload("\(name)()", value) }
    do { return try NetworkAddress(text) } catch { throw error.fault(text) }
  }

  private static func test(_ name: String, _ holds: @escaping @Sendable (NetworkAddress) -> Bool) -> RuleFunction {
    RuleFunction(
      name,
      .unary(.method, [FunctionSignature([.address], .bool)]) { value, _ throws(RuleFault) in
        .bool(holds(try address(value, name)))
      })
  }

  static let networks: [RuleFunction] = [
    RuleFunction(
      "ip",
      .unary(.both, [FunctionSignature([.string], .address), FunctionSignature([.network], .address)]) {
        value, _ throws(RuleFault) in
        if case .boxed(.network(let network)) = value { return .boxed(.address(network.address)) }
        return .boxed(.address(try parsed(value, "ip")))
      }),
    RuleFunction(
      "isIP",
      .unary([FunctionSignature([.string], .bool)]) { value, _ throws(RuleFault) in
        guard case .string(let text) = value else { throw .noOverload("isIP()", value) }
        do {
          _ = try NetworkAddress(text)
          return .bool(true)
        } catch { return .bool(false) }
      }),
    RuleFunction(
      "ip.isCanonical",
      .unary([FunctionSignature([.string], .bool)]) { value, _ throws(RuleFault) in
        guard case .string(let text) = value else { throw .noOverload("ip.isCanonical()", value) }
        return .bool(try parsed(value, "ip.isCanonical").text.hasSameScalars(as: text))
      }),
    RuleFunction(
      "family",
      .unary(.method, [FunctionSignature([.address], .int)]) { value, _ throws(RuleFault) in
        .int(Int64(try address(value, "family").family))
      }),
    test("isUnspecified") { $0.isUnspecified },
    test("isLoopback") { $0.isLoopback },
    test("isGlobalUnicast") { $0.isGlobalUnicast },
    test("isLinkLocalMulticast") { $0.isLinkLocalMulticast },
    test("isLinkLocalUnicast") { $0.isLinkLocalUnicast },
    RuleFunction(
      "cidr",
      .unary([FunctionSignature([.string], .network)]) { value, _ throws(RuleFault) in
        guard case .string(let text) = value else { throw .noOverload("cidr()", value) }
        return .boxed(.network(try NetworkRange(text)))
      }),
    RuleFunction(
      "isCIDR",
      .unary([FunctionSignature([.string], .bool)]) { value, _ throws(RuleFault) in
        guard case .string(let text) = value else { throw .noOverload("isCIDR()", value) }
        do {
          _ = try NetworkRange(text)
          return .bool(true)
        } catch { return .bool(false) }
      }),
    RuleFunction(
      "containsIP",
      .binary(
        .method, [FunctionSignature([.network, .address], .bool), FunctionSignature([.network, .string], .bool)]
      ) { value, other, _ throws(RuleFault) in
        let network = try network(value, "containsIP")
        if case .boxed(.address(let address)) = other { return .bool(network.contains(address)) }
        return .bool(network.contains(try parsed(other, "containsIP")))
      }),
    RuleFunction(
      "containsCIDR",
      .binary(
        .method, [FunctionSignature([.network, .network], .bool), FunctionSignature([.network, .string], .bool)]
      ) { value, other, _ throws(RuleFault) in
        let network = try network(value, "containsCIDR")
        if case .boxed(.network(let range)) = other { return .bool(network.contains(range)) }
        guard case .string(let text) = other else { throw .noOverload("containsCIDR()", value, other) }
        return .bool(network.contains(try NetworkRange(text)))
      }),
    RuleFunction(
      "masked",
      .unary(.method, [FunctionSignature([.network], .network)]) { value, _ throws(RuleFault) in
        .boxed(.network(try network(value, "masked").masked))
      }),
    RuleFunction(
      "prefixLength",
      .unary(.method, [FunctionSignature([.network], .int)]) { value, _ throws(RuleFault) in
        .int(Int64(try network(value, "prefixLength").prefixLength))
      }),
  ]
}
