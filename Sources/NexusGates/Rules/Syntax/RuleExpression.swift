// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The syntax tree of a rule, its macros already expanded.
package struct RuleExpression: Sendable {
  /// Unique within its tree, from 0.
  let id: Int
  /// In bytes of UTF-8 of the text.
  let offset: Int
  /// Levels of nodes, itself included: what bounds every recursion over the tree.
  let height: Int
  let kind: Kind

  init(id: Int, offset: Int, kind: Kind) {
    self.id = id
    self.offset = offset
    self.kind = kind
    height = 1 + (kind.children.map(\.height).max() ?? 0)
  }

  indirect enum Kind: Sendable {
    case constant(RuleValue)
    /// With a leading dot if it is to be found at the root.
    case identifier(String)
    case select(RuleExpression, field: String, isOptional: Bool)
    /// `has(operand.field)`.
    case has(RuleExpression, field: String)
    case index(RuleExpression, RuleExpression, isOptional: Bool)
    /// Operators too, by names such as `_+_`.
    case call(String, target: RuleExpression?, [RuleExpression])
    case list([Element])
    case map([Entry])
    /// `&&`, of two and more.
    case conjunction([RuleExpression])
    /// `||`, of two and more.
    case disjunction([RuleExpression])
    case conditional(RuleExpression, RuleExpression, RuleExpression)
    case comprehension(Comprehension)
    /// `cel.bind` and, with an optional as value, `optMap` and `optFlatMap`.
    case binding(Binding)
    /// `cel.block`: values that later ones and the result read by number.
    case block([RuleExpression], RuleExpression)
  }

  struct Element: Sendable {
    let value: RuleExpression
    /// Written with `?`: left out if it is an empty optional.
    let isOptional: Bool
  }

  struct Entry: Sendable {
    let key: RuleExpression
    let value: RuleExpression
    let isOptional: Bool
  }

  struct Comprehension: Sendable {
    enum Kind: Sendable {
      case all
      case exists
      case existsOne
      /// `map` and `transformList`; with a condition only those that fulfil it.
      case list
      /// `filter`.
      case filter
      case transformMap
      case transformMapEntry
    }

    let kind: Kind
    let range: RuleExpression
    /// The element of a list or the key of a map; with a second variable the index or the key.
    let variable: String
    /// The element or the value.
    let secondVariable: String?
    let condition: RuleExpression?
    let body: RuleExpression
  }

  struct Binding: Sendable {
    enum Kind: Sendable {
      case bind
      /// An empty optional stays empty; else the body's value is wrapped again.
      case optionalMap
      case optionalFlatMap
    }

    let kind: Kind
    let name: String
    let value: RuleExpression
    let body: RuleExpression
  }
}

extension RuleExpression.Kind {
  /// The direct parts, in the order in which they are written.
  var children: [RuleExpression] {
    switch self {
    case .constant, .identifier: []
    case .select(let operand, _, _), .has(let operand, _): [operand]
    case .index(let operand, let index, _): [operand, index]
    case .call(_, let target, let arguments): (target.map { [$0] } ?? []) + arguments
    case .list(let elements): elements.map(\.value)
    case .map(let entries): entries.flatMap { [$0.key, $0.value] }
    case .conjunction(let operands), .disjunction(let operands): operands
    case .conditional(let condition, let whenTrue, let whenFalse): [condition, whenTrue, whenFalse]
    case .comprehension(let loop): [loop.range] + (loop.condition.map { [$0] } ?? []) + [loop.body]
    case .binding(let binding): [binding.value, binding.body]
    case .block(let values, let result): values + [result]
    }
  }
}

/// The names under which operators are looked up, as in the language definition.
enum Operator {
  static let add = "_+_"
  static let subtract = "_-_"
  static let multiply = "_*_"
  static let divide = "_/_"
  static let modulo = "_%_"
  static let negate = "-_"
  static let not = "!_"
  static let equal = "_==_"
  static let notEqual = "_!=_"
  static let less = "_<_"
  static let lessOrEqual = "_<=_"
  static let greater = "_>_"
  static let greaterOrEqual = "_>=_"
  static let contains = "@in"
}
