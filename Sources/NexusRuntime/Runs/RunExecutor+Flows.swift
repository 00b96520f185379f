// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
internal import NexusStore

// What operators ask of runs of workflows, sagas and pools alone, and of what is to be done anew.
extension RunExecutor {
  /// The largest payload of an event that is sent to a run, as JSON.
  package static let maxPayloadBytes = 1024 * 1024
  /// The longest name and id of an event, and the longest reason of a skip, in bytes.
  package static let maxWordBytes = 1_024
  /// How many events a refusal names.
  private static let maxNamedEvents = 10
  /// How often a run is looked for that is just being taken up or let go of.
  private static let maxTries = 5

  /// Does without a step that failed or stands still.
  package func skip(_ run: RunID, step: StepPath, by who: String, reason: String) async throws(RuntimeRefusal) {
    try short(reason, "the reason of a skip")
    try await resolve(run, step, .skip(step, by: who, reason: reason), "skipped")
  }

  /// Says that a step is done that failed or stands still.
  package func markDone(
    _ run: RunID, step: StepPath, by who: String, output: JSONValue
  ) async throws(RuntimeRefusal) {
    try small(output, AttemptRunner.maxOutputBytes, "the output of a step")
    try await resolve(run, step, .markDone(step, by: who, output: output), "marked done")
  }

  /// Decides about a value of a step that a validator has escalated.
  package func decide(
    _ run: RunID, step: StepPath, _ decision: GateDecision, by who: String, note: String
  ) async throws(RuntimeRefusal) {
    try short(note, "the note of a decision")
    guard try await ask(run, .decide(step, by: who, decision, note: note), ofAgents: true) == .ignored else { return }
    throw RuntimeRefusal(
      .conflict, code: "NX-GAT-073", message: "step \(step) of \(run) does not wait for a decision",
      hint: "naos runs show \(run)")
  }

  private func resolve(
    _ run: RunID, _ step: StepPath, _ event: DurableEvent, _ verb: String
  ) async throws(RuntimeRefusal) {
    guard try await ask(run, event) == .ignored else { return }
    throw RuntimeRefusal(
      .conflict, code: "NX-RUN-044",
      message: "step \(step) of \(run) cannot be \(verb): it has not failed, and does not stand still",
      hint: "naos runs show \(run)")
  }

  /// Sends an event to a run; one of the same id is taken once.
  package func signal(
    _ run: RunID, name: String, id: String?, payload: JSONValue
  ) async throws(RuntimeRefusal) {
    try short(name, "the name of an event")
    try short(id ?? "", "the id of an event")
    try small(payload, Self.maxPayloadBytes, "the payload of an event")
    try await isAwaited(name, by: run)
    guard try await ask(run, .event(name: name, id: id, payload: payload)) == .ignored else { return }
    let status = try await known(run).summary.status
    if status.isFinal { throw isOver(run, status) }
    throw RuntimeRefusal(
      .unavailable, code: "NX-RUN-047",
      message:
        "\(FlowState.maxBufferedEvents) events wait in \(run) already: it takes no more until a step has taken one")
  }

  /// Refuses an event that no step of the run waits for: it would wait for ever.
  private func isAwaited(_ name: String, by run: RunID) async throws(RuntimeRefusal) {
    var subject = drivers[run]?.subject
    if subject == nil {
      let record = try await known(run)
      // Of one that is over that is what there is to say.
      if record.summary.status.isFinal { return }
      do { subject = try await self.subject(of: record) } catch { throw Self.storage(error) }
    }
    guard case .flow(let definition)? = subject, !definition.eventNames.contains(name) else { return }
    let names = definition.eventNames.sorted()
    let some = names.prefix(Self.maxNamedEvents).map { "`\($0)`" }.joined(separator: ", ")
    throw RuntimeRefusal(
      .invalid, code: "NX-RUN-051",
      message: "no step of \(definition.kind.rawValue) `\(definition.name)` waits for `\(name)`",
      hint: names.isEmpty
        ? "it waits for no events" : "it waits for \(some)\(names.count > Self.maxNamedEvents ? " and others" : "")")
  }

  private func isOver(_ run: RunID, _ status: RunStatus) -> RuntimeRefusal {
    RuntimeRefusal(.conflict, code: "NX-RUN-046", message: "\(run) is \(status.rawValue): it takes no events any more")
  }

  func short(_ text: String, _ what: String) throws(RuntimeRefusal) {
    guard text.utf8.count > Self.maxWordBytes else { return }
    throw RuntimeRefusal(.invalid, code: "NX-RUN-045", message: "\(what) may have \(Self.maxWordBytes) bytes")
  }

  private func small(_ value: JSONValue, _ limit: Int, _ what: String) throws(RuntimeRefusal) {
    guard value.encoded().count > limit else { return }
    throw RuntimeRefusal(.invalid, code: "NX-RUN-045", message: "\(what) may have \(limit) bytes as JSON")
  }

  /// Brings an event to a run of a flow, wherever it stands, and says what became of it.
  private func ask(
    _ run: RunID, _ event: DurableEvent, ofAgents: Bool = false
  ) async throws(RuntimeRefusal) -> RunAnswer {
    for _ in 0..<Self.maxTries {
      if let driver = drivers[run] {
        if !ofAgents { try hasSteps(run, driver.subject.kind) }
        switch await driver.ask(event) {
        case .taken: return .taken
        case .known: return .known
        case .ignored, .cannotGoBack: return .ignored
        case .busy: throw RunDriver.tooManyQuestions(of: run)
        case .gone: await wait(for: run, until: .letGo)
        }
        continue
      }
      let record = try await known(run)
      if !ofAgents { try hasSteps(run, record.kind) }
      if case .event = event, record.summary.status.isFinal { throw isOver(run, record.summary.status) }
      guard !isStopping else { break }
      if record.summary.status.goesOnByItself {
        _ = try await takeUp(record, first: .event(.claimed(trapped: false)))
        continue
      }
      let question = RunQuestion()
      if try await takeUp(record, first: .asked(event, question)) { return await question.answer() }
    }
    throw RuntimeRefusal(
      .conflict, code: "NX-RUN-002", message: "\(run) is being taken up by somebody else right now: ask again")
  }

  func hasSteps(_ run: RunID, _ kind: RunKind, hint: String? = nil) throws(RuntimeRefusal) {
    guard kind == .agent else { return }
    throw RuntimeRefusal(
      .conflict, code: "NX-RUN-043", message: "\(run) is the run of an agent: it has no steps, and takes no events",
      hint: hint)
  }

  // MARK: Anew

  /// What a run was made of, if it may be made again.
  func source(_ run: RunID) async throws(RuntimeRefusal) -> (RunRecord, RunSubject) {
    try hasRoom()
    let record = try await known(run)
    let subject: RunSubject
    do { subject = try await self.subject(of: record) } catch { throw Self.storage(error) }
    try await permit(subject)
    return (record, subject)
  }
}
