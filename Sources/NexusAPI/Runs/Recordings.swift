// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Where a new run leaves the old one: at a step, or at a model call.
package struct ForkOrder: Sendable, Hashable {
  /// The longest edited answer, as JSON.
  package static let maxAnswerBytes = 4 << 20
  private static let mark = "call:"

  /// The step; nil for a call in the run of an agent.
  package var step: String?
  /// Which of the recorded model calls of the step, from 1; nil to do the whole step anew.
  package var call: Int?
  /// What to answer the call with; nil to ask the model again.
  package var answer: JSONValue?

  package init(step: String?, call: Int? = nil, answer: JSONValue? = nil) {
    self.step = step
    self.call = call
    self.answer = answer
  }

  /// Reads `STEP`, `call:N` or `STEP/call:N`.
  ///
  /// - Returns: nil if there is no number behind `call:`.
  package init?(from text: String) {
    let last = text.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    guard last.hasPrefix(Self.mark) else {
      self.init(step: text)
      return
    }
    guard let number = Int(last.dropFirst(Self.mark.count)), number >= 0 else { return nil }
    let step = text.dropLast(last.count)
    self.init(step: step.isEmpty ? nil : String(step.dropLast()), call: number)
  }

  /// What to write behind `--from` for a call.
  package static func place(step: String?, call: Int) -> String {
    (step.map { $0 + "/" } ?? "") + mark + String(call)
  }
}

extension ForkOrder: WireValue {
  package var json: JSONValue {
    var object = JSONObject()
    object["step"] = step.map(JSONValue.string)
    object["call"] = call.map { .int(Int64($0)) }
    object["answer"] = answer
    return .object(object)
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "fork")
    step = try reader.optionalText("step")
    call = try reader.optionalInteger("call").map { Int(clamping: $0) }
    answer = reader.value("answer")
    guard step != nil || call != nil else { throw WireError(path: "fork.step", message: "expected a text") }
    guard answer == nil || call != nil else { throw WireError(path: "fork.call", message: "expected an integer") }
  }
}

/// A model call of a run with its answer, as a person reads and edits it.
package struct RecordedCallReport: Sendable, Hashable {
  package var run: RunID
  package var step: String?
  package var call: Int
  /// `openai.chat`.
  package var api: String
  package var model: String
  package var status: Int
  /// The agent gets it as a stream.
  package var isStream: Bool
  /// As one JSON value, also if it was a stream.
  package var answer: JSONValue

  package init(
    run: RunID, step: String?, call: Int, api: String, model: String, status: Int, isStream: Bool, answer: JSONValue
  ) {
    self.run = run
    self.step = step
    self.call = call
    self.api = api
    self.model = model
    self.status = status
    self.isStream = isStream
    self.answer = answer
  }
}

extension RecordedCallReport: WireValue {
  package var json: JSONValue {
    [
      "run": .string(run.text), "step": .of(step), "call": .int(Int64(call)), "api": .string(api),
      "model": .string(model), "status": .int(Int64(status)), "stream": .bool(isStream), "answer": answer,
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "call")
    run = RunID(try reader.text("run"))
    step = try reader.optionalText("step")
    call = try reader.count("call")
    api = try reader.text("api")
    model = try reader.text("model")
    status = try reader.count("status")
    isStream = try reader.flag("stream")
    answer = reader.value("answer") ?? .null
  }
}

/// The model calls of a run as a file that a test can be made of.
package struct CassetteReport: Sendable, Hashable {
  package var run: RunID
  package var calls: Int
  /// Calls that a secret was taken out of.
  package var redacted: Int
  /// The file: YAML.
  package var cassette: String

  package init(run: RunID, calls: Int, redacted: Int, cassette: String) {
    self.run = run
    self.calls = calls
    self.redacted = redacted
    self.cassette = cassette
  }
}

extension CassetteReport: WireValue {
  package var json: JSONValue {
    [
      "run": .string(run.text), "calls": .int(Int64(calls)), "redacted": .int(Int64(redacted)),
      "cassette": .string(cassette),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "cassette")
    run = RunID(try reader.text("run"))
    calls = try reader.count("calls")
    redacted = try reader.count("redacted")
    cassette = try reader.text("cassette")
  }
}
