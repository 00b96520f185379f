// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension JSONValue {
  /// How a value is written.
  package enum Form: Sendable {
    /// On one line, members in their own order.
    case compact
    /// Two spaces a level, members in their own order.
    case pretty
    /// The JSON Canonicalization Scheme (RFC 8785), for digests: members are sorted and numbers have one form.
    ///
    /// One difference: integers beyond 2^53 stay exact instead of becoming their nearest double, because two requests
    /// that differ must never share a digest.
    case canonical
  }

  package func encoded(_ form: Form = .compact) -> [UInt8] {
    var writer = JSONWriter(form: form)
    writer.bytes.reserveCapacity(256)
    writer.write(self, level: 0)
    return writer.bytes
  }

  package func text(_ form: Form = .compact) -> String { String(decoding: encoded(form), as: UTF8.self) }
}

extension [UInt8] {
  /// Appends the bytes of a text.
  package mutating func append(text: String) {
    let isWhole: Void? = unsafe text.utf8.withContiguousStorageIfAvailable { unsafe append(contentsOf: $0) }
    if isWhole == nil { append(contentsOf: text.utf8) }
  }

  /// Appends a value in its compact form.
  package mutating func append(json value: JSONValue) {
    var writer = JSONWriter(form: .compact)
    swap(&writer.bytes, &self)
    writer.write(value, level: 0)
    swap(&writer.bytes, &self)
  }
}

private struct JSONWriter {
  let form: JSONValue.Form
  var bytes: [UInt8] = []

  init(form: JSONValue.Form) { self.form = form }

  mutating func write(_ value: JSONValue, level: Int) {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .int(let value): append(String(value))
    case .double(let value): append(Self.number(value, form))
    case .string(let text): writeString(text)
    case .array(let elements): writeArray(elements, level: level)
    case .object(let object): writeObject(object, level: level)
    }
  }

  private mutating func append(_ text: String) { bytes.append(text: text) }

  /// ECMAScript's `Number::toString`: the shortest digits that read back, exponent form outside 1e-6 ..< 1e21.
  ///
  /// Integers are read exactly, and the shortest digits of a large double are not those of the integer that it is. Such a
  /// one is written with an exponent, so that it is read as the value that it was; the canonical form has no choice.
  static func number(_ value: Double, _ form: JSONValue.Form) -> String {
    guard value.isFinite else { return "null" }
    if value == 0 { return "0" }
    var text = "\(abs(value))"
    var exponent = 0
    if let mark = text.firstIndex(of: "e") {
      exponent = Int(text[text.index(after: mark)...]) ?? 0
      text = String(text[..<mark])
    }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    var digits = String(parts[0]) + (parts.count > 1 ? String(parts[1]) : "")
    var point = parts[0].count + exponent
    while digits.hasPrefix("0"), digits.count > 1 {
      digits.removeFirst()
      point -= 1
    }
    while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
    let sign = value < 0 ? "-" : ""
    let isLarge = (16...19).contains(point) && point >= digits.count && form != .canonical
    let reads = isLarge ? Int64(sign + digits + String(repeating: "0", count: point - digits.count)) : nil
    switch point {
    case digits.count...21 where reads == nil || reads == Int64(exactly: value):
      return sign + digits + String(repeating: "0", count: point - digits.count)
    case 1..<max(1, digits.count):
      return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    case -5...0: return sign + "0." + String(repeating: "0", count: -point) + digits
    default:
      let power = point - 1
      let mantissa = digits.count == 1 ? digits : "\(digits.prefix(1)).\(digits.dropFirst())"
      return "\(sign)\(mantissa)e\(power < 0 ? "-" : "+")\(abs(power))"
    }
  }

  private mutating func writeString(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    defer { bytes.append(UInt8(ascii: "\"")) }
    // Most texts need no escape and are copied whole.
    guard Self.needsEscapes(text) else { return append(text) }
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0x08: append("\\b")
      case 0x09: append("\\t")
      case 0x0A: append("\\n")
      case 0x0C: append("\\f")
      case 0x0D: append("\\r")
      case 0..<0x20:
        let hex = String(byte, radix: 16)
        append("\\u00" + (hex.count == 1 ? "0" : "") + hex)
      default: bytes.append(byte)
      }
    }
  }

  /// Looks at every byte, without a way out on the way: that is done for many bytes at a time.
  private static func needsEscapes(_ text: String) -> Bool {
    let bytes = text.utf8.span
    var found: UInt8 = 0
    for index in 0..<bytes.count {
      let byte = unsafe bytes[unchecked: index]
      let isSpecial: UInt8 =
        (byte < 0x20 ? 1 : 0) | (byte == UInt8(ascii: "\"") ? 1 : 0) | (byte == UInt8(ascii: "\\") ? 1 : 0)
      found |= isSpecial
    }
    return found != 0
  }

  private mutating func breakLine(_ level: Int) {
    guard form == .pretty else { return }
    bytes.append(0x0A)
    for _ in 0..<level { append("  ") }
  }

  private mutating func writeArray(_ elements: [JSONValue], level: Int) {
    bytes.append(UInt8(ascii: "["))
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      breakLine(level + 1)
      write(element, level: level + 1)
    }
    if !elements.isEmpty { breakLine(level) }
    bytes.append(UInt8(ascii: "]"))
  }

  private mutating func writeObject(_ object: JSONObject, level: Int) {
    bytes.append(UInt8(ascii: "{"))
    let members = form == .canonical ? object.sortedMembers : object.members
    for (index, member) in members.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      breakLine(level + 1)
      writeString(member.key)
      bytes.append(UInt8(ascii: ":"))
      if form == .pretty { bytes.append(0x20) }
      write(member.value, level: level + 1)
    }
    if !object.isEmpty { breakLine(level) }
    bytes.append(UInt8(ascii: "}"))
  }
}
