// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Writes the answer: quoted sentences, each with its source, or plainly that there is nothing to quote.
enum Answer {
  struct Quote {
    let text: String
    /// Where it stands: `docs/sagas.md:12`.
    let source: String
  }

  static let leastQuotes = 3
  static let mostQuotes = 6

  static func text(_ reading: Reading) -> String {
    let quotes = quotes(reading)
    guard !quotes.isEmpty else { return emptyAnswer(reading) }
    return quotes.map { "\($0.text) [\($0.source)]" }.joined(separator: "\n")
  }

  static func json(_ reading: Reading) -> String {
    let quotes = quotes(reading)
    let answer = quotes.isEmpty ? emptyAnswer(reading) : quotes.map(\.text).joined(separator: " ")
    let sources = quotes.map { ["text": .string($0.text), "source": .string($0.source)] as JSONValue }
    return JSONValue.object(["answer": .string(answer), "quotes": .array(sources)]).text()
  }

  private static func quotes(_ reading: Reading) -> [Quote] {
    var units: [TextUnit] = []
    for (index, document) in reading.documents.enumerated() {
      units += TextUnits.split(
        document.text, document: index, firstLine: document.firstLine, isProse: TextUnits.isProse(path: document.name))
    }
    // A question about nothing in particular ("summarise this") is answered by what the documents say most.
    let chosen = isGeneral(reading.question) ? overview(units) : answers(reading.question, units)
    return chosen.map { Quote(text: $0.text, source: "\(reading.documents[$0.document].name):\($0.line)") }
  }

  /// The sentences that answer the question, best first; few of them are joined by what stands around the best.
  private static func answers(_ question: String, _ units: [TextUnit]) -> [TextUnit] {
    let hits = TextRanking(query: question, units: units).diverse(units, atLeast: leastQuotes, atMost: mostQuotes)
    var chosen = hits.map(\.unit)
    guard let best = chosen.first else { return [] }
    for neighbour in [best + 1, best - 1, best + 2] where chosen.count < leastQuotes {
      guard units.indices.contains(neighbour), units[neighbour].document == units[best].document,
        !chosen.contains(where: {
          Terms.significant(of: units[$0].text) == Terms.significant(of: units[neighbour].text)
        })
      else { continue }
      chosen.append(neighbour)
    }
    return chosen.map { units[$0] }
  }

  /// Whether a question asks for no subject in particular.
  static func isGeneral(_ question: String) -> Bool {
    Terms.significant(of: question).allSatisfy { term in
      generalWords.contains(term) || term.hasPrefix("summar") || term.hasPrefix("overview")
    }
  }

  /// Words of a question that name no subject, as terms.
  private static let generalWords = Set(
    "text document file content page input main key point short brief report read message article note".split(
      separator: " "
    ).flatMap { Terms.significant(of: String($0)) })

  /// The sentences that share most with all the others, in the order of the documents.
  private static func overview(_ units: [TextUnit]) -> [TextUnit] {
    var counts: [String: Int] = [:]
    for unit in units.prefix(maxOverviewUnits) {
      for term in Set(Terms.significant(of: unit.text)) { counts[term, default: 0] += 1 }
    }
    let common = counts.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }.prefix(12)
    let query = common.map(\.key).joined(separator: " ")
    let head = Array(units.prefix(maxOverviewUnits))
    let hits = TextRanking(query: query, units: head).diverse(head, atLeast: maxOverviewCandidates, atMost: .max)
    // Every document has its turn before one is quoted twice.
    var turns: [Int: Int] = [:]
    let ordered = hits.enumerated().map { rank, hit in
      let document = head[hit.unit].document
      turns[document, default: 0] += 1
      return (turn: turns[document, default: 0], rank: rank, unit: hit.unit)
    }
    let chosen = ordered.sorted { ($0.turn, $0.rank) < ($1.turn, $1.rank) }.prefix(mostQuotes)
    return chosen.map(\.unit).sorted().map { head[$0] }
  }

  private static let maxOverviewCandidates = 64

  /// An overview looks at no more sentences than these.
  private static let maxOverviewUnits = 5000

  private static let introduction =
    "I am local/extractive, the built-in offline model: not a language model. I find, rank and quote sentences."

  private static func emptyAnswer(_ reading: Reading) -> String {
    var parts = [introduction]
    if !reading.failures.isEmpty {
      parts.append("The tools reported: " + reading.failures.joined(separator: "; ") + ".")
      parts.append("So I have nothing to quote.")
    } else if reading.hasSearched || !reading.documents.isEmpty {
      parts.append("I found nothing about this in the documents that I was given.")
    } else {
      parts.append("There are no documents with this request, so I have nothing to quote.")
    }
    parts.append("Give me documents or file tools, or set a provider to use a language model.")
    return parts.joined(separator: " ")
  }
}
