// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// Orders pieces of text by how well they answer a query: BM25 with a little weight for headings and for word pairs.
package struct TextRanking: Sendable {
  package struct Hit: Sendable, Hashable {
    /// The position of the unit in the list that was given.
    package let unit: Int
    /// Only comparable within one ranking.
    package let score: Double
  }

  /// All units that share a term with the query, best first; equal scores keep the order of the documents.
  package let hits: [Hit]
  /// The distinct significant terms of the query.
  package let terms: [String]

  private static let saturation = 1.2
  private static let lengthWeight = 0.4
  private static let headingWeight = 0.35
  private static let pairWeight = 0.5
  private static let neighbourWeight = 0.15

  package init(query: String, units: [TextUnit]) {
    var seen = Set<String>()
    let sequence = Terms.significant(of: query)
    terms = sequence.filter { seen.insert($0).inserted }
    guard !terms.isEmpty, !units.isEmpty else {
      hits = []
      return
    }
    let statistics = Statistics(terms: terms, sequence: sequence, units: units)
    let own = units.indices.map { statistics.score($0) }
    var found: [Hit] = []
    for index in units.indices where own[index] > 0 {
      // A sentence between two that answer the question is likely to be a part of the answer.
      var score = own[index]
      if index > 0, units[index - 1].document == units[index].document {
        score += Self.neighbourWeight * own[index - 1]
      }
      if index + 1 < units.count, units[index + 1].document == units[index].document {
        score += Self.neighbourWeight * own[index + 1]
      }
      found.append(Hit(unit: index, score: score))
    }
    hits = found.sorted { $0.score == $1.score ? $0.unit < $1.unit : $0.score > $1.score }
  }

  /// How often the query's terms stand in each unit.
  private struct Statistics {
    private var counts: [[Int]] = []
    private var headings: [[Bool]] = []
    private var pairs: [Double] = []
    private var lengths: [Double] = []
    private var averageLength = 1.0
    private var weights: [Double] = []

    init(terms: [String], sequence: [String], units: [TextUnit]) {
      var index: [String: Int] = [:]
      for (position, term) in terms.enumerated() { index[term] = position }
      let wanted = Set(zip(sequence, sequence.dropFirst()).map { [$0, $1] })
      var headingCache: [String: [Bool]] = [:]
      for unit in units {
        let words = Terms.significant(of: unit.text)
        var count = [Int](repeating: 0, count: terms.count)
        for word in words { if let position = index[word] { count[position] += 1 } }
        counts.append(count)
        lengths.append(Double(words.count))
        pairs.append(Double(Set(zip(words, words.dropFirst()).map { [$0, $1] }).intersection(wanted).count))
        if let known = headingCache[unit.heading] {
          headings.append(known)
        } else {
          let inHeading = Set(Terms.significant(of: unit.heading))
          let flags = terms.map { inHeading.contains($0) }
          headingCache[unit.heading] = flags
          headings.append(flags)
        }
      }
      averageLength = max(1, lengths.reduce(0, +) / Double(units.count))
      weights = terms.indices.map { term in
        let holders = Double(counts.count { $0[term] > 0 })
        return log(1 + (Double(units.count) - holders + 0.5) / (holders + 0.5))
      }
    }

    func score(_ unit: Int) -> Double {
      var score = 0.0
      var matched = 0
      for term in weights.indices {
        let count = Double(counts[unit][term])
        if count > 0 {
          matched += 1
          let length = 1 - TextRanking.lengthWeight + TextRanking.lengthWeight * lengths[unit] / averageLength
          score += weights[term] * count * (TextRanking.saturation + 1) / (count + TextRanking.saturation * length)
        } else if headings[unit][term] {
          score += TextRanking.headingWeight * weights[term]
        }
      }
      guard matched > 0 else { return 0 }
      let coverage = Double(matched) / Double(weights.count)
      return (score + TextRanking.pairWeight * pairs[unit]) * (0.5 + 0.5 * coverage)
    }
  }
}

extension TextRanking {
  /// The best units that do not repeat each other: each further one is judged by what it adds.
  package func diverse(_ units: [TextUnit], atLeast least: Int, atMost most: Int) -> [Hit] {
    var chosen: [Hit] = []
    var chosenTerms: [Set<String>] = []
    // The tail of a long ranking cannot win, and comparing all of it would cost a square.
    var candidates = hits.prefix(64).map { ($0, Set(Terms.significant(of: units[$0.unit].text))) }
    guard let best = candidates.first?.0.score else { return [] }
    while chosen.count < most, !candidates.isEmpty {
      var winner = 0
      var winning = -1.0
      for (index, (hit, terms)) in candidates.enumerated() {
        let likeness = chosenTerms.map { Self.likeness($0, terms) }.max() ?? 0
        let value = likeness > 0.8 ? 0 : hit.score * (1 - 0.7 * likeness)
        if value > winning { (winner, winning) = (index, value) }
      }
      guard winning > 0, chosen.count < least || winning >= 0.4 * best else { break }
      let (hit, terms) = candidates.remove(at: winner)
      chosen.append(hit)
      chosenTerms.append(terms)
    }
    return chosen
  }

  /// Jaccard's measure: the share of common terms.
  private static func likeness(_ left: Set<String>, _ right: Set<String>) -> Double {
    let union = left.union(right).count
    return union == 0 ? 1 : Double(left.intersection(right).count) / Double(union)
  }
}
