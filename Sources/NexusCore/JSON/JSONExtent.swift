// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

// How large a value is.
extension JSONValue {
  /// Whether arrays and objects nest at most so deep.
  package func nests(within depth: Int) -> Bool {
    switch self {
    case .null, .bool, .int, .double, .string: true
    case .array(let elements): depth > 0 && elements.allSatisfy { $0.nests(within: depth - 1) }
    case .object(let object): depth > 0 && object.allSatisfy { $0.value.nests(within: depth - 1) }
    }
  }

  /// How many values there are in it, itself among them.
  package var valueCount: Int {
    switch self {
    case .null, .bool, .int, .double, .string: 1
    case .array(let elements): elements.reduce(into: 1) { $0 += $1.valueCount }
    case .object(let object): object.reduce(into: 1) { $0 += $1.value.valueCount }
    }
  }
}
