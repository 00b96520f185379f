// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusKernel
package import NexusStore

/// A call that a run is forked from, with all that the journal holds of it.
package struct RecordedCall: Sendable {
  package let row: EffectRow
  /// Nil if it was too long to be kept.
  package let request: [UInt8]?
  package let outcome: EffectOutcome

  package init(row: EffectRow, request: [UInt8]?, outcome: EffectOutcome) {
    self.row = row
    self.request = request
    self.outcome = outcome
  }
}

/// An answer in place of the recorded one.
package struct EditedAnswer: Sendable {
  package let state: EffectState
  package let outcome: EffectOutcome
  package init(state: EffectState, outcome: EffectOutcome) {
    self.state = state
    self.outcome = outcome
  }
}

/// What a run that is answered from a cassette begins with.
package struct CassetteLoad: Sendable {
  package let source: String?
  package let effects: [KeptEffect]
  package let by: String
  package init(source: String?, effects: [KeptEffect], by: String) {
    self.source = source
    self.effects = effects
    self.by = by
  }
}

// New runs out of what old ones recorded.
extension RunExecutor {
  /// What a run takes over from another one is held in memory once, and is at most this long.
  package static let maxKeptBytes = 64 << 20

  /// Starts a new run of the same definition and input.
  package func restart(_ run: RunID) async throws(RuntimeRefusal) -> RunRecord {
    let (record, subject) = try await source(run)
    return try await create(RunOrder(name: record.name, subject: subject, input: record.input))
  }

  /// Starts a new run that does a step and all that needs it anew, and keeps the results of the others.
  package func fork(_ run: RunID, from step: String) async throws(RuntimeRefusal) -> RunRecord {
    let (record, subject) = try await source(run)
    try hasSteps(run, record.kind, hint: "naos runs fork \(run) --from call:N")
    try isWhole(record)
    guard case .flow(let definition) = subject else { throw unreadable(record.kind.rawValue) }
    let journal = try await journal(of: run)
    guard let kept = FlowFork.entries(of: journal, definition: definition, from: step) else {
      throw noStep(step, of: run)
    }
    let origin = RunEntry.forked(from: run, sequence: journal.last?.sequence ?? .none)
    return try await create(
      RunOrder(name: record.name, subject: subject, input: record.input, entries: [origin] + kept))
  }

  /// Starts a new run that goes through what the old one recorded up to a model call of one step, and makes that call
  /// anew, or has it answered by a person.
  ///
  /// - Parameters:
  ///   - run: the run that is forked; it stays as it is.
  ///   - step: the step that made the call; nil for the run of an agent.
  ///   - number: which of the recorded calls of the step it is, from 1.
  ///   - who: asks for it.
  ///   - edit: makes the answer; nil to ask the model again.
  /// - Returns: the new run.
  /// - Throws: `RuntimeRefusal`: there is no such call, it cannot be taken over, or `edit` said no. Nothing is started then.
  package func fork(
    _ run: RunID, step: StepPath?, call number: Int, by who: String,
    edit: (@Sendable (RecordedCall) throws(RuntimeRefusal) -> EditedAnswer)? = nil
  ) async throws(RuntimeRefusal) -> RunRecord {
    let (record, subject) = try await source(run)
    try isWhole(record)
    let path = try path(step, record, subject)
    let journal = try await journal(of: run)
    let rows = try await effects(of: run, path)
    let point = try point(number, rows, run)
    guard let asked = rows.first(where: { $0.record.id == point.call.id }) else { throw unreadable("call") }
    var kept = try await copies(point.kept, of: rows)
    var edited: EffectID?
    if let edit {
      var copy = try await self.copy(of: asked)
      guard let outcome = copy.outcome else { throw unreadable("answer") }
      let answer = try edit(RecordedCall(row: asked, request: copy.row.request, outcome: outcome))
      (copy.state, copy.outcome) = (answer.state, answer.outcome)
      edited = copy.row.record.id
      kept.append(copy)
    }
    guard kept.reduce(0, { $0 + $1.bytes }) <= Self.maxKeptBytes else { throw tooMuch("it is over 64 MiB") }
    let effects = KeptEffects(
      origin: .fork(step: path, call: number), count: kept.count, edited: edited, by: who)
    let origin = RunEntry.forked(from: run, sequence: journal.last?.sequence ?? .none)
    var order = RunOrder(name: record.name, subject: subject, input: record.input)
    order.entries = [origin, .effectsKept(effects)] + (try held(journal, subject, path, until: asked.startedAt, run))
    order.kept = kept
    return try await create(order)
  }

  /// A recorded call, for whoever wants to see it or to edit its answer.
  package static func call(
    _ number: Int, of run: RunID, at step: StepPath, in store: any Store
  ) async throws(RuntimeRefusal) -> RecordedCall {
    do throws(StoreError) {
      let rows = try await store.effects(of: run, step: step)
      let point: ForkPoint
      do throws(ForkPoint.Problem) { point = try ForkPoint(call: number, in: rows.map(\.record)) } catch {
        throw StoreError(.notFound, refusal(of: error, number, run).message)
      }
      guard let row = rows.first(where: { $0.record.id == point.call.id }),
        let outcome = try await store.outcome(of: point.call.id)
      else { throw StoreError(.notFound, "the answer is not in the journal any more") }
      return RecordedCall(row: row, request: try await store.request(of: point.call.id), outcome: outcome)
    } catch {
      guard error.code == .notFound else { throw storage(error) }
      throw RuntimeRefusal(.invalid, code: "NX-RUN-070", message: error.message, hint: "naos runs show \(run)")
    }
  }

  /// Has a run begin with the calls of a cassette, and refuse all others.
  func load(_ cassette: CassetteLoad, into order: inout RunOrder) throws(RuntimeRefusal) {
    guard cassette.effects.count <= ForkPoint.maxKept else { throw tooMuch("it has \(cassette.effects.count) calls") }
    order.kept = cassette.effects.map { effect in
      var effect = effect
      effect.row.record.id = services.ids.effect()
      return effect
    }
    order.entries.append(
      .effectsKept(
        KeptEffects(origin: .cassette(source: cassette.source), count: order.kept.count, by: cassette.by)))
  }

  /// Refuses to start a run for one that is answered from a cassette: the other run would ask the models themselves.
  func mayStartOthers(_ run: RunID) throws(RuntimeRefusal) {
    guard driver(of: run)?.kept?.isComplete == true else { return }
    throw RuntimeRefusal(
      .refused, code: "NX-RUN-077", message: "\(run) is answered from a cassette: it starts no other runs")
  }

  // MARK: What is taken over

  private func isWhole(_ record: RunRecord) throws(RuntimeRefusal) {
    guard !record.isPruned else {
      throw RuntimeRefusal(.conflict, code: RunError.pruned.code, message: "\(record.id) is being removed")
    }
  }

  private func noStep(_ step: String, of run: RunID) -> RuntimeRefusal {
    RuntimeRefusal(
      .invalid, code: "NX-RUN-048", message: "\(run) has no step `\(step)` to fork from",
      hint: "naos runs show \(run)")
  }

  /// Where the calls of a step are recorded.
  private func path(
    _ step: StepPath?, _ record: RunRecord, _ subject: RunSubject
  ) throws(RuntimeRefusal) -> StepPath {
    switch (subject, step) {
    case (.agent, nil): return .main
    case (.agent, let step?):
      guard step == .main else { throw noStep(step.text, of: record.id) }
      return .main
    case (.flow(let definition), let step?):
      guard FlowFork.entries(of: [], definition: definition, from: step.text) != nil else {
        throw noStep(step.text, of: record.id)
      }
      return step
    case (.unreadable(let kind), _): throw unreadable(kind.rawValue)
    case (.flow, nil):
      throw RuntimeRefusal(
        .invalid, code: "NX-RUN-070", message: "\(record.id) has several steps: say which of them made the call",
        hint: "naos runs fork \(record.id) --from STEP/call:N")
    }
  }

  private func point(_ number: Int, _ rows: [EffectRow], _ run: RunID) throws(RuntimeRefusal) -> ForkPoint {
    do throws(ForkPoint.Problem) { return try ForkPoint(call: number, in: rows.map(\.record)) } catch {
      throw Self.refusal(of: error, number, run)
    }
  }

  private static func refusal(of problem: ForkPoint.Problem, _ number: Int, _ run: RunID) -> RuntimeRefusal {
    switch problem {
    case .noSuchCall(let recorded):
      let calls = recorded == 1 ? "1 recorded model call" : "\(recorded) recorded model calls"
      return RuntimeRefusal(
        .invalid, code: "NX-RUN-070", message: "there is no call:\(number): \(run) has \(calls) there",
        hint: "naos runs show \(run)")
    case .underWay:
      return RuntimeRefusal(
        .conflict, code: "NX-RUN-071", message: "something before call:\(number) of \(run) is still under way",
        hint: "naos runs wait \(run)")
    case .tooMany(let count): return tooMuch("there are \(count) effects before it")
    }
  }

  private static func tooMuch(_ why: String) -> RuntimeRefusal {
    RuntimeRefusal(
      .invalid, code: "NX-RUN-074", message: "that is more than a run may begin with: \(why)",
      hint: "fork from an earlier call")
  }

  private func tooMuch(_ why: String) -> RuntimeRefusal { Self.tooMuch(why) }

  /// The results that still hold: other steps' in a flow, and what the agent itself had recorded when it asked.
  private func held(
    _ journal: [JournalEntry], _ subject: RunSubject, _ path: StepPath, until time: WallTime, _ run: RunID
  ) throws(RuntimeRefusal) -> [RunEntry] {
    switch subject {
    case .agent:
      return journal.compactMap { item in
        if case .stepRecorded = item.entry, item.at <= time { item.entry } else { nil }
      }
    case .flow(let definition):
      let kept = FlowFork.entries(of: journal, definition: definition, from: path.text, recordedUntil: time)
      guard let kept else { throw noStep(path.text, of: run) }
      return kept
    case .unreadable(let kind): throw unreadable(kind.rawValue)
    }
  }

  private func journal(of run: RunID) async throws(RuntimeRefusal) -> [JournalEntry] {
    do { return try await services.store.journal(of: run, after: .none, limit: .max) } catch {
      throw Self.storage(error)
    }
  }

  private func effects(of run: RunID, _ step: StepPath) async throws(RuntimeRefusal) -> [EffectRow] {
    do { return try await services.store.effects(of: run, step: step) } catch { throw Self.storage(error) }
  }

  private func copies(
    _ records: [EffectRecord], of rows: [EffectRow]
  ) async throws(RuntimeRefusal) -> [KeptEffect] {
    var copies: [KeptEffect] = []
    var bytes = 0
    let ids = Set(records.map(\.id))
    for row in rows where ids.contains(row.record.id) {
      let copy = try await copy(of: row)
      bytes += copy.bytes
      guard bytes <= Self.maxKeptBytes else { throw tooMuch("it is over \(Self.maxKeptBytes >> 20) MiB") }
      copies.append(copy)
    }
    return copies
  }

  private func copy(of row: EffectRow) async throws(RuntimeRefusal) -> KeptEffect {
    do throws(StoreError) {
      let outcome = try await services.store.outcome(of: row.record.id)
      guard outcome != nil || row.record.state == .unknown else {
        throw StoreError(.corrupt, "the answer of \(row.record.id) is missing")
      }
      var copy = row
      copy.request = try await services.store.request(of: row.record.id)
      copy.record.id = services.ids.effect()
      return KeptEffect(row: copy, state: row.record.state, outcome: outcome)
    } catch {
      throw Self.storage(error)
    }
  }
}
