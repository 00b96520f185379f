// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Numbers, words and signs, in the order of the text.
enum Token {
  case number(value: Int, digits: Int)
  case word([UInt8])
  case sign(UInt8)
}

enum Words {
  /// A longer text is no date.
  static let longest = 100

  static let months: [StaticString] = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
  ]
  static let weekdays: [StaticString] = [
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
  ]

  /// Splits a text; nil where it has something that no date has.
  ///
  /// No number has more than nine digits, as many as `Int` holds here. Blanks part words and are else left out.
  static func tokens(_ text: String) -> [Token]? {
    var tokens: [Token] = []
    var word: [UInt8] = []
    var value = 0
    var digits = 0
    func close() {
      if digits > 0 { tokens.append(.number(value: value, digits: digits)) }
      if !word.isEmpty { tokens.append(.word(word)) }
      word = []
      value = 0
      digits = 0
    }
    for byte in text.utf8 {
      let lower = byte >= 65 && byte <= 90 ? byte + 32 : byte
      if (48...57).contains(byte) {
        if !word.isEmpty { close() }
        guard digits < 9 else { return nil }
        value = value * 10 + Int(byte - 48)
        digits += 1
      } else if (97...122).contains(lower) {
        if digits > 0 { close() }
        word.append(lower)
      } else if byte == 32 || byte == 9 {
        close()
      } else if [43, 44, 45, 46, 47, 58].contains(byte) {
        close()
        tokens.append(.sign(byte))
      } else {
        return nil
      }
    }
    close()
    return tokens
  }

  /// The place of a name that the word is, or abbreviates with three letters or more.
  static func place(of word: [UInt8], in names: [StaticString]) -> Int? {
    guard word.count >= 3 else { return nil }
    for (index, name) in names.enumerated() where word.count <= name.utf8CodeUnitCount {
      // `sept` and `thurs` are usual, `novembe` is a mistake.
      guard word.count <= 5 || word.count == name.utf8CodeUnitCount else { continue }
      if starts(name, with: word) { return index }
    }
    return nil
  }

  static func starts(_ name: StaticString, with word: [UInt8]) -> Bool {
    for (index, byte) in word.enumerated() where name.utf8Start[index] != byte { return false }
    return true
  }

  static func isWord(_ word: [UInt8], _ name: StaticString) -> Bool {
    word.count == name.utf8CodeUnitCount && starts(name, with: word)
  }
}
