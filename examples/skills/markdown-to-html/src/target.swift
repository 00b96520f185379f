// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Where a link leads: `(address "title")`.
struct Target {
  let address: [UInt8]
  let title: [UInt8]
  /// Behind the closing bracket.
  let end: Int

  /// Nil if no target stands there.
  init?(_ text: Line, from start: Int) {
    var at = start
    func byte() -> UInt8? { at < text.endIndex ? text[at] : nil }
    func skipBlanks() { while let next = byte(), Bytes.isBlank(next) { at += 1 } }
    guard byte() == 40 else { return nil }
    at += 1
    skipBlanks()
    guard let address = Self.address(text, &at) else { return nil }
    let behind = at
    skipBlanks()
    var title: [UInt8] = []
    if at > behind, let quote = byte(), quote == 34 || quote == 39 {
      guard let found = Self.title(text, &at, quote) else { return nil }
      title = found
      skipBlanks()
    }
    guard byte() == 41 else { return nil }
    self.address = address
    self.title = title
    end = at + 1
  }

  private static func address(_ text: Line, _ at: inout Int) -> [UInt8]? {
    let isBracketed = at < text.endIndex && text[at] == 60
    if isBracketed { at += 1 }
    var address: [UInt8] = []
    var depth = 0
    while at < text.endIndex, address.count <= Inline.longestTarget {
      var byte = text[at]
      if isBracketed ? byte == 62 : byte == Bytes.space || byte == Bytes.newline || (byte == 41 && depth == 0) {
        if isBracketed { at += 1 }
        return address
      }
      guard byte >= 32, byte != 127, !isBracketed || byte != 60 else { return nil }
      if byte == 92, at + 1 < text.endIndex, Bytes.isPunctuation(text[at + 1]) {
        at += 1
        byte = text[at]
      } else if byte == 40 {
        depth += 1
      } else if byte == 41 {
        depth -= 1
      }
      address.append(byte)
      at += 1
    }
    return nil
  }

  private static func title(_ text: Line, _ at: inout Int, _ quote: UInt8) -> [UInt8]? {
    at += 1
    var title: [UInt8] = []
    while at < text.endIndex, title.count <= Inline.longestTarget {
      let byte = text[at]
      at += 1
      if byte == quote { return title }
      if byte == 92, at < text.endIndex, Bytes.isPunctuation(text[at]) {
        title.append(text[at])
        at += 1
      } else {
        title.append(byte)
      }
    }
    return nil
  }

  // MARK: Safety

  private static let schemes: [StaticString] = ["http", "https", "mailto"]

  /// What stands before the colon, if that is a scheme.
  static func scheme(of address: some Collection<UInt8>) -> [UInt8]? {
    var scheme: [UInt8] = []
    for byte in address {
      if byte == 58 { return scheme.isEmpty ? nil : scheme }
      let isFirst = scheme.isEmpty
      let isSign = byte == 43 || byte == 45 || byte == 46
      guard Bytes.isLetter(byte) || (!isFirst && (Bytes.isDigit(byte) || isSign)) else { return nil }
      scheme.append(Bytes.isLetter(byte) ? byte | 32 : byte)
    }
    return nil
  }

  /// Addresses without a scheme stay within the site.
  static func isSafe(_ address: some Collection<UInt8>) -> Bool {
    guard let scheme = scheme(of: address) else { return true }
    return schemes.contains { name in
      name.utf8CodeUnitCount == scheme.count && Bytes.starts(scheme[...], with: name)
    }
  }

  var isSafe: Bool { Self.isSafe(address) }

  static func write(_ address: some Collection<UInt8>, to html: inout [UInt8]) {
    for byte in address {
      switch byte {
      case 32: Bytes.append("%20", to: &html)
      case 34: Bytes.append("%22", to: &html)
      case 92: Bytes.append("%5C", to: &html)
      case 96: Bytes.append("%60", to: &html)
      default: Bytes.escape(byte, into: &html)
      }
    }
  }

  func writeTitle(to html: inout [UInt8]) {
    guard !title.isEmpty else { return }
    Bytes.append(" title=\"", to: &html)
    Bytes.escape(title, into: &html)
    html.append(34)
  }

  var openingTag: [UInt8] {
    var html = Array("<a href=\"".utf8)
    Self.write(address, to: &html)
    html.append(34)
    writeTitle(to: &html)
    html.append(62)
    return html
  }
}
