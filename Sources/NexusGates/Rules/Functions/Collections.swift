// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  private static let (any, key, value) = (RuleType.parameter("A"), RuleType.parameter("A"), RuleType.parameter("B"))

  static let collections: [RuleFunction] = [
    RuleFunction(
      "size",
      .unary(
        .both,
        [
          FunctionSignature([.string], .int), FunctionSignature([.bytes], .int),
          FunctionSignature([.list(any)], .int), FunctionSignature([.map(key, value)], .int),
        ]
      ) { value, state throws(RuleFault) in
        switch value {
        case .string(let text):
          try state.meter.walk(text.utf8.count)
          return .int(Int64(text.scalarCount))
        case .bytes(let bytes): return .int(Int64(bytes.count))
        case .list(let elements): return .int(Int64(elements.count))
        case .map(let map): return .int(Int64(map.count))
        default: throw .noOverload("size()", value)
        }
      })
  ]

  static let encoders: [RuleFunction] = [
    RuleFunction(
      "base64.encode",
      .unary([FunctionSignature([.bytes], .string)]) { value, state throws(RuleFault) in
        guard case .bytes(let bytes) = value else { throw .noOverload("base64.encode()", value) }
        try state.meter.walk(bytes.count)
        try state.meter.allocate(bytes.count / 3 * 4 + 4)
        return .string(Base64Text.encode(bytes))
      }),
    RuleFunction(
      "base64.decode",
      .unary([FunctionSignature([.string], .bytes)]) { value, state throws(RuleFault) in
        guard case .string(let text) = value else { throw .noOverload("base64.decode()", value) }
        try state.meter.walk(text.utf8.count)
        try state.meter.allocate(text.utf8.count)
        guard let bytes = Base64Text.decode(text) else { throw .invalid("the text is not base64") }
        return .bytes(bytes)
      }),
  ]
}

/// Base64 by RFC 4648, section 4; padding may be left out when reading.
enum Base64Text {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count / 3 * 4 + 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      var group: UInt32 = 0
      for index in 0..<3 { group = group << 8 | (index < count ? UInt32(bytes[start + index]) : 0) }
      for index in 0..<4 {
        text.append(index <= count ? alphabet[Int(group >> (18 - 6 * UInt32(index)) & 0x3F)] : padding)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  static func decode(_ text: String) -> [UInt8]? {
    var characters = Array(text.utf8)
    if characters.count % 4 == 0 {
      for _ in 0..<2 where characters.last == padding { characters.removeLast() }
    }
    guard characters.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 4 * 3 + 3)
    var (group, bits): (UInt32, UInt32) = (0, 0)
    for character in characters {
      guard let value = value(of: character) else { return nil }
      group = group << 6 | value
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: group >> bits))
      }
    }
    return bytes
  }

  private static func value(of character: UInt8) -> UInt32? {
    switch character {
    case 0x41...0x5A: UInt32(character) - 0x41
    case 0x61...0x7A: UInt32(character) - 0x61 + 26
    case 0x30...0x39: UInt32(character) - 0x30 + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
