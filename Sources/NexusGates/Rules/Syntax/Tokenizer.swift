// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Cuts the text of a rule into tokens, by the lexis of the CEL language definition (section "Syntax").
struct Tokenizer {
  let bytes: [UInt8]
  var index = 0

  init(text: String) { bytes = Array(text.utf8) }

  mutating func tokens() throws(LocatedComplaint) -> [Token] {
    var tokens: [Token] = []
    while true {
      skipSpaceAndComments()
      let start = index
      guard index < bytes.count else {
        tokens.append(Token(kind: .end, offset: start))
        return tokens
      }
      tokens.append(Token(kind: try next(), offset: start))
    }
  }

  func byte(ahead distance: Int = 0) -> UInt8? {
    index + distance < bytes.count ? bytes[index + distance] : nil
  }

  private mutating func skipSpaceAndComments() {
    while let byte = byte() {
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0C, 0x0D: index += 1
      case UInt8(ascii: "/") where self.byte(ahead: 1) == UInt8(ascii: "/"):
        while let byte = self.byte(), byte != 0x0A { index += 1 }
      default: return
      }
    }
  }

  private mutating func next() throws(LocatedComplaint) -> Token.Kind {
    let first = bytes[index]
    if first.isDigit || (first == UInt8(ascii: ".") && byte(ahead: 1)?.isDigit == true) { return try number() }
    if let literal = try quotedLiteral() { return literal }
    if first.startsIdentifier { return word() }
    if first == UInt8(ascii: "`") { return try quotedIdentifier() }
    return try symbol()
  }

  private mutating func word() -> Token.Kind {
    let start = index
    while let byte = byte(), byte.startsIdentifier || byte.isDigit { index += 1 }
    let text = String(decoding: bytes[start..<index], as: UTF8.self)
    return text == Token.Symbol.in.rawValue ? .symbol(.in) : .identifier(text)
  }

  private mutating func quotedIdentifier() throws(LocatedComplaint) -> Token.Kind {
    let start = index
    index += 1
    while let byte = byte(), byte != UInt8(ascii: "`") {
      let isAllowed =
        byte.startsIdentifier || byte.isDigit || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
        || byte == UInt8(ascii: "/") || byte == UInt8(ascii: " ")
      guard isAllowed else { throw LocatedComplaint("a character that a quoted name may not contain", at: index) }
      index += 1
    }
    guard byte() != nil, index > start + 1 else { throw LocatedComplaint("the quoted name does not end", at: start) }
    index += 1
    return .quotedIdentifier(String(decoding: bytes[start + 1..<index - 1], as: UTF8.self))
  }

  private mutating func symbol() throws(LocatedComplaint) -> Token.Kind {
    for length in [2, 1] where index + length <= bytes.count {
      let text = String(decoding: bytes[index..<index + length], as: UTF8.self)
      if let symbol = Token.Symbol(rawValue: text) {
        index += length
        return .symbol(symbol)
      }
    }
    throw LocatedComplaint("a character that begins nothing in this language", at: index)
  }
}

extension UInt8 {
  var isDigit: Bool { (0x30...0x39).contains(self) }

  /// A letter of ASCII or `_`.
  var startsIdentifier: Bool {
    (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) || self == UInt8(ascii: "_")
  }

  /// The value of a hexadecimal digit.
  var hexValue: UInt8? {
    switch self {
    case 0x30...0x39: self - 0x30
    case 0x41...0x46: self - 0x41 + 10
    case 0x61...0x66: self - 0x61 + 10
    default: nil
    }
  }
}
