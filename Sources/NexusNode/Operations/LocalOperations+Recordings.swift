// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusGateway
internal import NexusLocalModels
internal import NexusRuntime
internal import NexusStore

// New runs out of what old ones recorded, on the node in this process.
extension LocalOperations {
  func call(_ number: Int, of run: RunID, step: String?) async throws(OperationError) -> RecordedCallReport {
    try await Recordings(store: parts.store).call(number, of: try await record(run), step: step)
  }

  func cassette(of run: RunID) async throws(OperationError) -> CassetteReport {
    try await Recordings(store: parts.store).cassette(of: try await record(run), without: parts.plan.allSecrets)
  }

  /// - Returns: the new run.
  func fork(_ run: RunID, _ order: ForkOrder) async throws(RuntimeRefusal) -> RunID {
    let executor = parts.runtime.executor
    guard let number = order.call else { return try await executor.fork(run, from: order.step ?? "").id }
    let step = order.step.map { StepPath($0) }
    guard let answer = order.answer else {
      return try await executor.fork(run, step: step, call: number, by: Self.operatorName).id
    }
    return try await executor.fork(run, step: step, call: number, by: Self.operatorName) {
      call throws(RuntimeRefusal) in
      do throws(AnswerProblem) {
        let recorded = try RecordedAnswer(call.row, request: call.request, outcome: call.outcome)
        let edited = try recorded.edited(to: answer)
        return EditedAnswer(state: edited.state, outcome: edited.outcome)
      } catch {
        throw RuntimeRefusal(error, of: run, call: number)
      }
    }.id
  }

  /// What a run is answered from; nil if it asks the models.
  func load(_ cassette: JSONValue?, for name: String) throws(RuntimeRefusal) -> CassetteLoad? {
    guard let cassette else { return nil }
    let words: String
    do {
      let read = try Cassette(json: cassette)
      let effects = try CassetteCopy.effects(of: read, agent: AgentName(name), at: parts.clock.wallNow())
      return CassetteLoad(source: read.run, effects: effects, by: Self.operatorName)
    } catch let error as ScriptError {
      words = error.message
    } catch {
      words = "\(error)"
    }
    throw RuntimeRefusal(
      .invalid, code: "NX-RUN-075", message: "the cassette cannot be played: \(words)",
      hint: "naos runs export RUN --cassette FILE")
  }
}

extension RuntimeRefusal {
  init(_ problem: AnswerProblem, of run: RunID, call number: Int) {
    switch problem.kind {
    case .malformed:
      self.init(
        .invalid, code: "NX-RUN-072", message: "that is no answer to call:\(number) of \(run): \(problem.message)",
        hint: "naos runs fork \(run) --from call:\(number) --edit shows the recorded one")
    case .notEditable:
      self.init(
        .conflict, code: "NX-RUN-073",
        message: "the answer to call:\(number) of \(run) has no form to edit: \(problem.message)",
        hint: "without --edit the call is made anew")
    }
  }
}
