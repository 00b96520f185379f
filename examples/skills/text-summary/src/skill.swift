// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

private let defaultSentences: Int64 = 3
private let maxSentences: Int64 = 50
/// What the most frequent word would weigh if the text had no other.
private let unit: Int64 = 1_000_000

func skill(_ input: JSON) throws(SkillError) -> JSON {
  guard let text = input["text"]?.text else { throw SkillError("bad_input", "`text` has to be a text") }
  var wanted = defaultSentences
  if let given = input["sentences"] {
    guard let number = given.integer, (1...maxSentences).contains(number) else {
      throw SkillError("bad_input", "`sentences` has to be a number from 1 to 50")
    }
    wanted = number
  }
  let sentences = Sentences.split(text.bytes)
  var vocabulary = Vocabulary()
  // All in one list: a sentence is from the end of the one before it to its own.
  var words: [Int] = []
  var ends: [Int] = []
  ends.reserveCapacity(sentences.count)
  for sentence in sentences {
    vocabulary.add(sentence, to: &words)
    ends.append(words.count)
  }
  let chosen = choose(Int(wanted), words, ends, vocabulary)
  var summary: [UInt8] = []
  for index in chosen {
    if !summary.isEmpty { summary.append(32) }
    summary += sentences[index]
  }
  return .object([
    .init("summary", .string(String(bytes: summary))),
    .init(
      "sentences",
      .array(
        chosen.map {
          .object([.init("text", .string(String(bytes: sentences[$0]))), .init("index", .int(Int64($0)))])
        })),
    .init(
      "counts",
      .object([.init("sentences", .int(Int64(sentences.count))), .init("words", .int(Int64(vocabulary.words)))])),
  ])
}

/// SumBasic: again and again the sentence whose words weigh most on average, whose words then weigh their square.
private func choose(_ wanted: Int, _ words: [Int], _ ends: [Int], _ vocabulary: Vocabulary) -> [Int] {
  let total = max(1, vocabulary.counts.reduce(0, +))
  var weights = vocabulary.counts.map { $0 * unit / total }
  var isChosen = [Bool](repeating: false, count: ends.count)
  var chosen: [Int] = []
  while chosen.count < min(wanted, ends.count) {
    var best: Int?
    var bestScore: Int64 = -1
    for index in ends.indices where !isChosen[index] {
      let start = index == 0 ? 0 : ends[index - 1]
      var sum: Int64 = 0
      for place in start..<ends[index] { sum += weights[words[place]] }
      // Sentences of one or two words say little, however frequent these are.
      let score = sum * 1000 / Int64(max(3, ends[index] - start))
      if score > bestScore {
        best = index
        bestScore = score
      }
    }
    guard let best else { break }
    isChosen[best] = true
    chosen.append(best)
    var seen: [Int: Bool] = [:]
    for word in words[(best == 0 ? 0 : ends[best - 1])..<ends[best]] where seen[word] == nil {
      seen[word] = true
      weights[word] = weights[word] * weights[word] / unit
    }
  }
  return chosen.sorted()
}
