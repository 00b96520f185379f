// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What the checker has found out about type parameters, and the rules by which types fit each other.
///
/// The algorithm is that of gradual typing by substitution, as the language definition describes it in "Gradual Type
/// Checking": `dyn` fits everything, parameters are bound to the first type they meet and widened after that.
struct TypeInference {
  private var bindings: [String: RuleType] = [:]
  private var nextParameter = 0

  mutating func freshParameter() -> RuleType {
    nextParameter += 1
    return .parameter("#\(nextParameter)")
  }

  /// The same types with new parameters for their own.
  mutating func instantiate(_ types: [RuleType]) -> [RuleType] {
    var names: [String: RuleType] = [:]
    return types.map { instantiate($0, &names) }
  }

  private mutating func instantiate(_ type: RuleType, _ names: inout [String: RuleType]) -> RuleType {
    switch type {
    case .parameter(let name):
      if let known = names[name] { return known }
      let fresh = freshParameter()
      names[name] = fresh
      return fresh
    case .list(let element): return .list(instantiate(element, &names))
    case .map(let key, let value): return .map(instantiate(key, &names), instantiate(value, &names))
    case .type(let type): return .type(instantiate(type, &names))
    case .opaque(let name, let parameters):
      var copies: [RuleType] = []
      for parameter in parameters { copies.append(instantiate(parameter, &names)) }
      return .opaque(name, copies)
    default: return type
    }
  }

  /// The type with all that is known put in; what is not known becomes `dyn` if asked for.
  func resolve(_ type: RuleType, freeToDyn: Bool = false) -> RuleType {
    switch type {
    case .parameter(let name):
      if let bound = bindings[name] { return resolve(bound, freeToDyn: freeToDyn) }
      return freeToDyn ? .dyn : type
    case .list(let element): return .list(resolve(element, freeToDyn: freeToDyn))
    case .map(let key, let value):
      return .map(resolve(key, freeToDyn: freeToDyn), resolve(value, freeToDyn: freeToDyn))
    case .type(let inner): return .type(resolve(inner, freeToDyn: freeToDyn))
    case .opaque(let name, let parameters):
      return .opaque(name, parameters.map { resolve($0, freeToDyn: freeToDyn) })
    default: return type
    }
  }

  /// Whether values of the types on the right fit those on the left; if so, what that says of parameters is kept.
  mutating func fits(_ expected: [RuleType], _ actual: [RuleType]) -> Bool {
    guard expected.count == actual.count else { return false }
    var trial = self
    for (expected, actual) in zip(expected, actual) where !trial.assign(expected, actual) { return false }
    self = trial
    return true
  }

  /// The type of a list whose elements have both types; `dyn` if they do not go together.
  mutating func join(_ first: RuleType, _ second: RuleType) -> RuleType {
    if fits([first], [second]) { return moreGeneral(resolve(first), resolve(second)) }
    return .dyn
  }

  private mutating func assign(_ left: RuleType, _ right: RuleType) -> Bool {
    let (left, right) = (shallow(left), shallow(right))
    switch (left, right) {
    case (.parameter(let name), .parameter(let other)) where name == other: return true
    case (_, .parameter(let name)): return bind(name, to: left)
    case (.parameter(let name), _): return bind(name, to: right)
    case (.dyn, _), (.error, _), (_, .dyn), (_, .error): return true
    case (.null, _): return Self.acceptsNull(right)
    case (_, .null): return Self.acceptsNull(left)
    case (.list(let left), .list(let right)): return assignNested(left, right)
    case (.map(let leftKey, let leftValue), .map(let rightKey, let rightValue)):
      return assignNested(leftKey, rightKey) && assignNested(leftValue, rightValue)
    case (.object, .object): return true
    case (.map(let key, let value), .object), (.object, .map(let key, let value)):
      return assign(key, .string) && assign(value, .dyn)
    case (.type, .type): return true
    case (.opaque(let name, let mine), .opaque(let other, let theirs)):
      guard name == other, mine.count == theirs.count else { return false }
      return zip(mine, theirs).allSatisfy { assignNested($0, $1) }
    default: return left == right
    }
  }

  /// Parameters inside of other types are widened to the more general of the two types that meet.
  private mutating func assignNested(_ left: RuleType, _ right: RuleType) -> Bool {
    guard assign(left, right) else { return false }
    widen(left, by: right)
    widen(right, by: left)
    return true
  }

  private mutating func widen(_ type: RuleType, by other: RuleType) {
    guard case .parameter(let name) = type, let bound = bindings[lastParameter(name)] else { return }
    let general = moreGeneral(resolve(other), resolve(bound))
    let last = lastParameter(name)
    if general != bound, !occurs(last, in: general) { bindings[last] = general }
  }

  private func lastParameter(_ name: String) -> String {
    var name = name
    while case .parameter(let next)? = bindings[name] { name = next }
    return name
  }

  /// Follows a parameter to the last one that is not bound yet, or keeps the parameter whose binding may be widened.
  private func shallow(_ type: RuleType) -> RuleType {
    guard case .parameter(let name) = type else { return type }
    return .parameter(lastParameter(name))
  }

  private mutating func bind(_ name: String, to type: RuleType) -> Bool {
    if let bound = bindings[name] {
      var (type, met) = (type, String?.none)
      if case .parameter(let other) = type, let known = bindings[other] {
        (type, met) = (known, other)
      } else if case .parameter(let other) = type {
        bindings[other] = .parameter(name)
        return true
      }
      guard assign(bound, type) else { return false }
      let general = moreGeneral(resolve(type), resolve(bound))
      // Both are that general from now on, whichever was looked at first.
      for parameter in [name, met].compactMap({ $0 }) where !occurs(parameter, in: general) {
        bindings[parameter] = general
      }
      return true
    }
    guard !occurs(name, in: type) else { return false }
    bindings[name] = type
    return true
  }

  private func occurs(_ name: String, in type: RuleType) -> Bool {
    switch resolve(type) {
    case .parameter(let other): other == name
    case .list(let element): occurs(name, in: element)
    case .map(let key, let value): occurs(name, in: key) || occurs(name, in: value)
    case .type(let type): occurs(name, in: type)
    case .opaque(_, let parameters): parameters.contains { occurs(name, in: $0) }
    default: false
    }
  }

  private static func acceptsNull(_ type: RuleType) -> Bool {
    switch type {
    case .null, .timestamp, .duration, .opaque: true
    default: false
    }
  }

  /// The type that says less; of two that differ without order the second.
  private func moreGeneral(_ first: RuleType, _ second: RuleType) -> RuleType {
    isLessSpecific(first, second) ? first : second
  }

  private func isLessSpecific(_ left: RuleType, _ right: RuleType) -> Bool {
    switch (left, right) {
    case (.dyn, _), (.error, _): return true
    case (_, .dyn), (_, .error): return false
    case (_, .parameter): return true
    case (.parameter, _): return false
    case (_, .null): return Self.acceptsNull(left)
    case (.list(let left), .list(let right)): return isLessSpecific(left, right)
    case (.map(let key, let value), .map(let otherKey, let otherValue)):
      return isLessSpecific(key, otherKey) && isLessSpecific(value, otherValue)
    case (.map, .object): return true
    case (.opaque(let name, let mine), .opaque(let other, let theirs)):
      return name == other && mine.count == theirs.count && zip(mine, theirs).allSatisfy { isLessSpecific($0, $1) }
    default: return left == right
    }
  }
}
