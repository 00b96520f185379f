// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel

/// Why an answer cannot be read or written in the form that a person edits.
package struct AnswerProblem: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    /// What was recorded has no such form: a stream that broke off, or one of another form than its API has.
    case notEditable
    /// What was given is no answer of the API.
    case malformed
  }
  package let kind: Kind
  package let message: String

  init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  static func malformed(_ message: String) -> AnswerProblem { AnswerProblem(.malformed, message) }
  static func notEditable(_ message: String) -> AnswerProblem { AnswerProblem(.notEditable, message) }

  package var description: String { message }
}

/// An event of a stream of answers: its name, where the API names its events, and its JSON.
struct AnswerEvent: Sendable, Hashable {
  var name: String?
  var data: JSONValue
}

/// How the answers of one API stand as one JSON value, whether they were streamed or not.
///
/// A stream is put together to the value that the same request gets without `stream`, and such a value is taken apart to
/// a stream; both ways nothing of it is lost.
protocol AnswerShape: Sendable {
  /// Puts the events of a whole stream together.
  func assembled(_ events: [AnswerEvent]) throws(AnswerProblem) -> JSONValue
  /// Takes a value that `check` has passed apart.
  func events(of answer: JSONValue, withUsage: Bool) -> [AnswerEvent]
  /// Refuses what an official client of the API could not read.
  func check(_ answer: JSONValue) throws(AnswerProblem)
}

extension ModelAPI {
  /// The form of its answers; nil where they never stream and are one object.
  var answerShape: (any AnswerShape)? {
    switch self {
    case .chat: ChatAnswer()
    case .responses: ResponseAnswer()
    case .messages: MessageAnswer()
    case .generateContent: ContentAnswer()
    default: nil
    }
  }
}

/// A recorded answer in the form that a person edits, and back.
package struct AnswerForm: Sendable {
  let api: ModelAPI
  /// The request asked for a stream.
  let isStream: Bool
  /// The stream is one JSON array.
  let isArray: Bool

  /// The answer as one JSON value.
  package func whole(_ body: [UInt8], isStream: Bool) throws(AnswerProblem) -> JSONValue {
    guard isStream else {
      guard let json = try? JSONValue(parsing: body) else { throw .notEditable("the recorded answer is not JSON") }
      return json
    }
    guard let shape = api.answerShape else { throw .notEditable("answers of \(api.name) are no streams") }
    return try shape.assembled(isArray ? try Self.elements(of: body) : try Self.events(in: body))
  }

  /// The body of an answer, in the frame that the request asks for; an error is never a stream.
  package func body(of answer: JSONValue, withUsage: Bool) throws(AnswerProblem) -> [UInt8] {
    if Self.isError(answer, api.dialect) {
      guard answer["error"]?["message"]?.stringValue != nil else {
        throw .malformed("an error has a text at error.message")
      }
      return answer.encoded()
    }
    try check(answer)
    guard isStream, let shape = api.answerShape else { return answer.encoded() }
    let events = shape.events(of: answer, withUsage: withUsage)
    if isArray { return Array("[\(events.map { $0.data.text() }.joined(separator: ",\r\n"))]".utf8) }
    var text = ""
    for event in events {
      if let name = event.name { text += "event: \(name)\n" }
      text += "data: \(event.data == Self.done ? "[DONE]" : event.data.text())\n\n"
    }
    return Array(text.utf8)
  }

  /// Stands for the word at the end of a chat stream.
  static let done = JSONValue.string("[DONE]")

  private func check(_ answer: JSONValue) throws(AnswerProblem) {
    guard case .object = answer else { throw .malformed("an answer is a JSON object") }
    if let shape = api.answerShape { return try shape.check(answer) }
    switch api {
    case .embeddings: _ = try AnswerReader(answer).objects("data")
    case .countResponses, .countMessages: _ = try AnswerReader(answer).integer("input_tokens")
    default: _ = try AnswerReader(answer).integer("totalTokens")
    }
  }

  /// Whether an answer says that there is none.
  static func isError(_ answer: JSONValue, _ dialect: Dialect) -> Bool {
    guard case .object? = answer["error"] else { return false }
    // A response carries the error of the model beside what it did answer.
    return dialect == .anthropic ? answer["type"] == "error" : answer["object"]?.stringValue == nil
  }

  // MARK: Frames

  private static func elements(of body: [UInt8]) throws(AnswerProblem) -> [AnswerEvent] {
    guard let elements = (try? JSONValue(parsing: body))?.arrayValue else {
      throw .notEditable("the recorded stream broke off")
    }
    return elements.map { AnswerEvent(name: nil, data: $0) }
  }

  /// The events of a stream; comments and events without data are none.
  static func events(in body: [UInt8]) throws(AnswerProblem) -> [AnswerEvent] {
    guard let text = String(validating: body, as: UTF8.self) else { throw .notEditable("the stream is not UTF-8") }
    var events: [AnswerEvent] = []
    var name: String?
    var data: [String] = []
    func value(_ line: Substring) -> String { String(line.first == " " ? line.dropFirst() : line) }
    let lines = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
      .split(separator: "\n", omittingEmptySubsequences: false)
    for line in lines {
      if line.isEmpty {
        if !data.isEmpty { events.append(try event(name, data.joined(separator: "\n"))) }
        (name, data) = (nil, [])
      } else if line.hasPrefix("event:") {
        name = value(line.dropFirst(6))
      } else if line.hasPrefix("data:") {
        data.append(value(line.dropFirst(5)))
      }
    }
    guard data.isEmpty else { throw .notEditable("the recorded stream broke off") }
    return events
  }

  private static func event(_ name: String?, _ data: String) throws(AnswerProblem) -> AnswerEvent {
    if data == "[DONE]" { return AnswerEvent(name: name, data: done) }
    guard let json = try? JSONValue(parsing: data) else { throw .notEditable("an event of the stream is not JSON") }
    if case .object? = json["error"], json["object"] == nil {
      throw .notEditable("the recorded stream ended in an error")
    }
    return AnswerEvent(name: name, data: json)
  }
}

/// Reads members of an answer, and says which of them is not what it should be.
struct AnswerReader {
  let value: JSONValue
  let place: String

  init(_ value: JSONValue, _ place: String = "$") {
    self.value = value
    self.place = place
  }

  private func wrong(_ key: String, _ what: String) -> AnswerProblem { .malformed("\(place).\(key) is not \(what)") }

  func text(_ key: String) throws(AnswerProblem) -> String {
    guard let text = value[key]?.stringValue else { throw wrong(key, "a text") }
    return text
  }

  func optionalText(_ key: String) throws(AnswerProblem) {
    guard let value = value[key], !value.isNull else { return }
    guard value.stringValue != nil else { throw wrong(key, "a text or null") }
  }

  func word(_ key: String, _ words: Set<String>) throws(AnswerProblem) -> String {
    let text = try text(key)
    guard words.contains(text) else { throw wrong(key, words.sorted().joined(separator: " or ")) }
    return text
  }

  @discardableResult
  func integer(_ key: String) throws(AnswerProblem) -> Int64 {
    guard let number = value[key]?.intValue, number >= 0 else { throw wrong(key, "a number of 0 or more") }
    return number
  }

  func object(_ key: String) throws(AnswerProblem) -> AnswerReader {
    guard let member = value[key], case .object = member else { throw wrong(key, "an object") }
    return AnswerReader(member, "\(place).\(key)")
  }

  /// The members of a list, which are all objects.
  func objects(_ key: String) throws(AnswerProblem) -> [AnswerReader] {
    guard let list = value[key]?.arrayValue else { throw wrong(key, "a list") }
    var readers: [AnswerReader] = []
    for (index, element) in list.enumerated() {
      guard case .object = element else { throw wrong("\(key)[\(index)]", "an object") }
      readers.append(AnswerReader(element, "\(place).\(key)[\(index)]"))
    }
    return readers
  }

  func optionalObjects(_ key: String) throws(AnswerProblem) -> [AnswerReader] {
    value[key].map(\.isNull) ?? true ? [] : try objects(key)
  }

  /// Counts of tokens, where there are any.
  func usage(_ key: String, _ counts: [String]) throws(AnswerProblem) {
    guard let usage = value[key], !usage.isNull else { return }
    let reader = try object(key)
    for count in counts where usage[count] != nil { try reader.integer(count) }
  }
}
