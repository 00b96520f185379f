// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The marker of an item of a list.
struct Marker {
  /// `-`, `+`, `*`, or what stands behind the number.
  var kind: UInt8
  var number: Int?
  /// Where its content begins.
  var width: Int
}

/// Turns lines into blocks of HTML; quotes and items are lines again.
struct Blocks {
  static let maxDepth = 20
  private(set) var html: [UInt8] = []

  /// Adds the blocks; tells whether the first and the last of them are text without a tag.
  @discardableResult
  mutating func add(_ lines: [Line], depth: Int = 0, isTight: Bool = false) -> (
    beginsWithText: Bool, endsWithText: Bool
  ) {
    var at = 0
    var beginsWithText: Bool?
    var endsWithText = false
    while at < lines.count {
      let line = lines[at]
      if line.isBlank {
        at += 1
        continue
      }
      endsWithText = false
      defer { beginsWithText = beginsWithText ?? endsWithText }
      if line.indent >= 4 {
        at = addIndentedCode(lines, at)
      } else if let fence = Self.fence(line) {
        at = addFencedCode(lines, at, fence)
      } else if let level = Self.headingLevel(line) {
        addHeading(level, Self.headingText(line.trimmed.dropFirst(level)))
        at += 1
      } else if Self.isBreak(line) {
        Bytes.append("<hr>\n", to: &html)
        at += 1
      } else if depth < Self.maxDepth, line.trimmed.first == 62 {
        at = addQuote(lines, at, depth)
      } else if depth < Self.maxDepth, let marker = Self.marker(line) {
        at = addList(lines, at, marker, depth)
      } else {
        let start = html.count
        at = addParagraph(lines, at, depth, isTight)
        // A heading with its line below is none.
        endsWithText = isTight && (html.count < start + 3 || html[start] != 60 || html[start + 1] != 104)
      }
    }
    return (beginsWithText ?? true, endsWithText)
  }

  // MARK: Lines that begin a block

  private static func fence(_ line: Line) -> (byte: UInt8, count: Int, indent: Int)? {
    let rest = line.dropFirst(line.indent)
    guard let byte = rest.first, byte == 96 || byte == 126 else { return nil }
    let count = rest.prefix { $0 == byte }.count
    guard count >= 3 else { return nil }
    if byte == 96, rest.dropFirst(count).contains(96) { return nil }
    return (byte, count, line.indent)
  }

  private static func headingLevel(_ line: Line) -> Int? {
    guard line.indent < 4 else { return nil }
    let rest = line.dropFirst(line.indent)
    let level = rest.prefix { $0 == 35 }.count
    guard (1...6).contains(level) else { return nil }
    guard let next = rest.dropFirst(level).first else { return level }
    return Bytes.isBlank(next) ? level : nil
  }

  /// Without the signs that may close a heading.
  private static func headingText(_ text: Line) -> Line {
    let text = text.trimmed
    var rest = text
    while rest.last == 35 { rest = rest.dropLast() }
    guard rest.count < text.count else { return text }
    guard let last = rest.last else { return rest }
    return Bytes.isBlank(last) ? rest.trimmed : text
  }

  private static func isBreak(_ line: Line) -> Bool {
    guard line.indent < 4 else { return false }
    let rest = line.trimmed
    guard let byte = rest.first, byte == 42 || byte == 45 || byte == 95 else { return false }
    var count = 0
    for next in rest {
      if next == byte { count += 1 } else if !Bytes.isBlank(next) { return false }
    }
    return count >= 3
  }

  private static func marker(_ line: Line) -> Marker? {
    guard line.indent < 4 else { return nil }
    let rest = line.dropFirst(line.indent)
    guard let first = rest.first else { return nil }
    var length = 1
    var kind = first
    var number: Int?
    if Bytes.isDigit(first) {
      let digits = rest.prefix(while: Bytes.isDigit)
      guard digits.count <= 9, let sign = rest.dropFirst(digits.count).first, sign == 46 || sign == 41 else {
        return nil
      }
      number = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
      kind = sign
      length = digits.count + 1
    } else if first != 45, first != 43, first != 42 {
      return nil
    }
    let content = rest.dropFirst(length)
    guard let next = content.first else { return Marker(kind: kind, number: number, width: line.indent + length + 1) }
    guard next == Bytes.space else { return nil }
    let blanks = content.indent
    // Content that begins five blanks behind is code of the item.
    let isFar = blanks > 4 || content.isBlank
    return Marker(kind: kind, number: number, width: line.indent + length + (isFar ? 1 : blanks))
  }

  /// Whether the line ends a paragraph before it.
  private static func interrupts(_ line: Line, _ depth: Int) -> Bool {
    if line.isBlank { return true }
    guard line.indent < 4 else { return false }
    if fence(line) != nil || headingLevel(line) != nil || isBreak(line) { return true }
    guard depth < maxDepth else { return false }
    if line.trimmed.first == 62 { return true }
    // A list that interrupts has content, and a numbered one begins with 1.
    guard let marker = marker(line), line.count > marker.width else { return false }
    return marker.number == nil || marker.number == 1
  }

  // MARK: Blocks

  private mutating func addHeading(_ level: Int, _ text: Line) {
    let digit = UInt8(48 + level)
    html += [60, 104, digit, 62]
    Inline.add(text, to: &html)
    html += [60, 47, 104, digit, 62, Bytes.newline]
  }

  private mutating func addParagraph(_ lines: [Line], _ start: Int, _ depth: Int, _ isTight: Bool) -> Int {
    var at = start + 1
    var level: Int?
    while at < lines.count {
      if lines[at].indent < 4, let underline = Self.underline(lines[at]) {
        level = underline
        break
      }
      if Self.interrupts(lines[at], depth) { break }
      at += 1
    }
    var text: [UInt8] = []
    for index in start..<at {
      if index > start { text.append(Bytes.newline) }
      // Blanks in front mean nothing; those behind may be a break.
      text += lines[index].drop(while: Bytes.isBlank)
    }
    while let last = text.last, Bytes.isBlank(last) { text.removeLast() }
    if let level {
      addHeading(level, text[...])
      return at + 1
    }
    if !isTight { Bytes.append("<p>", to: &html) }
    Inline.add(text[...], to: &html)
    if !isTight { Bytes.append("</p>", to: &html) }
    html.append(Bytes.newline)
    return at
  }

  /// The level of a heading whose text stands above the line.
  private static func underline(_ line: Line) -> Int? {
    let rest = line.trimmed
    guard let byte = rest.first, byte == 61 || byte == 45, rest.allSatisfy({ $0 == byte }) else { return nil }
    return byte == 61 ? 1 : 2
  }

  private mutating func addIndentedCode(_ lines: [Line], _ start: Int) -> Int {
    var at = start
    var end = start
    while at < lines.count, lines[at].isBlank || lines[at].indent >= 4 {
      if !lines[at].isBlank { end = at + 1 }
      at += 1
    }
    Bytes.append("<pre><code>", to: &html)
    for line in lines[start..<end] {
      Bytes.escape(line.dropFirst(min(4, line.indent)), into: &html)
      html.append(Bytes.newline)
    }
    Bytes.append("</code></pre>\n", to: &html)
    return end
  }

  private mutating func addFencedCode(
    _ lines: [Line], _ start: Int, _ fence: (byte: UInt8, count: Int, indent: Int)
  ) -> Int {
    let info = lines[start].trimmed.dropFirst(fence.count).trimmed
    let language = info.prefix { !Bytes.isBlank($0) }
    Bytes.append("<pre><code", to: &html)
    if !language.isEmpty {
      Bytes.append(" class=\"language-", to: &html)
      Bytes.escape(language, into: &html)
      html.append(34)
    }
    html.append(62)
    var at = start + 1
    while at < lines.count {
      let line = lines[at]
      at += 1
      let rest = line.trimmed
      if line.indent < 4, rest.count >= fence.count, rest.allSatisfy({ $0 == fence.byte }) { break }
      Bytes.escape(line.dropFirst(min(fence.indent, line.indent)), into: &html)
      html.append(Bytes.newline)
    }
    Bytes.append("</code></pre>\n", to: &html)
    return at
  }

  private mutating func addQuote(_ lines: [Line], _ start: Int, _ depth: Int) -> Int {
    var inner: [Line] = []
    var at = start
    while at < lines.count {
      let line = lines[at]
      let rest = line.dropFirst(line.indent)
      if line.indent < 4, rest.first == 62 {
        let content = rest.dropFirst()
        inner.append(content.first == Bytes.space ? content.dropFirst() : content)
      } else if let last = inner.last, !last.isBlank, !Self.interrupts(line, depth), Self.endsInParagraph(last) {
        inner.append(line)
      } else {
        break
      }
      at += 1
    }
    Bytes.append("<blockquote>\n", to: &html)
    add(inner, depth: depth + 1)
    Bytes.append("</blockquote>\n", to: &html)
    return at
  }

  /// Whether a line without the mark of its quote or item may go on with the text of this one.
  private static func endsInParagraph(_ line: Line) -> Bool {
    line.indent < 4 && fence(line) == nil && headingLevel(line) == nil && !isBreak(line)
  }

  private mutating func addList(_ lines: [Line], _ start: Int, _ first: Marker, _ depth: Int) -> Int {
    var items: [[Line]] = []
    var at = start
    var isLoose = false
    while at < lines.count, let marker = Self.marker(lines[at]), marker.kind == first.kind,
      (marker.number == nil) == (first.number == nil), !Self.isBreak(lines[at])
    {
      var item: [Line] = [lines[at].dropFirst(min(marker.width, lines[at].count))]
      at += 1
      var blanks = 0
      while at < lines.count {
        let line = lines[at]
        if line.isBlank {
          blanks += 1
        } else if line.indent >= marker.width {
          for _ in 0..<blanks { item.append(Line()) }
          if blanks > 0 { isLoose = true }
          blanks = 0
          item.append(line.dropFirst(marker.width))
        } else if blanks == 0, !Self.interrupts(line, depth), Self.marker(line) == nil,
          let last = item.last, !last.isBlank, Self.endsInParagraph(last)
        {
          item.append(line)
        } else {
          break
        }
        at += 1
      }
      items.append(item)
      if blanks > 0, at < lines.count, let next = Self.marker(lines[at]), next.kind == first.kind { isLoose = true }
    }
    addItems(items, first, isLoose, depth)
    return at
  }

  private mutating func addItems(_ items: [[Line]], _ first: Marker, _ isLoose: Bool, _ depth: Int) {
    if let number = first.number {
      Bytes.append("<ol", to: &html)
      if number != 1 {
        Bytes.append(" start=\"", to: &html)
        html += Array(String(number).utf8)
        html.append(34)
      }
      Bytes.append(">\n", to: &html)
    } else {
      Bytes.append("<ul>\n", to: &html)
    }
    for item in items {
      Bytes.append("<li>", to: &html)
      let start = html.count
      let (beginsWithText, endsWithText) = add(item, depth: depth + 1, isTight: !isLoose)
      if !beginsWithText { html.insert(Bytes.newline, at: start) }
      if endsWithText { html.removeLast() }
      Bytes.append("</li>\n", to: &html)
    }
    Bytes.append(first.number == nil ? "</ul>\n" : "</ol>\n", to: &html)
  }
}
