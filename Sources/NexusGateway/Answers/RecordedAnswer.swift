// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
package import NexusCore
package import NexusKernel
package import NexusStore

/// A recorded model call as people read and edit it: which API it was, and its answer as one JSON value.
package struct RecordedAnswer: Sendable {
  /// `openai.chat`.
  package var api: String { form.api.name }
  /// The answer was, or is to be, a stream.
  package var isStream: Bool { form.isStream }
  private let form: AnswerForm
  private let outcome: EffectOutcome
  /// What the call is known by beside its body: `POST /v1/chat/completions`.
  package let name: String

  /// - Throws: `AnswerProblem` if it cannot be said any more what was asked.
  package init(_ row: EffectRow, request: [UInt8]?, outcome: EffectOutcome) throws(AnswerProblem) {
    guard let name = Self.name(of: row, request), let (api, path) = Self.route(name) else {
      throw .notEditable("it is not recorded which API was called")
    }
    self.name = name
    self.outcome = outcome
    let body = request.flatMap { try? JSONValue(parsing: $0) }
    let asksForStream = path.isStream || body?["stream"]?.boolValue == true || (request == nil && outcome.isStream)
    form = AnswerForm(api: api, isStream: asksForStream && api.stream != nil, isArray: path.isArray)
  }

  /// The API that a name is for, and what its path says.
  static func route(_ name: String) -> (ModelAPI, RequestPath)? {
    guard name.hasPrefix("POST ") else { return nil }
    let target = String(name.dropFirst(5))
    // The name tells an array from events; the path alone does not.
    let uri = target.hasSuffix("?alt=json") ? target : target + "?alt=sse"
    return ModelRoutes.find(Substring(target.utf8.prefix { $0 != UInt8(ascii: "?") }), uri)
  }

  /// Journals of before have no names: the digest tells which of the usual ones it was.
  static func name(of row: EffectRow, _ request: [UInt8]?) -> String? {
    if !row.detail.isEmpty { return row.detail }
    guard let request else { return nil }
    let gemini = ["generateContent", "streamGenerateContent", "streamGenerateContent?alt=json", "countTokens"]
    let paths =
      [
        "/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings", "/v1/responses/input_tokens",
        "/v1/messages/count_tokens",
      ] + gemini.map { "/v1beta/models/\(row.name):\($0)" }
    let (body, json) = (ByteBuffer(bytes: request), try? JSONValue(parsing: request))
    return paths.map { "POST \($0)" }.first { name in
      EffectDigest.of(name: name, step: row.step, body: body, json: json) == row.record.digest
    }
  }

  /// The answer as one JSON value.
  package func whole() throws(AnswerProblem) -> JSONValue { try form.whole(outcome.body, isStream: outcome.isStream) }

  /// What the agent gets in place of the recorded answer.
  ///
  /// An answer keeps the status, the header fields and the frame of what was recorded, as far as they fit it; an error is
  /// given for an error with the status that it had.
  package func edited(to answer: JSONValue) throws(AnswerProblem) -> (state: EffectState, outcome: EffectOutcome) {
    let wantsUsage = !(form.isStream && form.api.asksForUsage) || streamTellsUsage
    let body = try form.body(of: answer, withUsage: wantsUsage)
    guard body.count <= Self.maxBytes else { throw .malformed("the answer has more than \(Self.maxBytes >> 20) MiB") }
    let isError = AnswerForm.isError(answer, form.api.dialect)
    let wasError = !(200..<300).contains(outcome.status)
    var edited = outcome
    edited.body = body
    edited.cost = .zero
    edited.isStream = form.isStream && !isError
    if isError {
      if !wasError { edited.status = Self.status(of: answer) }
    } else if wasError {
      edited.status = 200
    }
    if isError != wasError { edited.headers = [] }
    edited.headers.removeAll { $0.name.lowercased() == "content-type" }
    let type = edited.isStream && !form.isArray ? "text/event-stream; charset=utf-8" : "application/json"
    edited.headers.insert(EnvironmentVariable("content-type", type), at: 0)
    return (isError ? .failed : .succeeded, edited)
  }

  /// The longest edited answer.
  package static let maxBytes = 4 << 20

  private var streamTellsUsage: Bool {
    guard outcome.isStream, let events = try? AnswerForm.events(in: outcome.body) else { return false }
    return events.contains { !($0.data["usage"] ?? .null).isNull }
  }

  /// Gemini's errors say their status.
  private static func status(of error: JSONValue) -> Int {
    guard let code = error["error"]?["code"]?.intValue, (400...599).contains(code) else { return 500 }
    return Int(code)
  }
}
