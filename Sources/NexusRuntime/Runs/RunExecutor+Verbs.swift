// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
internal import NexusStore

// What operators ask of runs.
extension RunExecutor {
  package func cancel(_ run: RunID, by who: String, kill: Bool = false) async throws(RuntimeRefusal) {
    // A kill is written down before anything is ended, so that a node which dies in between has not forgotten it.
    let event: DurableEvent = kill ? .kill(by: who) : .cancel(by: who)
    if try await tell(run, event) { return }
    try await revive(
      run, event, verb: kill ? "be killed" : "be cancelled", allowed: RunStatus.unfinished.union([.paused]))
  }

  /// Pauses a run; answers once it is paused, or over: before that a killed node would go on with it.
  package func pause(_ run: RunID, by who: String) async throws(RuntimeRefusal) {
    if try await tell(run, .pause(by: who)) { return await wait(for: run) }
    try await revive(run, .pause(by: who), verb: "be paused", allowed: RunStatus.unfinished)
  }

  /// Tells a run what a person wants of it; returns once that is written down.
  ///
  /// - Returns: false if the run is not driven here, or came to its end before it heard of it.
  private func tell(_ run: RunID, _ event: DurableEvent) async throws(RuntimeRefusal) -> Bool {
    guard let driver = drivers[run], !driver.hasResult else { return false }
    switch await driver.ask(event) {
    case .taken, .known, .ignored: return true
    case .cannotGoBack: throw Self.cannotGoBack(run)
    case .busy: throw RunDriver.tooManyQuestions(of: run)
    case .gone:
      await wait(for: run, until: .letGo)
      return false
    }
  }

  package func resume(_ run: RunID, by who: String) async throws(RuntimeRefusal) {
    try await revive(run, .resume(by: who), verb: "be resumed", allowed: [.paused])
  }

  /// Has a run go on that came to a bad end; with `newKeys` its effects are known by new idempotency keys from here on,
  /// so that they happen again.
  package func retry(_ run: RunID, by who: String, newKeys: Bool = false) async throws(RuntimeRefusal) {
    await forgiveAgents(of: run)
    try await revive(
      run, .retry(by: who, newKeys: newKeys), verb: "be retried", allowed: [.failed, .cancelled, .paused])
  }

  /// Takes a run up that nobody drives; `event` is what happens to it first.
  func revive(
    _ run: RunID, _ event: DurableEvent, verb: String, allowed: Set<RunStatus>
  ) async throws(RuntimeRefusal) {
    let record = try await known(run)
    guard drivers[run]?.hasResult ?? true, allowed.contains(record.summary.status) else {
      throw RuntimeRefusal(
        .conflict, code: "NX-RUN-002", message: "\(run) is \(record.summary.status.rawValue): it cannot \(verb)",
        hint: Self.waysOn(from: record))
    }
    // What is left of it comes to its end first.
    await wait(for: run, until: .letGo)
    let question = RunQuestion()
    let answer = try await takeUp(record, first: .asked(event, question)) ? await question.answer() : .gone
    switch answer {
    case .taken, .known, .ignored: return
    case .cannotGoBack: throw Self.cannotGoBack(run)
    case .busy, .gone:
      throw RuntimeRefusal(
        .conflict, code: "NX-RUN-002", message: "\(run) is being taken up by somebody else right now: ask again")
    }
  }

  /// What a person can do with a run as it is.
  static func waysOn(from record: RunRecord) -> String? {
    let restart = "naos runs restart \(record.id) starts it anew"
    switch record.summary.status {
    case .halted where record.isPruned: return nil
    case .halted:
      return
        "naos runs resume \(record.id) --accept \"…\" lets it go on; naos runs checkpoints \(record.id) shows what it can go back to"
    case .completed, .compensated, .compensatedPartial, .stopped:
      return record.kind == .workflow || record.kind == .saga
        ? "\(restart); naos runs fork \(record.id) --from STEP keeps what does not need the step" : restart
    case .failed, .cancelled: return "naos runs retry \(record.id) lets it go on; \(restart)"
    case .paused: return "naos runs resume \(record.id) lets it go on; naos runs cancel \(record.id) ends it"
    case .queued, .running, .suspended, .compensating:
      return "naos runs wait \(record.id) waits for it; naos runs pause \(record.id) pauses it"
    }
  }

  static let pivotCode = "NX-RUN-057"

  private static func cannotGoBack(_ run: RunID) -> RuntimeRefusal {
    RuntimeRefusal(
      .conflict, code: pivotCode, message: "\(run) is past its pivot: it goes forward, and cannot be cancelled",
      hint: "naos runs pause \(run), or naos runs kill \(run), which leaves what is done as it is")
  }

  func takeUp(_ record: RunRecord, first: RunDriver.Message) async throws(RuntimeRefusal) -> Bool {
    do { return try await claim(record, first: first) } catch { throw Self.storage(error) }
  }

  func known(_ run: RunID) async throws(RuntimeRefusal) -> RunRecord {
    let record: RunRecord?
    do { record = try await services.store.run(run) } catch { throw Self.storage(error) }
    guard let record else {
      throw RuntimeRefusal(.notFound, code: "NX-RUN-001", message: "no run \(run)", hint: "naos runs list")
    }
    return record
  }
}
