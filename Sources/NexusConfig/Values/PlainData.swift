// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

extension YAMLNode {
  /// The value as JSON, by the core schema of YAML 1.2; numbers that JSON has not got stay texts.
  var json: JSONValue {
    switch content {
    case .scalar(let scalar): scalar.json
    case .sequence(let items): .array(items.map(\.json))
    case .mapping(let entries):
      .object(JSONObject(uniqueMembers: entries.map { .init(key: $0.key, value: $0.value.json) }))
    }
  }
}

extension YAMLScalar {
  fileprivate var json: JSONValue {
    guard isPlain else { return .string(text) }
    if isNull { return .null }
    if case .boolean(let value)? = ScalarShape.boolean.read(text, isExternal: false) { return .bool(value) }
    if case .integer(let value)? = ScalarShape.integer(.min ... .max).read(text, isExternal: false) {
      return .int(value)
    }
    if ExactDecimal(text) != nil, let value = Double(text), value.isFinite { return .double(value) }
    return .string(text)
  }
}

extension Shaped {
  /// The value as JSON, with canonical keys; nil for what data does not hold, such as money.
  var json: JSONValue? {
    switch content {
    case .text(let text, _): .string(text)
    case .boolean(let value): .bool(value)
    case .integer(let value): .int(value)
    case .list(let items): .array(items.compactMap(\.json))
    case .object(let fields):
      .object(
        JSONObject(
          uniqueMembers: fields.order.compactMap { name in
            fields.value(name)?.json.map { .init(key: name, value: $0) }
          }))
    case .raw(let node): node.json
    case .factor, .duration, .size, .money, .price, .percentage, .budget, .dictionary: nil
    }
  }
}
