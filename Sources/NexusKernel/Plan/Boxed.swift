// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A value that is kept beside whatever has it, so that copies of that stay small.
///
/// For large settings of values that are handed on often and changed rarely: every change makes a new box.
@propertyWrapper
package indirect enum Boxed<Value: Sendable & Hashable>: Sendable, Hashable {
  case kept(Value)

  package init(wrappedValue: Value) { self = .kept(wrappedValue) }

  package var wrappedValue: Value {
    get {
      switch self {
      case .kept(let value): value
      }
    }
    set { self = .kept(newValue) }
  }
}
