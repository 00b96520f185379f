// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

enum Sentences {
  private static let abbreviations: [StaticString] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "e.g", "i.e", "cf", "no", "vol", "fig", "inc",
    "ltd",
    "co", "approx", "dept", "est", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
  ]

  /// The sentences, each without blanks at its ends.
  static func split(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    var sentences: [ArraySlice<UInt8>] = []
    var start = 0
    var at = 0
    func close(_ end: Int) {
      let sentence = trimmed(text[start..<end])
      if !sentence.isEmpty { sentences.append(sentence) }
      start = end
    }
    while at < text.count {
      let byte = text[at]
      if byte == 10, isEmptyLine(text, at + 1) {
        close(at)
      } else if byte == 46 || byte == 33 || byte == 63 {
        let sign = at
        while at + 1 < text.count, [46, 33, 63].contains(text[at + 1]) { at += 1 }
        let end = skipClosing(text, at + 1)
        let isAtBlank = end == text.count || isBlank(text[end])
        if isAtBlank, !(byte == 46 && at == sign && isAbbreviation(text, sign, from: start)) {
          close(end)
          at = end - 1
        }
      }
      at += 1
    }
    close(text.count)
    return sentences
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

  /// Whether there is nothing on the line that begins here.
  private static func isEmptyLine(_ text: [UInt8], _ start: Int) -> Bool {
    var at = start
    while at < text.count, text[at] == 32 || text[at] == 9 || text[at] == 13 { at += 1 }
    return at < text.count && text[at] == 10
  }

  /// Quotes and brackets that belong to the sentence that ends before them.
  private static func skipClosing(_ text: [UInt8], _ start: Int) -> Int {
    var at = start
    while at < text.count {
      if text[at] == 34 || text[at] == 39 || text[at] == 41 || text[at] == 93 {
        at += 1
      } else if at + 2 < text.count, text[at] == 0xE2, text[at + 1] == 0x80,
        text[at + 2] == 0x9D || text[at + 2] == 0x99
      {
        at += 3
      } else {
        break
      }
    }
    return at
  }

  /// Whether the dot belongs to the word before it, as in `Dr.`, `e.g.` and `J.` it does.
  private static func isAbbreviation(_ text: [UInt8], _ dot: Int, from start: Int) -> Bool {
    var word: [UInt8] = []
    var at = dot
    while at > start, word.count < 8 {
      let byte = text[at - 1]
      let lower = (65...90).contains(byte) ? byte + 32 : byte
      guard (97...122).contains(lower) || byte == 46 else { break }
      word.append(lower)
      at -= 1
    }
    guard at == start || isBlank(text[at - 1]) || text[at - 1] == 40 else { return false }
    if word.count == 1, (65...90).contains(text[at]), word[0] != 105 { return true }
    word.reverse()
    return abbreviations.contains { name in
      guard name.utf8CodeUnitCount == word.count else { return false }
      for index in 0..<word.count where name.utf8Start[index] != word[index] { return false }
      return true
    }
  }

  private static func trimmed(_ slice: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var slice = slice
    while let first = slice.first, isBlank(first) { slice = slice.dropFirst() }
    while let last = slice.last, isBlank(last) { slice = slice.dropLast() }
    return slice
  }
}
