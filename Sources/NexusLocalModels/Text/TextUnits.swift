// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A piece of a document that can be found and quoted: a sentence of prose, or a line of anything else.
package struct TextUnit: Sendable, Hashable {
  /// Which of the documents it is from.
  package let document: Int
  /// The line on which it starts, from 1.
  package let line: Int
  /// As it stands in the document, with runs of white space as one space.
  package let text: String
  /// The heading that it stands under, or nothing.
  package let heading: String
}

package enum TextUnits {
  /// A sentence longer than this is cut there, and ends in "…".
  package static let maxUnitLength = 600

  /// What is prose by its name: everything else is taken line by line.
  package static func isProse(path: String) -> Bool {
    guard let name = path.split(separator: "/").last, let dot = name.lastIndex(of: ".") else { return true }
    return proseEndings.contains(name[name.index(after: dot)...].lowercased())
  }

  private static let proseEndings: Set<String> = [
    "md", "markdown", "txt", "text", "rst", "adoc", "org", "tex", "html", "htm", "eml", "mdx",
  ]

  /// The lines of a text as editors count them: LF and CRLF end a line, nothing else does.
  package static func lines(of text: String) -> [Substring] {
    text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
  }

  /// Splits a document whose first line has the number `firstLine`.
  package static func split(_ text: String, document: Int, firstLine: Int = 1, isProse: Bool = true) -> [TextUnit] {
    var splitter = Splitter(document: document)
    var number = firstLine
    for line in lines(of: text) {
      if isProse {
        splitter.take(line, number: number)
      } else {
        splitter.append(line.split(whereSeparator: \.isWhitespace).joined(separator: " "), line: number)
      }
      number += 1
    }
    splitter.finishParagraph()
    return splitter.units
  }
}

/// Gathers the words of a paragraph with their lines and cuts them where sentences end.
private struct Splitter {
  let document: Int
  var units: [TextUnit] = []
  private var words: [(text: Substring, line: Int)] = []
  private var heading = ""
  private var isInCode = false

  init(document: Int) { self.document = document }

  mutating func take(_ line: Substring, number: Int) {
    let content = line.drop(while: \.isWhitespace)
    if content.hasPrefix("```") || content.hasPrefix("~~~") {
      finishParagraph()
      isInCode.toggle()
      return
    }
    if isInCode { return append(content.split(whereSeparator: \.isWhitespace).joined(separator: " "), line: number) }
    guard !content.isEmpty else { return finishParagraph() }
    if content.hasPrefix("#") {
      finishParagraph()
      let title = content.drop { $0 == "#" }
      if title.isEmpty || title.hasPrefix(" ") {
        heading = title.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return
      }
    }
    if content.allSatisfy({ "-=*_|:+ ".contains($0) }) { return finishParagraph() }
    if content.hasPrefix("|") {
      finishParagraph()
      return append(content.split(whereSeparator: \.isWhitespace).joined(separator: " "), line: number)
    }
    let (isItem, text) = Self.withoutMarker(content)
    if isItem { finishParagraph() }
    words.append(contentsOf: text.split(whereSeparator: \.isWhitespace).map { ($0, number) })
  }

  /// Takes the bullet, number or quote mark off the start of a line.
  private static func withoutMarker(_ line: Substring) -> (isItem: Bool, text: Substring) {
    if line.hasPrefix(">") { return (false, line.drop { $0 == ">" || $0 == " " }) }
    if line.hasPrefix("- ") || line.hasPrefix("* ") || line.hasPrefix("+ ") { return (true, line.dropFirst(2)) }
    let digits = line.prefix { $0.isASCII && $0.isNumber }
    let rest = line[digits.endIndex...]
    if (1...3).contains(digits.count), rest.hasPrefix(". ") || rest.hasPrefix(") ") { return (true, rest.dropFirst(2)) }
    return (false, line)
  }

  mutating func finishParagraph() {
    var start = 0
    for index in words.indices
    where index + 1 == words.count || Self.ends(words[index].text, next: words[index + 1].text) {
      append(words[start...index].map(\.text).joined(separator: " "), line: words[start].line)
      start = index + 1
    }
    words.removeAll(keepingCapacity: true)
  }

  mutating func append(_ text: String, line: Int) {
    guard text.contains(where: { $0.isLetter || $0.isNumber }) else { return }
    // Scripts without spaces write a paragraph as one word: it is cut at their own full stops.
    guard text.contains("。") || text.contains("！") || text.contains("？") else { return add(text[...], line: line) }
    var start = text.startIndex
    for index in text.indices where "。！？".contains(text[index]) {
      add(text[start...index], line: line)
      start = text.index(after: index)
    }
    if start < text.endIndex { add(text[start...], line: line) }
  }

  private mutating func add(_ text: Substring, line: Int) {
    let trimmed = text.drop(while: \.isWhitespace)
    guard !trimmed.isEmpty else { return }
    var kept = String(trimmed)
    if trimmed.utf8.count > TextUnits.maxUnitLength {
      let cut = trimmed.prefix(TextUnits.maxUnitLength)
      kept = cut[..<(cut.lastIndex(of: " ") ?? cut.endIndex)] + "…"
    }
    units.append(TextUnit(document: document, line: line, text: kept, heading: heading))
  }

  private static let abbreviations: Set<String> = [
    "e.g.", "i.e.", "etc.", "vs.", "cf.", "dr.", "mr.", "mrs.", "ms.", "prof.", "no.", "fig.", "approx.", "st.", "al.",
  ]

  /// Whether a sentence ends behind `word`, given the word that follows.
  private static func ends(_ word: Substring, next: Substring) -> Bool {
    let closing: Set<Character> = [")", "\"", "'", "”", "’", "]", "*", "_", "`", "»"]
    var bare = word
    while let last = bare.last, closing.contains(last) { bare.removeLast() }
    guard let mark = bare.last, ".!?".contains(mark) else { return false }
    if mark == "." {
      let lower = bare.lowercased().drop { "([\"'“‘*_`".contains($0) }
      if abbreviations.contains(String(lower)) { return false }
      // An initial: "J. Gray".
      if lower.count == 2, lower.first?.isLetter == true, word.first?.isUppercase == true { return false }
    }
    guard let first = next.drop(while: { "([\"'“‘*_`«".contains($0) }).first else { return true }
    return !first.isLowercase
  }
}
