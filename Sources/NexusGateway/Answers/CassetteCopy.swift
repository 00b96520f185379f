// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
package import NexusCore
internal import NexusKernel
package import NexusLocalModels
package import NexusStore

/// Carries recorded calls onto a cassette and back.
package enum CassetteCopy {
  /// A recorded call without the secrets that stood in it.
  ///
  /// - Throws: `AnswerProblem` if it cannot be said any more what was asked.
  package static func call(
    _ row: EffectRow, request: [UInt8]?, outcome: EffectOutcome, redaction: Redaction
  ) throws(AnswerProblem) -> CassetteCall {
    guard let name = RecordedAnswer.name(of: row, request), let (api, _) = RecordedAnswer.route(name),
      let dialect = LocalDialect(rawValue: api.name)
    else { throw .notEditable("it is not recorded which API was called") }
    var isRedacted = false
    func clean(_ bytes: [UInt8]) -> [UInt8] {
      guard let cleaned = redaction.apply(to: bytes.span) else { return bytes }
      isRedacted = true
      return cleaned
    }
    let asked = request.map(clean)
    let body = clean(outcome.body)
    if outcome.isStream, isInPieces(row, request, outcome, body, redaction) {
      throw .notEditable("a secret stands in its streamed answer, in pieces that cannot be taken out")
    }
    // A cassette has each field once, as a map.
    var names: Set<String> = []
    let headers = outcome.headers.filter { names.insert($0.name.lowercased()).inserted }.map { field in
      LocalModelReply.Header(field.name, String(decoding: clean(Array(field.value.utf8)), as: UTF8.self))
    }
    var call = CassetteCall(
      api: dialect, path: String(name.dropFirst(5)), step: row.step == .main ? nil : row.step.text, request: asked,
      digest: asked == nil ? row.record.digest.text : nil, model: row.name, status: outcome.status, headers: headers,
      isStream: outcome.isStream, body: body,
      usage: LocalUsage(inputTokens: Int(outcome.inputTokens.value), outputTokens: Int(outcome.outputTokens.value)))
    call.isRedacted = isRedacted
    return call
  }

  /// Whether a stream still holds a secret once its events are put together.
  private static func isInPieces(
    _ row: EffectRow, _ request: [UInt8]?, _ outcome: EffectOutcome, _ body: [UInt8], _ redaction: Redaction
  ) -> Bool {
    var cleaned = outcome
    cleaned.body = body
    // One that cannot be put together, because it broke off, say, has no whole in which a secret could stand.
    guard let whole = try? RecordedAnswer(row, request: request, outcome: cleaned).whole() else { return false }
    return redaction.apply(to: whole.encoded().span) != nil
  }

  /// The effects that a run begins with that is answered from a cassette; their ids are not made yet.
  ///
  /// - Throws: `AnswerProblem` if a call is not one of the API that it says.
  package static func effects(
    of cassette: Cassette, agent: AgentName, at time: WallTime
  ) throws(AnswerProblem) -> [KeptEffect] {
    for (index, call) in cassette.calls.enumerated() {
      guard RecordedAnswer.route("POST \(call.path)")?.0.name == call.api.rawValue else {
        throw .malformed("rule \(index + 1): \(call.path) is no path of \(call.api.rawValue)")
      }
    }
    var occurrences: [StepPath: [RequestDigest: Int]] = [:]
    var ordinals: [StepPath: Int64] = [:]
    return cassette.calls.map { call in
      let step = call.step.map { StepPath($0) } ?? .main
      let name = "POST \(call.path)"
      let digest =
        call.request.map { EffectDigest.of(name: name, step: step, body: ByteBuffer(bytes: $0)) }
        ?? RequestDigest(call.digest ?? "")
      let occurrence = occurrences[step]?[digest] ?? 0
      occurrences[step, default: [:]][digest] = occurrence + 1
      ordinals[step, default: 0] += 1
      let record = EffectRecord(
        id: EffectID(""), kind: .model, digest: digest, occurrence: occurrence, ordinal: ordinals[step] ?? 1,
        attempt: .before, state: .succeeded)
      let row = EffectRow(
        record: record, run: RunID(""), step: step, agent: agent, name: call.model, detail: name, startedAt: time,
        request: call.request)
      let outcome = EffectOutcome(
        status: call.status, headers: call.headers.map { EnvironmentVariable($0.name, $0.value) }, body: call.body,
        isStream: call.isStream, endedAt: time, inputTokens: TokenCount(Int64(call.usage?.inputTokens ?? 0)),
        outputTokens: TokenCount(Int64(call.usage?.outputTokens ?? 0)), cost: .zero)
      return KeptEffect(
        row: row, state: (200..<300).contains(call.status) ? .succeeded : .failed, outcome: outcome)
    }
  }
}
