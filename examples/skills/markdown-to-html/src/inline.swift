// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Turns the text of a block into HTML: code, links, emphasis; everything else is escaped.
struct Inline {
  /// A longer address or title is none.
  static let longestTarget = 1000
  /// How many signs and brackets of one block mean something; more are text.
  static let maxSigns = 100_000
  /// A longer run of backticks is text.
  static let longestRun = 80

  /// A part of the text: HTML that is done, or signs that may become emphasis.
  private struct Piece {
    var html: [UInt8] = []
    var sign: UInt8 = 0
    var count = 0
    var canOpen = false
    var canClose = false
    /// Tags that close here, the inner ones first, and that open here, the outer ones first.
    var closing: [UInt8] = []
    var opening: [[UInt8]] = []
  }

  /// A bracket that may begin a link.
  private struct Bracket {
    var piece: Int
    var at: Int
    var isImage: Bool
  }

  private let text: Line
  private var at: Int
  private var pieces: [Piece] = []
  private var brackets: [Bracket] = []
  /// How many of them have a link behind them, and so begin none: there are no links within links.
  private var passed = 0
  /// Lengths of runs of backticks that nothing closes from here on.
  private var unclosed: [Int] = []

  static func add(_ text: Line, to html: inout [UInt8]) {
    var inline = Inline(text)
    inline.read()
    inline.emphasize(from: 0)
    for piece in inline.pieces { write(piece, to: &html) }
  }

  private init(_ text: Line) {
    self.text = text
    at = text.startIndex
  }

  private static func write(_ piece: Piece, to html: inout [UInt8]) {
    html += piece.closing
    html += piece.html
    for _ in 0..<piece.count { html.append(piece.sign) }
    for tag in piece.opening.reversed() { html += tag }
  }

  private func byte(_ place: Int) -> UInt8? { place >= text.startIndex && place < text.endIndex ? text[place] : nil }

  private mutating func append(_ byte: UInt8) {
    openText()
    Bytes.escape(byte, into: &pieces[pieces.count - 1].html)
  }

  private mutating func append(html: [UInt8]) {
    openText()
    pieces[pieces.count - 1].html += html
  }

  /// Sees to it that the last piece is text.
  private mutating func openText() {
    if pieces.isEmpty || pieces[pieces.count - 1].sign != 0 || brackets.last?.piece == pieces.count - 1 {
      pieces.append(Piece())
    }
  }

  // MARK: From the left to the right

  private mutating func read() {
    while let byte = byte(at) {
      switch byte {
      case 92: readEscape()
      case 96: readCode()
      case 42, 95: readSigns(byte)
      case 91: openBracket(isImage: false)
      case 33 where self.byte(at + 1) == 91: openBracket(isImage: true)
      case 93: closeBracket()
      case 60: readAutolink()
      case 10: readLineEnd()
      default:
        append(byte)
        at += 1
      }
    }
  }

  private mutating func readEscape() {
    at += 1
    guard let next = byte(at) else { return append(92) }
    if next == Bytes.newline {
      append(html: Array("<br>\n".utf8))
      at += 1
    } else if Bytes.isPunctuation(next) {
      append(next)
      at += 1
    } else {
      append(92)
    }
  }

  private mutating func readLineEnd() {
    // Two blanks before the end of a line break it.
    let isHard = byte(at - 1) == Bytes.space && byte(at - 2) == Bytes.space
    if !pieces.isEmpty, pieces[pieces.count - 1].sign == 0 {
      while pieces[pieces.count - 1].html.last == Bytes.space { pieces[pieces.count - 1].html.removeLast() }
    }
    append(html: Array((isHard ? "<br>\n" : "\n").utf8))
    at += 1
  }

  private mutating func readCode() {
    let start = at
    while byte(at) == 96 { at += 1 }
    let length = at - start
    let contentStart = at
    if length <= Self.longestRun, !unclosed.contains(length) {
      var place = at
      while place < text.endIndex {
        guard text[place] == 96 else {
          place += 1
          continue
        }
        let run = place
        while byte(place) == 96 { place += 1 }
        guard place - run == length else { continue }
        append(html: Self.code(text[contentStart..<run]))
        at = place
        return
      }
      unclosed.append(length)
    }
    for _ in 0..<length { append(96) }
  }

  private static func code(_ content: Line) -> [UInt8] {
    var content = content
    if content.count > 2, content.first == 32, content.last == 32, !content.isBlank {
      content = content.dropFirst().dropLast()
    }
    var html = Array("<code>".utf8)
    for byte in content { Bytes.escape(byte == Bytes.newline ? Bytes.space : byte, into: &html) }
    Bytes.append("</code>", to: &html)
    return html
  }

  /// `<https://…>` or `<ada@example.org>`.
  private mutating func readAutolink() {
    let end = text[(at + 1)...].prefix(Self.longestTarget).firstIndex { $0 == 62 || $0 == 60 || $0 <= 32 }
    guard let end, byte(end) == 62 else {
      append(60)
      at += 1
      return
    }
    let target = text[(at + 1)..<end]
    let isMail = target.contains(64) && !target.contains(58) && !target.contains(92)
    guard isMail || (Target.scheme(of: target) != nil && Target.isSafe(target)) else {
      append(60)
      at += 1
      return
    }
    var html = Array("<a href=\"".utf8)
    if isMail { Bytes.append("mailto:", to: &html) }
    Target.write(target, to: &html)
    Bytes.append("\">", to: &html)
    Bytes.escape(target, into: &html)
    Bytes.append("</a>", to: &html)
    append(html: html)
    at = end + 1
  }

  // MARK: Links

  private mutating func openBracket(isImage: Bool) {
    let html: [UInt8] = isImage ? [33, 91] : [91]
    if pieces.count < Self.maxSigns {
      brackets.append(Bracket(piece: pieces.count, at: at, isImage: isImage))
      var piece = Piece()
      piece.html = html
      pieces.append(piece)
    } else {
      append(html: html)
    }
    at += html.count
  }

  private mutating func closeBracket() {
    let bracket = brackets.popLast()
    let mayLink = bracket.map { $0.isImage || brackets.count >= passed } ?? false
    passed = min(passed, brackets.count)
    guard let bracket, mayLink, let target = Target(text, from: at + 1) else {
      append(html: [93])
      at += 1
      return
    }
    let inner = text[(bracket.at + (bracket.isImage ? 2 : 1))..<at]
    at = target.end
    guard !bracket.isImage else {
      pieces.removeSubrange(bracket.piece...)
      append(html: Self.image(inner, target))
      return
    }
    emphasize(from: bracket.piece + 1)
    pieces[bracket.piece].html = target.isSafe ? target.openingTag : []
    if target.isSafe { append(html: Array("</a>".utf8)) }
    passed = brackets.count
  }

  private static func image(_ alternative: Line, _ target: Target) -> [UInt8] {
    let plain = alternative.filter { ![42, 95, 96, 91, 93, 33, 92].contains($0) }
    var html: [UInt8] = []
    guard target.isSafe else {
      Bytes.escape(plain, into: &html)
      return html
    }
    html = Array("<img src=\"".utf8)
    Target.write(target.address, to: &html)
    Bytes.append("\" alt=\"", to: &html)
    Bytes.escape(plain, into: &html)
    html.append(34)
    target.writeTitle(to: &html)
    html.append(62)
    return html
  }

  // MARK: Emphasis

  private mutating func readSigns(_ sign: UInt8) {
    let start = at
    while byte(at) == sign { at += 1 }
    let before = byte(start - 1)
    let after = byte(at)
    guard pieces.count < Self.maxSigns else {
      for _ in start..<at { append(sign) }
      return
    }
    func isBlank(_ byte: UInt8?) -> Bool { byte.map(Bytes.isBlank) ?? true }
    func isPunctuation(_ byte: UInt8?) -> Bool { byte.map(Bytes.isPunctuation) ?? false }
    let opens = !isBlank(after) && (!isPunctuation(after) || isBlank(before) || isPunctuation(before))
    let closes = !isBlank(before) && (!isPunctuation(before) || isBlank(after) || isPunctuation(after))
    var piece = Piece()
    piece.sign = sign
    piece.count = at - start
    // Within a word, `_` is a letter.
    piece.canOpen = opens && (sign == 42 || !closes || isPunctuation(before))
    piece.canClose = closes && (sign == 42 || !opens || isPunctuation(after))
    pieces.append(piece)
  }

  /// Pairs the signs from a piece on; what stays without a partner is text.
  private mutating func emphasize(from first: Int) {
    var openers: [Int] = []
    // How many openers were tried in vain, for each kind of closer.
    var bottoms = [Int](repeating: 0, count: 12)
    guard first < pieces.count else { return }
    for closer in first..<pieces.count where pieces[closer].sign != 0 {
      let kind = (pieces[closer].sign == 42 ? 0 : 6) + (pieces[closer].canOpen ? 3 : 0) + pieces[closer].count % 3
      while pieces[closer].canClose, pieces[closer].count > 0 {
        let bottom = min(bottoms[kind], openers.count)
        guard let found = openers[bottom...].lastIndex(where: { fits($0, closer) }) else {
          bottoms[kind] = openers.count
          break
        }
        openers.removeSubrange((found + 1)...)
        join(openers[found], closer)
        if pieces[openers[found]].count == 0 { openers.removeLast() }
      }
      if pieces[closer].canOpen, pieces[closer].count > 0 { openers.append(closer) }
    }
    // They are text from now on, whatever encloses them.
    for index in first..<pieces.count {
      pieces[index].canOpen = false
      pieces[index].canClose = false
    }
  }

  private func fits(_ opener: Int, _ closer: Int) -> Bool {
    let one = pieces[opener]
    let other = pieces[closer]
    guard one.sign == other.sign else { return false }
    let isEither = one.canClose || other.canOpen
    return !isEither || (one.count + other.count) % 3 != 0 || (one.count % 3 == 0 && other.count % 3 == 0)
  }

  private mutating func join(_ opener: Int, _ closer: Int) {
    let isStrong = pieces[opener].count >= 2 && pieces[closer].count >= 2
    pieces[opener].count -= isStrong ? 2 : 1
    pieces[closer].count -= isStrong ? 2 : 1
    // Written from the last one to the first: what is joined later lies outside.
    pieces[opener].opening.append(Array((isStrong ? "<strong>" : "<em>").utf8))
    Bytes.append(isStrong ? "</strong>" : "</em>", to: &pieces[closer].closing)
  }
}
