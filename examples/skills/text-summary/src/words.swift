// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The words of a text, each with a number.
struct Vocabulary {
  static let longestWord = 64
  private static let stopWords: StaticString =
    " a about above after again all also am an and any are as at be because been before being below between both but by can could did do does doing down during each few for from further had has have having he her here hers him his how i if in into is it its itself just me more most my no nor not of off on once only or other our out over own same she should so some such than that the their them then there these they this those through to too under until up very was we were what when where which while who whom why will with would you your "

  private var numbers: [[UInt8]: Int] = [:]
  /// How often each occurs.
  private(set) var counts: [Int64] = []
  private(set) var words = 0
  private let stops: [[UInt8]: Bool]

  init() {
    var stops: [[UInt8]: Bool] = [:]
    var word: [UInt8] = []
    for index in 0..<Self.stopWords.utf8CodeUnitCount {
      let byte = Self.stopWords.utf8Start[index]
      if byte != 32 {
        word.append(byte)
      } else if !word.isEmpty {
        stops[word] = true
        word = []
      }
    }
    self.stops = stops
  }

  /// Appends the numbers of the words of a sentence that count.
  mutating func add(_ sentence: ArraySlice<UInt8>, to found: inout [Int]) {
    var word: [UInt8] = []
    for byte in sentence {
      let lower = (65...90).contains(byte) ? byte + 32 : byte
      let isPart =
        (97...122).contains(lower) || (48...57).contains(byte) || byte >= 0x80 || (byte == 39 && !word.isEmpty)
      if isPart {
        if word.count < Self.longestWord { word.append(lower) }
      } else if !word.isEmpty {
        close(&word, into: &found)
      }
    }
    if !word.isEmpty { close(&word, into: &found) }
  }

  private mutating func close(_ word: inout [UInt8], into found: inout [Int]) {
    // `there's` and `dogs'` are the words before the apostrophe.
    if let apostrophe = word.firstIndex(of: 39) { word.removeSubrange(apostrophe...) }
    words += 1
    if stops[word] == nil {
      let number = numbers[word] ?? counts.count
      if number == counts.count {
        numbers[word] = number
        counts.append(0)
      }
      counts[number] += 1
      found.append(number)
    }
    word = []
  }
}
