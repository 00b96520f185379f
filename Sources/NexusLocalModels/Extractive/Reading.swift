// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What a conversation holds for an extractive model: the question, the documents, and what tools have said.
struct Reading {
  struct Document {
    let name: String
    let text: String
    let firstLine: Int
  }

  private(set) var question = ""
  private(set) var documents: [Document] = []
  /// The first URL in the question, or else in the instructions.
  private(set) var url: String?
  private(set) var callsMade = 0
  /// What tools answered that was no document: errors, in their own words.
  private(set) var failures: [String] = []
  /// True if a search or a listing has come back, with or without hits.
  private(set) var hasSearched = false

  private var askedTools = Set<String>()
  private var found: [(path: String, score: Int64)] = []
  private var hits: [Document] = []

  init(_ request: LocalChatRequest) {
    let lastUser = request.messages.lastIndex { $0.role == .user }
    for (index, message) in request.messages.enumerated() where message.role == .user {
      let part = Prompt(message.text, canSearch: request.tool("files.search") != nil)
      documents.append(contentsOf: part.documents)
      if index == lastUser { question = part.question }
    }
    var names: [String: String] = [:]
    for (index, message) in request.messages.enumerated() {
      for call in message.toolCalls {
        names[call.id] = call.name
        guard index > lastUser ?? -1 else { continue }
        askedTools.insert(call.name)
        callsMade += 1
      }
      guard message.role == .tool else { continue }
      take(message.text, from: message.toolCallID.flatMap { names[$0] } ?? "tool")
    }
    // Hits are short, but they are quotes: without a tool to read the files they must do.
    if documents.isEmpty, request.tool("files.read") == nil { documents = hits }
    let instructions = request.messages.filter { $0.role == .system }.map(\.text).joined(separator: "\n")
    url = Self.firstURL(in: question) ?? Self.firstURL(in: instructions)
  }

  func asked(_ tool: String) -> Bool { askedTools.contains(tool) }

  /// The found files, best first, as long as they are at least half as good as the best.
  func pathsWorthReading(limit: Int) -> [String] {
    guard let best = found.first?.score else { return [] }
    var seen = Set<String>()
    let paths = found.filter { $0.score * 2 >= best && seen.insert($0.path).inserted }.map(\.path)
    return Array(paths.prefix(limit))
  }

  private mutating func take(_ text: String, from tool: String) {
    guard case .object(let object)? = try? JSONValue(parsing: text) else {
      if !text.isEmpty { documents.append(Document(name: tool, text: text, firstLine: 1)) }
      return
    }
    if let error = object["error"] {
      failures.append("\(tool): \(error.stringValue ?? error.text())")
    } else if let list = object["hits"]?.arrayValue {
      hasSearched = true
      for hit in list {
        guard let path = hit["path"]?.stringValue else { continue }
        found.append((path, hit["score"]?.intValue ?? 0))
        let line = hit["line"]?.intValue.flatMap { Int(exactly: $0) } ?? 1
        hits.append(Document(name: path, text: hit["text"]?.stringValue ?? "", firstLine: line))
      }
    } else if let entries = object["entries"]?.arrayValue {
      hasSearched = true
      for entry in entries where entry["type"]?.stringValue != "folder" {
        if let path = entry["path"]?.stringValue, TextUnits.isProse(path: path) { found.append((path, 1)) }
      }
    } else if let content = (object["text"] ?? object["body"])?.stringValue {
      let name = (object["path"] ?? object["url"] ?? object["source"])?.stringValue ?? tool
      let line = object["from"]?.intValue.flatMap { Int(exactly: $0) } ?? 1
      documents.append(Document(name: name, text: content, firstLine: line))
    } else {
      documents.append(Document(name: tool, text: text, firstLine: 1))
    }
  }

  private static func firstURL(in text: String) -> String? {
    for word in text.split(whereSeparator: { $0.isWhitespace || "<>\"'()[]".contains($0) }) {
      if word.hasPrefix("http://") || word.hasPrefix("https://") {
        var url = word
        while let last = url.last, ".,;:!?".contains(last) { url.removeLast() }
        return String(url)
      }
    }
    return nil
  }
}

/// A user's message taken apart into what is asked and what is given to read.
private struct Prompt {
  /// A message up to this length is a question; a longer one, or one of several paragraphs, brings its documents along.
  private static let questionLength = 400

  private(set) var question = ""
  private(set) var documents: [Reading.Document] = []

  /// With files to search in, even a long text is a question: the documents are in the files.
  private static let longQuestion = 4000

  init(_ text: String, canSearch: Bool) {
    if case .object(let object)? = try? JSONValue(parsing: text) {
      take(object)
    } else if canSearch, text.utf8.count <= Self.longQuestion {
      question = text
    } else {
      take(text)
    }
  }

  private mutating func take(_ object: JSONObject) {
    for key in ["question", "query", "prompt", "topic", "task", "input", "instruction"] {
      if let value = object[key]?.stringValue {
        question = value
        break
      }
    }
    for key in ["text", "document", "content", "context", "body"] {
      if let value = object[key]?.stringValue { add(value, name: object["source"]?.stringValue ?? "input") }
    }
    for (index, item) in (object["documents"]?.arrayValue ?? []).enumerated() {
      let name = (item["path"] ?? item["name"] ?? item["source"] ?? item["title"])?.stringValue
      guard let text = item.stringValue ?? (item["text"] ?? item["content"])?.stringValue else { continue }
      add(text, name: name ?? "documents[\(index)]")
    }
    if question.isEmpty, documents.isEmpty { add(JSONValue.object(object).text(.pretty), name: "input") }
  }

  private mutating func take(_ text: String) {
    let paragraphs = TextUnits.lines(of: text)
    let blank = paragraphs.contains { $0.allSatisfy(\.isWhitespace) }
    guard text.utf8.count > Self.questionLength || (blank && paragraphs.count > 2) else {
      question = text
      return
    }
    let asking = paragraphs.indices.first { paragraphs[$0].drop(while: \.isWhitespace).last == "?" }
    let index = asking ?? paragraphs.indices.first { !paragraphs[$0].allSatisfy(\.isWhitespace) } ?? 0
    // A first line as long as a page is no question: it is the document.
    if paragraphs[index].utf8.count <= Self.questionLength { question = String(paragraphs[index]) }
    let rest = paragraphs.indices.map { $0 == index && !question.isEmpty ? "" : paragraphs[$0] }
    add(rest.joined(separator: "\n"), name: "input")
  }

  private mutating func add(_ text: String, name: String) {
    guard text.contains(where: { !$0.isWhitespace }) else { return }
    documents.append(Reading.Document(name: name, text: text, firstLine: 1))
  }
}
