// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusGateway
internal import NexusKernel
internal import NexusLocalModels
internal import NexusRuntime
internal import NexusStore

/// What the journal holds of the model calls of a run; the same with and without a node.
struct Recordings: Sendable {
  let store: any Store

  /// A call with its answer as a person edits it.
  func call(_ number: Int, of record: RunRecord, step: String?) async throws(OperationError) -> RecordedCallReport {
    let call: RecordedCall
    do throws(RuntimeRefusal) {
      call = try await RunExecutor.call(
        number, of: record.id, at: step.map { StepPath($0) } ?? .main, in: store)
    } catch {
      throw OperationError(error)
    }
    do throws(AnswerProblem) {
      let answer = try RecordedAnswer(call.row, request: call.request, outcome: call.outcome)
      return RecordedCallReport(
        run: record.id, step: step, call: number, api: answer.api, model: call.row.name, status: call.outcome.status,
        isStream: answer.isStream, answer: try answer.whole())
    } catch {
      throw OperationError(RuntimeRefusal(error, of: record.id, call: number))
    }
  }

  /// The most bytes of one cassette: what a node takes as one.
  static let maxBytes = StartRun.maxCassetteBytes / 2

  /// All calls of a run, step by step, as its last attempts got them.
  func cassette(
    of record: RunRecord, without secrets: [String]
  ) async throws(OperationError) -> CassetteReport {
    let redaction = Redaction(secrets: secrets)
    var cassette = Cassette(name: record.name, run: record.id.text, calls: [])
    var bytes = 0
    for row in try await rows(of: record.id) {
      let call = try await self.call(row, redaction)
      bytes += call.body.count + (call.request?.count ?? 0)
      guard bytes <= Self.maxBytes, cassette.calls.count < ScriptedModel.maxRules else {
        throw OperationError(
          .tooLarge, code: "NX-RUN-074", title: "More than a cassette may hold",
          detail:
            "A cassette has at most \(ScriptedModel.maxRules) calls and \(Self.maxBytes >> 20) MiB; \(record.id) has more."
        )
      }
      cassette.calls.append(call)
    }
    guard !cassette.calls.isEmpty else {
      throw OperationError(
        .conflict, code: "NX-RUN-078", title: "There is nothing to put on a cassette",
        detail: "\(record.id) has no recorded model calls.", hint: "naos runs show \(record.id)")
    }
    let redacted = cassette.calls.count(where: \.isRedacted)
    return CassetteReport(
      run: record.id, calls: cassette.calls.count, redacted: redacted, cassette: cassette.text)
  }

  /// In the order of their beginning, as far as they are answered by a replay.
  private func rows(of run: RunID) async throws(OperationError) -> [EffectRow] {
    let rows: [EffectRow]
    do { rows = try await store.effects(of: run) } catch { throw OperationError(error) }
    guard !rows.contains(where: { $0.record.kind == .model && $0.record.state == .intent }) else {
      throw OperationError(
        .conflict, code: "NX-RUN-071", title: "A call is under way",
        detail: "A model call of \(run) is not over: what it comes to is not known yet.", hint: "naos runs wait \(run)")
    }
    var answered: Set<EffectID> = []
    for (_, rows) in Dictionary(grouping: rows, by: \.step) {
      answered.formUnion(RecordedCalls.answered(rows.map(\.record)).map(\.id))
    }
    return rows.filter { $0.record.kind == .model && answered.contains($0.record.id) }
  }

  private func call(_ row: EffectRow, _ redaction: Redaction) async throws(OperationError) -> CassetteCall {
    let id = row.record.id
    let request: [UInt8]?
    let outcome: EffectOutcome?
    do throws(StoreError) {
      request = try await store.request(of: id)
      outcome = try await store.outcome(of: id)
    } catch {
      throw OperationError(error)
    }
    do {
      guard let outcome else { throw StoreError(.notFound, "the answer of \(id) is not in the journal any more") }
      return try CassetteCopy.call(row, request: request, outcome: outcome, redaction: redaction)
    } catch {
      throw OperationError(
        .conflict, code: "NX-RUN-078", title: "A call cannot be put on a cassette", detail: "\(id): \(error)")
    }
  }
}

extension ProjectPlan {
  /// Every secret that the configuration knows: what must not leave the project in a file.
  var allSecrets: [String] {
    var secrets = providers.compactMap { $0.apiKey?.revealed } + providers.flatMap { $0.headers.map(\.value) }
    // The version of an API is a date, which is no secret and stands in texts.
    secrets += providers.flatMap { $0.query.filter { $0.name != ProviderSpec.apiVersion }.map(\.value) }
    secrets += webhooks.map(\.secret.revealed)
    for agent in agents {
      secrets += agent.gateSecrets.values.map(\.revealed)
      secrets += agent.environment.filter { agent.secretVariables.contains($0.name) }.map(\.value)
    }
    return secrets
  }
}
