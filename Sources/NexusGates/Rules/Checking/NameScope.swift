// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A variable that a rule may read.
package struct RuleVariable: Sendable, Hashable {
  package let name: String
  package let type: RuleType
  package let bound: SizeBound

  /// Names a variable by one word, or several with dots between.
  package init(_ name: String, _ type: RuleType = .dyn, bound: SizeBound = .unknown) {
    self.name = name
    self.type = type
    self.bound = bound
  }
}

/// What a name in a rule stands for.
enum NamedThing {
  case global(slot: Int, RuleVariable)
  case local(slot: Int, type: RuleType, bound: SizeBound)
  case type(RuleType, name: String)
}

/// Finds names by the rules of the language: variables of macros first, then from the innermost container outwards.
struct NameScope {
  private struct Local {
    let name: String
    let slot: Int
    let type: RuleType
    let bound: SizeBound
  }

  private let variables: [RuleVariable]
  private let slots: [String: Int]
  private let functions: [String: RuleFunction]
  private let containers: [String]
  private var locals: [Local] = []
  /// How many slots the rule needs so far.
  private(set) var localCount = 0

  init(environment: RuleEnvironment) {
    variables = environment.variables
    functions = environment.functions
    slots = Dictionary(
      environment.variables.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    let parts = environment.container.split(separator: ".")
    containers = (0...parts.count).reversed().map { parts.prefix($0).map { "\($0)." }.joined() }
  }

  /// Declares a variable of a macro until as many are removed; gives its slot.
  mutating func push(_ name: String, _ type: RuleType = .dyn, bound: SizeBound = .unknown) -> Int {
    locals.append(Local(name: name, slot: localCount, type: type, bound: bound))
    localCount += 1
    return localCount - 1
  }

  mutating func pop(_ count: Int = 1) { locals.removeLast(count) }

  /// The dotted name that an expression of identifiers and selections spells.
  static func qualifiedName(_ expression: RuleExpression) -> String? {
    switch expression.kind {
    case .identifier(let name): name
    case .select(let operand, let field, false): qualifiedName(operand).map { "\($0).\(field)" }
    default: nil
    }
  }

  func lookUp(_ name: String) -> NamedThing? {
    if let local = locals.last(where: { $0.name == name }) {
      return .local(slot: local.slot, type: local.type, bound: local.bound)
    }
    // What begins with a variable of a macro is a selection from it.
    let first = name.prefix { $0 != "." }
    if !first.isEmpty, locals.contains(where: { $0.name == first }) { return nil }
    return candidates(name).lazy.compactMap(declared).first
  }

  private func candidates(_ name: String) -> [String] {
    name.utf8.first == UInt8(ascii: ".") ? [String(name.dropFirst())] : containers.map { $0 + name }
  }

  private func declared(_ name: String) -> NamedThing? {
    if let slot = slots[name] { return .global(slot: slot, variables[slot]) }
    return Self.types[name].map { .type($0, name: name) }
  }

  func function(_ name: String) -> RuleFunction? {
    candidates(name).lazy.compactMap { functions[$0] ?? StandardFunctions.all[$0] }.first
  }

  /// The function that `target.name(…)` calls if the target is a namespace and no value.
  func namespaced(_ target: RuleExpression, _ name: String) -> RuleFunction? {
    guard let prefix = Self.qualifiedName(target) else { return nil }
    let first = prefix.prefix { $0 != "." }
    if locals.contains(where: { $0.name == first }) { return nil }
    return function("\(prefix).\(name)")
  }

  private static let types: [String: RuleType] = [
    TypeName.bool: .bool, TypeName.int: .int, TypeName.uint: .uint, TypeName.double: .double,
    TypeName.string: .string, TypeName.bytes: .bytes, TypeName.list: .list(.dyn), TypeName.map: .map(.dyn, .dyn),
    TypeName.null: .null, TypeName.type: .type(.dyn), TypeName.timestamp: .timestamp, TypeName.duration: .duration,
    TypeName.optional: .optional(.dyn), TypeName.address: .address, TypeName.network: .network,
  ]
}
