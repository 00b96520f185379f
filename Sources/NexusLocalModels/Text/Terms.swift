// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The words of a text as search sees them.
package enum Terms {
  /// A word as it was written, in lower case, and what it is compared by.
  package struct Word: Sendable, Hashable {
    package let written: String
    package let term: String
    package var isStopWord: Bool { Terms.stopWords.contains(written) }
  }

  /// Every word, in order: letters and digits in lower case; an ideograph is a word of its own.
  package static func words(of text: String) -> [Word] {
    var words: [Word] = []
    var current = ""
    func finish() {
      guard !current.isEmpty else { return }
      words.append(Word(written: current, term: stem(current)))
      current = ""
    }
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x30...0x39, 0x61...0x7A: current.unicodeScalars.append(scalar)
      case 0x41...0x5A: current.unicodeScalars.append(Unicode.Scalar(UInt8(scalar.value + 32)))
      case 0x27, 0x2019: continue
      case 0..<0x80: finish()
      case 0x3040...0x30FF, 0x3400...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF:
        finish()
        words.append(Word(written: String(scalar), term: String(scalar)))
      default:
        if scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
          current.append(contentsOf: scalar.properties.lowercaseMapping)
        } else {
          finish()
        }
      }
      // A "word" of kilobytes is data, and nobody searches for it.
      if current.utf8.count >= maxWordLength { finish() }
    }
    finish()
    return words
  }

  /// The terms that say what a text is about: no stop words, order kept, repetitions kept.
  package static func significant(of text: String) -> [String] {
    words(of: text).filter { !$0.isStopWord }.map(\.term)
  }

  /// The words worth searching for, as written, each once, the first `limit` of them.
  package static func keyWords(of text: String, limit: Int = 12) -> [String] {
    var seen = Set<String>()
    return words(of: text).filter { !$0.isStopWord && seen.insert($0.term).inserted }.prefix(limit).map(\.written)
  }

  static let maxWordLength = 64

  /// Cuts the common English endings, so that "fails", "failed" and "failing" meet; number words become digits.
  static func stem(_ word: String) -> String {
    if let digit = numbers[word] { return digit }
    guard word.utf8.count > 3, word.utf8.allSatisfy({ $0 >= 0x61 && $0 <= 0x7A }) else { return word }
    var stem = word[...]
    if stem.hasSuffix("ies"), stem.count > 4 {
      stem = stem.dropLast(3) + "y"
    } else if stem.hasSuffix("sses") {
      stem = stem.dropLast(2)
    } else if stem.hasSuffix("s"), !["ss", "us", "is"].contains(stem.suffix(2)) {
      stem = stem.dropLast()
    }
    if stem.hasSuffix("ing"), isStem(stem.dropLast(3)) {
      stem = undoubled(stem.dropLast(3))
    } else if stem.hasSuffix("ed"), isStem(stem.dropLast(2)) {
      stem = undoubled(stem.dropLast(2))
    } else if stem.hasSuffix("sion") || stem.hasSuffix("tion"), stem.count > 7 {
      stem = stem.dropLast(3)
    } else if stem.hasSuffix("sor") || stem.hasSuffix("tor"), stem.count > 6 {
      stem = stem.dropLast(2)
    } else if stem.hasSuffix("ly"), stem.count > 5 {
      stem = stem.dropLast(2)
    }
    if stem.hasSuffix("e"), stem.count > 4 { stem = stem.dropLast() }
    return String(stem)
  }

  private static func isStem(_ stem: Substring) -> Bool {
    stem.count >= 3 && stem.contains { "aeiouy".contains($0) }
  }

  private static func undoubled(_ stem: Substring) -> Substring {
    guard let last = stem.last, !"lsz".contains(last), stem.dropLast().last == last else { return stem }
    return stem.dropLast()
  }

  private static let numbers = [
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
  ]

  private static let stopWords = Set(
    """
    a about after again all also am an and any are as at be because been before begin being between both but by can \
    could did do does doing done down each else explain few find for from further get go goes had happen \
    happened happens has have having he her here hers him his how i if in into is it its itself just kind let like \
    look may me might more most much must my myself no nor not now of off on once only or other our out over own \
    please question same say says shall she should so some such tell than that the their them then there these they \
    this those through to too under until up upon us use very want was we were what whats when where whether which \
    while who whom why will with within without would you your
    """.split(separator: " ").map(String.init))
}
