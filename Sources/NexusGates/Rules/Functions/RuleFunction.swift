// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The types that a function takes and gives.
package struct FunctionSignature: Sendable, Hashable {
  /// Of a method the receiver comes first.
  ///
  /// Type parameters stand for themselves within one signature.
  package let parameters: [RuleType]
  package let result: RuleType

  package init(_ parameters: [RuleType], _ result: RuleType) {
    self.parameters = parameters
    self.result = result
  }
}

/// A function by its name: what it takes, and how it is carried out.
package struct RuleFunction: Sendable {
  typealias Unary = @Sendable (RuleValue, inout EvaluationState) throws(RuleFault) -> RuleValue
  typealias Binary = @Sendable (RuleValue, RuleValue, inout EvaluationState) throws(RuleFault) -> RuleValue
  typealias Variadic = @Sendable ([RuleValue], inout EvaluationState) throws(RuleFault) -> RuleValue

  enum Application: Sendable {
    case unary(Unary)
    case binary(Binary)
    case variadic(Variadic)
    /// Declared to the checker; calling it is a fault.
    case unbound
  }

  enum Style: Sendable {
    /// `f(x)`
    case global
    /// `x.f()`
    case method
    case both

    func covers(isMethod: Bool) -> Bool { self == .both || (self == .method) == isMethod }
  }

  /// One way to call it.
  struct Form: Sendable {
    let style: Style
    /// Arguments with the receiver; nil for any number from 1.
    let arity: Int?
    let signatures: [FunctionSignature]
    let application: Application

    func covers(isMethod: Bool, arity: Int) -> Bool {
      style.covers(isMethod: isMethod) && (self.arity.map { $0 == arity } ?? (arity >= 1))
    }
  }

  let name: String
  var forms: [Form]

  init(_ name: String, _ forms: Form...) {
    self.name = name
    self.forms = forms
  }

  /// Declares a function that a host offers to its rules.
  ///
  /// Its signatures are of one arity, of calls that are not methods; what is applied is a pure function of its
  /// arguments, and without one the name is declared to the checker only.
  package init(
    _ name: String, _ signatures: [FunctionSignature],
    apply: (@Sendable ([RuleValue]) throws(RuleFault) -> RuleValue)? = nil
  ) {
    self.name = name
    let application: Application
    if let apply {
      application = .variadic { arguments, _ throws(RuleFault) in try apply(arguments) }
    } else {
      application = .unbound
    }
    forms = [
      Form(
        style: .global, arity: signatures.first?.parameters.count, signatures: signatures, application: application)
    ]
  }

  func form(isMethod: Bool, arity: Int) -> Form? { forms.first { $0.covers(isMethod: isMethod, arity: arity) } }
}

extension RuleFunction.Form {
  static func unary(
    _ style: RuleFunction.Style, _ signatures: [FunctionSignature], _ apply: @escaping RuleFunction.Unary
  ) -> Self {
    Self(style: style, arity: 1, signatures: signatures, application: .unary(apply))
  }

  static func unary(_ signatures: [FunctionSignature], _ apply: @escaping RuleFunction.Unary) -> Self {
    unary(.global, signatures, apply)
  }

  static func binary(
    _ style: RuleFunction.Style, _ signatures: [FunctionSignature], _ apply: @escaping RuleFunction.Binary
  ) -> Self {
    Self(style: style, arity: 2, signatures: signatures, application: .binary(apply))
  }

  static func binary(_ signatures: [FunctionSignature], _ apply: @escaping RuleFunction.Binary) -> Self {
    binary(.global, signatures, apply)
  }

  static func variadic(
    _ style: RuleFunction.Style, _ arity: Int?, _ signatures: [FunctionSignature],
    _ apply: @escaping RuleFunction.Variadic
  ) -> Self {
    Self(style: style, arity: arity, signatures: signatures, application: .variadic(apply))
  }
}

/// All functions that the language has without a host.
enum StandardFunctions {
  static let all: [String: RuleFunction] = {
    let groups = [
      operators, comparisons, conversions, collections, texts, textEditing, times, timeParts, optionals, encoders,
      mathChoices, mathRounding, mathBits, networks,
    ]
    var table: [String: RuleFunction] = [:]
    for function in groups.joined() {
      if let known = table[function.name] {
        table[function.name]?.forms = known.forms + function.forms
      } else {
        table[function.name] = function
      }
    }
    return table
  }()
}
