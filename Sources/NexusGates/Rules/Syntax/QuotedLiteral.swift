// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension Tokenizer {
  /// A string or bytes literal with its prefix, or nil if none begins here.
  mutating func quotedLiteral() throws(LocatedComplaint) -> Token.Kind? {
    var (isRaw, isBytes, length) = (false, false, 0)
    // `b` and `r` in either order and case, each at most once.
    prefix: while let byte = byte(ahead: length), length < 2 {
      switch byte {
      case UInt8(ascii: "r") where !isRaw, UInt8(ascii: "R") where !isRaw: isRaw = true
      case UInt8(ascii: "b") where !isBytes, UInt8(ascii: "B") where !isBytes: isBytes = true
      default: break prefix
      }
      length += 1
    }
    guard let quote = byte(ahead: length), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
    let start = index
    index += length
    let isTriple = byte(ahead: 1) == quote && byte(ahead: 2) == quote
    index += isTriple ? 3 : 1
    let content = try content(from: start, quote: quote, isTriple: isTriple, isRaw: isRaw, isBytes: isBytes)
    if isBytes { return .bytes(content) }
    guard let text = String(validating: content, as: UTF8.self) else {
      throw LocatedComplaint("the string is not valid UTF-8", at: start)
    }
    return .string(text)
  }

  private mutating func content(
    from start: Int, quote: UInt8, isTriple: Bool, isRaw: Bool, isBytes: Bool
  ) throws(LocatedComplaint) -> [UInt8] {
    var content: [UInt8] = []
    while let byte = byte() {
      if byte == quote, !isTriple || (self.byte(ahead: 1) == quote && self.byte(ahead: 2) == quote) {
        index += isTriple ? 3 : 1
        return content
      }
      if byte == UInt8(ascii: "\\"), !isRaw {
        try escape(into: &content, isBytes: isBytes)
        continue
      }
      if !isTriple, byte == 0x0A || byte == 0x0D {
        throw LocatedComplaint("the string does not end on its line", at: start)
      }
      content.append(byte)
      index += 1
    }
    throw LocatedComplaint("the string does not end", at: start)
  }

  private mutating func escape(into content: inout [UInt8], isBytes: Bool) throws(LocatedComplaint) {
    let start = index
    guard let kind = byte(ahead: 1) else { throw LocatedComplaint("the string does not end", at: start) }
    index += 2
    switch kind {
    case UInt8(ascii: "a"): content.append(0x07)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "v"): content.append(0x0B)
    case UInt8(ascii: "\\"), UInt8(ascii: "?"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"):
      content.append(kind)
    case UInt8(ascii: "x"), UInt8(ascii: "X"):
      try append(try digits(2, radix: 16, from: start), to: &content, isByte: isBytes, from: start)
    case UInt8(ascii: "u") where !isBytes:
      try append(try digits(4, radix: 16, from: start), to: &content, isByte: false, from: start)
    case UInt8(ascii: "U") where !isBytes:
      try append(try digits(8, radix: 16, from: start), to: &content, isByte: false, from: start)
    case UInt8(ascii: "0")...UInt8(ascii: "3"):
      index -= 1
      try append(try digits(3, radix: 8, from: start), to: &content, isByte: isBytes, from: start)
    default: throw LocatedComplaint("an unknown escape", at: start)
    }
  }

  private mutating func digits(_ count: Int, radix: UInt32, from start: Int) throws(LocatedComplaint) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let digit = byte()?.hexValue, UInt32(digit) < radix, value >> 28 == 0 else {
        throw LocatedComplaint("a malformed escape", at: start)
      }
      value = value * radix + UInt32(digit)
      index += 1
    }
    return value
  }

  private func append(
    _ code: UInt32, to content: inout [UInt8], isByte: Bool, from start: Int
  ) throws(LocatedComplaint) {
    if isByte, let byte = UInt8(exactly: code) {
      content.append(byte)
      return
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw LocatedComplaint("an escape that is no Unicode character", at: start)
    }
    content.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }
}
