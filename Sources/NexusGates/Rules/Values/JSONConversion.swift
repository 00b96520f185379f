// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a JSON value cannot become.
package struct JSONConversionError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A JSON Pointer to the value.
  package let path: String
  package let message: String
  package var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

extension RuleValue {
  /// The largest magnitude at which every integer is a `double`.
  private static let exactDoubleLimit: Int64 = 1 << 53

  /// Takes a JSON value into the rule language.
  ///
  /// Where a type is known, whole numbers of an integer type become `int`. Everywhere else a number is a `double`, as
  /// in a protobuf `Value`, so that `420` and `420.5` never have different types.
  ///
  /// - Throws: For an integer that a `double` cannot hold exactly.
  package init(_ json: JSONValue, as type: RuleType = .dyn) throws(JSONConversionError) {
    try self.init(json, wholeNumbers: WholeNumbers(of: type))
  }

  /// The same for a type that was looked through before.
  init(_ json: JSONValue, wholeNumbers: WholeNumbers) throws(JSONConversionError) {
    self = try Self.convert(json, wholeNumbers, path: { "" })
  }

  private static func convert(
    _ json: JSONValue, _ whole: WholeNumbers, path: () -> String
  ) throws(JSONConversionError) -> RuleValue {
    switch json {
    case .null, .bool, .string, .int, .double:
      do throws(BeyondNumbers) { return try RuleValue(scalar: json, whole) ?? .null } catch {
        throw JSONConversionError(
          path: path(), message: "the integer \(error.number) is beyond 2^53 and has no schema")
      }
    case .array(let elements):
      let inside: WholeNumbers = if case .elements(let inside) = whole { inside } else { .nowhere }
      var list: [RuleValue] = []
      list.reserveCapacity(elements.count)
      for (index, element) in elements.enumerated() {
        list.append(try convert(element, inside, path: { "\(path())/\(index)" }))
      }
      return .list(list)
    case .object(let object):
      // Where a number in it does not fit, the walk below says which.
      if let map = try? RuleMap(scalars: object, whole) { return .map(map) }
      var entries: [RuleMap.Entry] = []
      entries.reserveCapacity(object.count)
      for member in object {
        let value = try convert(
          member.value, whole.member(member.key), path: { "\(path())/\(pointerToken(member.key))" })
        entries.append(RuleMap.Entry(key: .string(member.key), value: value))
      }
      return .map(RuleMap(distinct: entries))
    }
  }

  /// An integer that a `double` cannot hold exactly and no type calls whole.
  struct BeyondNumbers: Error { let number: Int64 }

  /// Takes a value with nothing in it; nil for an array and for an object.
  @inline(__always)
  init?(scalar json: JSONValue, _ whole: @autoclosure () -> WholeNumbers) throws(BeyondNumbers) {
    switch json {
    case .null: self = .null
    case .bool(let value): self = .bool(value)
    case .string(let text): self = .string(text)
    case .int(let value):
      if case .here = whole() {
        self = .int(value)
        return
      }
      guard value.magnitude <= Self.exactDoubleLimit.magnitude else { throw BeyondNumbers(number: value) }
      self = .double(Double(value))
    case .double(let value):
      if case .here = whole(), let number = Int64(exactly: value) { self = .int(number) } else { self = .double(value) }
    case .array, .object: return nil
    }
  }

  /// RFC 6901, section 3.
  private static func pointerToken(_ key: String) -> String {
    var token = ""
    for scalar in key.unicodeScalars {
      switch scalar {
      case "~": token += "~0"
      case "/": token += "~1"
      default: token.unicodeScalars.append(scalar)
      }
    }
    return token
  }
}
