// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Where cases come from.
protocol FuzzSource: Sendable {
  func make(_ random: inout SplitMix) -> [UInt8]
}

/// Texts made worse: what a parser is given by chance, by mistake and on purpose.
struct FuzzBytes: FuzzSource {
  /// Well-formed texts to begin with.
  let corpus: [[UInt8]]
  /// What means something in the language.
  let words: [[UInt8]]

  init(corpus: [String], words: [String]) {
    self.corpus = corpus.map { Array($0.utf8) }
    self.words = words.map { Array($0.utf8) }
  }

  func make(_ random: inout SplitMix) -> [UInt8] {
    var bytes = corpus[random.below(corpus.count)]
    for _ in 0..<random.below(6) { change(&bytes, &random) }
    return Array(bytes.prefix(20_000))
  }

  private func change(_ bytes: inout [UInt8], _ random: inout SplitMix) {
    let place = random.below(bytes.count + 1)
    let end = min(bytes.count, place + random.below(12))
    switch random.below(9) {
    case 0 where !bytes.isEmpty: bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
    case 1: bytes.insert(UInt8(random.below(256)), at: place)
    case 2: bytes.removeSubrange(place..<end)
    case 3: bytes.insert(contentsOf: bytes[place..<end], at: random.below(bytes.count + 1))
    case 4: bytes.insert(contentsOf: words[random.below(words.count)], at: place)
    case 5: bytes.replaceSubrange(place..<end, with: words[random.below(words.count)])
    case 6:
      let other = corpus[random.below(corpus.count)]
      bytes = Array(bytes[..<place]) + other.suffix(random.below(other.count + 1))
    case 7: bytes.removeSubrange(place...)
    default:
      // Often, so that whatever nests nests deeply.
      let word = words[random.below(words.count)]
      for _ in 0..<1 << random.below(11) where bytes.count < 20_000 { bytes.insert(contentsOf: word, at: place) }
    }
  }
}
