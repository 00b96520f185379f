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
    let ranking = TextRanking(query: reading.question, units: units)
    var chosen = ranking.diverse(units, atLeast: leastQuotes, atMost: mostQuotes).map { units[$0.unit] }
    // A question about nothing in particular ("summarise this") is answered by what the documents say most.
    if chosen.isEmpty, !reading.hasSearched || Terms.keyWords(of: reading.question).isEmpty || isSummary(reading) {
      chosen = overview(units)
    }
    return chosen.map { Quote(text: $0.text, source: "\(reading.documents[$0.document].name):\($0.line)") }
  }

  private static func isSummary(_ reading: Reading) -> Bool {
    let terms = Terms.significant(of: reading.question)
    return terms.contains { $0.hasPrefix("summar") || $0.hasPrefix("overview") }
  }

  /// The sentences that share most with all the others, in the order of the documents.
  private static func overview(_ units: [TextUnit]) -> [TextUnit] {
    var counts: [String: Int] = [:]
    for unit in units.prefix(maxOverviewUnits) {
      for term in Set(Terms.significant(of: unit.text)) { counts[term, default: 0] += 1 }
    }
    let common = counts.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }.prefix(12)
    let query = common.map(\.key).joined(separator: " ")
    let head = Array(units.prefix(maxOverviewUnits))
    let hits = TextRanking(query: query, units: head).diverse(head, atLeast: leastQuotes, atMost: mostQuotes)
    return hits.map(\.unit).sorted().map { head[$0] }
  }

  /// An overview looks at no more sentences than these.
  private static let maxOverviewUnits = 5000

  private static let introduction =
    "I am local/extractive, the built-in offline model: not a language model. I find, rank and quote sentences."

  private static func emptyAnswer(_ reading: Reading) -> String {
    var parts = [introduction]
    if !reading.failures.isEmpty {
      parts.append("The tools reported: " + reading.failures.joined(separator: "; ") + ".")
    }
    if reading.hasSearched || !reading.documents.isEmpty {
      parts.append("I found nothing about this in the documents that I was given.")
    } else {
      parts.append("There are no documents with this request, so I have nothing to quote.")
    }
    parts.append("Give me documents or file tools, or set a provider to use a language model.")
    return parts.joined(separator: " ")
  }
}
