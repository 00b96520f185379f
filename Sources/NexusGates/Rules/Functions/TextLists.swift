// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Texts from lists, lists from texts.
enum TextLists {
  @Sendable static func join(_ arguments: [RuleValue], _ state: inout EvaluationState) throws(RuleFault) -> RuleValue {
    var separator = ""
    if arguments.count == 2 {
      guard case .string(let given) = arguments[1] else { throw .noOverload("join()", arguments) }
      separator = given
    }
    guard case .list(let elements) = arguments[0] else { throw .noOverload("join()", arguments) }
    var joined = ""
    for (index, element) in elements.enumerated() {
      guard case .string(let text) = element else { throw .noOverload("join()", arguments[0], element) }
      let length = text.utf8.count + separator.utf8.count
      try state.meter.spend(1 + length / Meter.charactersPerUnit)
      try state.meter.allocate(length)
      if index > 0 { joined += separator }
      joined += text
    }
    return .string(joined)
  }

  /// The number of the last argument; negative is without limit.
  private static func limit(_ arguments: [RuleValue], at position: Int, _ name: String) throws(RuleFault) -> Int {
    guard arguments.count > position else { return .max }
    guard case .int(let limit) = arguments[position] else { throw .noOverload(name, arguments) }
    return limit < 0 ? .max : Int(limit)
  }

  @Sendable static func split(_ arguments: [RuleValue], _ state: inout EvaluationState) throws(RuleFault) -> RuleValue {
    guard case .string(let text) = arguments[0], case .string(let separator) = arguments[1] else {
      throw .noOverload("split()", arguments)
    }
    let limit = try limit(arguments, at: 2, "split()")
    if limit == 0 { return .list([]) }
    try state.meter.spend(StandardFunctions.searchCost(text, separator))
    var parts: [RuleValue] = []
    func add(_ part: ArraySlice<UInt8>) throws(RuleFault) {
      try state.meter.spend(1 + part.count / Meter.charactersPerUnit)
      try state.meter.allocate(part.count + Meter.valueBytes)
      parts.append(.string(String(decoding: part, as: UTF8.self)))
    }
    let bytes = Array(text.utf8)
    var start = 0
    if separator.utf8.isEmpty {
      for scalar in text.unicodeScalars where parts.count < limit - 1 {
        let end = start + UTF8.width(scalar)
        try add(bytes[start..<end])
        start = end
      }
      if start < bytes.count { try add(bytes[start...]) }
      return .list(parts)
    }
    let part = Array(separator.utf8)
    while parts.count < limit - 1, let found = ByteSearch.first(of: part, in: bytes, from: start) {
      try add(bytes[start..<found])
      start = found + part.count
    }
    try add(bytes[start...])
    return .list(parts)
  }

  @Sendable static func replace(_ arguments: [RuleValue], _ state: inout EvaluationState) throws(RuleFault)
    -> RuleValue
  {
    guard case .string(let text) = arguments[0], case .string(let old) = arguments[1],
      case .string(let new) = arguments[2]
    else { throw .noOverload("replace()", arguments) }
    let limit = try limit(arguments, at: 3, "replace()")
    try state.meter.spend(StandardFunctions.searchCost(text, old))
    try state.meter.allocate(text.utf8.count)
    var result: [UInt8] = []
    var count = 0
    func insert() throws(RuleFault) {
      count += 1
      try state.meter.spend(1 + new.utf8.count / Meter.charactersPerUnit)
      try state.meter.allocate(new.utf8.count)
      result.append(contentsOf: new.utf8)
    }
    let bytes = Array(text.utf8)
    if old.utf8.isEmpty {
      // Nothing occurs before each character and at the end.
      for scalar in text.unicodeScalars {
        if count < limit { try insert() }
        result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
      if count < limit { try insert() }
      return .string(String(decoding: result, as: UTF8.self))
    }
    let part = Array(old.utf8)
    var start = 0
    while count < limit, let found = ByteSearch.first(of: part, in: bytes, from: start) {
      result += bytes[start..<found]
      try insert()
      start = found + part.count
    }
    result += bytes[start...]
    return .string(String(decoding: result, as: UTF8.self))
  }
}
