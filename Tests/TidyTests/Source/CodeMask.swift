// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Swift source with its comments and the text of its strings blanked out, byte for byte, so that a rule about code
/// cannot be confused by prose.
///
/// Code inside an interpolation is kept. Names in back-quotes that hold a space (test names) count as prose.
struct CodeMask {
  private let bytes: [UInt8]
  private var masked: [UInt8]
  private var index = 0

  static func mask(_ text: [UInt8]) -> [UInt8] {
    var mask = CodeMask(bytes: text)
    mask.scanCode(untilParenthesis: false)
    return mask.masked
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
    masked = bytes
  }

  private func at(_ offset: Int) -> UInt8 { index + offset < bytes.count ? bytes[index + offset] : 0 }

  private mutating func blank(_ count: Int = 1) {
    for _ in 0..<count where index < bytes.count {
      if bytes[index] != UInt8(ascii: "\n") { masked[index] = UInt8(ascii: " ") }
      index += 1
    }
  }

  /// Goes over code; with `untilParenthesis` it stops behind the one that closes an interpolation.
  private mutating func scanCode(untilParenthesis: Bool) {
    var depth = 0
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "/") where at(1) == UInt8(ascii: "/"): blankLine()
      case UInt8(ascii: "/") where at(1) == UInt8(ascii: "*"): blankBlock()
      case UInt8(ascii: "\""): scanString(hashes: 0)
      case UInt8(ascii: "#"): scanHashes()
      case UInt8(ascii: "`"): scanBackquotes()
      case UInt8(ascii: "("):
        depth += 1
        index += 1
      case UInt8(ascii: ")"):
        index += 1
        if untilParenthesis, depth == 0 { return }
        depth -= 1
      default: index += 1
      }
    }
  }

  private mutating func blankLine() {
    while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { blank() }
  }

  private mutating func blankBlock() {
    var depth = 0
    repeat {
      if at(0) == UInt8(ascii: "/"), at(1) == UInt8(ascii: "*") {
        depth += 1
        blank(2)
      } else if at(0) == UInt8(ascii: "*"), at(1) == UInt8(ascii: "/") {
        depth -= 1
        blank(2)
      } else {
        blank()
      }
    } while depth > 0 && index < bytes.count
  }

  private mutating func scanHashes() {
    var hashes = 0
    while at(hashes) == UInt8(ascii: "#") { hashes += 1 }
    if at(hashes) == UInt8(ascii: "\"") {
      index += hashes
      scanString(hashes: hashes)
    } else {
      index += hashes
    }
  }

  private mutating func scanBackquotes() {
    var length = 1
    var isProse = false
    while index + length < bytes.count, at(length) != UInt8(ascii: "`"), at(length) != UInt8(ascii: "\n") {
      if at(length) == UInt8(ascii: " ") { isProse = true }
      length += 1
    }
    if isProse { blank(length + 1) } else { index += length + 1 }
  }

  /// `index` stands on the first quotation mark.
  private mutating func scanString(hashes: Int) {
    let quotes = at(1) == UInt8(ascii: "\"") && at(2) == UInt8(ascii: "\"") ? 3 : 1
    index += quotes
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "\\"), hasHashes(hashes, after: 1) {
        if at(1 + hashes) == UInt8(ascii: "(") {
          blank(1 + hashes)
          index += 1
          scanCode(untilParenthesis: true)
        } else {
          blank(2 + hashes)
        }
      } else if isQuotation(quotes), hasHashes(hashes, after: quotes) {
        index += quotes + hashes
        return
      } else if quotes == 1, bytes[index] == UInt8(ascii: "\n") {
        return
      } else {
        blank()
      }
    }
  }

  private func isQuotation(_ count: Int) -> Bool { (0..<count).allSatisfy { at($0) == UInt8(ascii: "\"") } }

  private func hasHashes(_ count: Int, after offset: Int) -> Bool {
    (0..<count).allSatisfy { at(offset + $0) == UInt8(ascii: "#") }
  }
}
