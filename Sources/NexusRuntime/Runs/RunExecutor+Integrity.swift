// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
internal import NexusStore

// What operators do about runs that cannot be trusted, or that went wrong.
extension RunExecutor {
  /// Has a halted run go on all the same, for a reason that is written down.
  package func acceptHalt(of run: RunID, by who: String, reason: String) async throws(RuntimeRefusal) {
    guard !reason.isEmpty else {
      throw RuntimeRefusal(
        .invalid, code: "NX-GAT-101", message: "a halted run goes on only for a reason, which is written down",
        hint: "naos runs resume \(run) --accept \"…\"")
    }
    try short(reason, "the reason of it")
    _ = try await atRest(run)
    try await revive(run, .acceptHalt(by: who, reason: reason), verb: "be resumed with a reason", allowed: [.halted])
  }

  /// Undoes what a run that stands still did after a checkpoint, and has it go on from there.
  package func rollBack(
    _ run: RunID, to number: Int, by who: String, reason: String, allowsUnverified: Bool
  ) async throws(RuntimeRefusal) {
    try short(reason, "the reason of a roll-back")
    let record = try await atRest(run)
    try hasSteps(
      run, record.kind, hint: "naos runs fork \(run) --from call:N keeps what it did before a model call")
    let machine = try await machine(of: record)
    if let obstacle = machine.obstacle(to: number, allowsUnverified: allowsUnverified) {
      throw Self.refusal(of: obstacle, record, number)
    }
    let target = machine.checkpoints.first { $0.number == number }?.at ?? record.createdAt
    try await revive(
      run, .rollBack(to: number, by: who, reason: reason, allowsUnverified: allowsUnverified), verb: "go back",
      allowed: [.halted, .paused, .failed])
    onRollback(run, target)
  }

  /// The run, once what its halt has killed is over.
  private func atRest(_ run: RunID) async throws(RuntimeRefusal) -> RunRecord {
    let record = try await known(run)
    guard record.summary.status == .halted else { return record }
    await wait(for: run, until: .letGo)
    return try await known(run)
  }

  /// The run as its journal has it.
  private func machine(of record: RunRecord) async throws(RuntimeRefusal) -> FlowMachine {
    let subject: RunSubject
    let journal: [JournalEntry]
    do throws(StoreError) {
      subject = try await self.subject(of: record)
      journal = try await services.store.journal(of: record.id, after: .none, limit: .max)
    } catch {
      throw Self.storage(error)
    }
    guard case .flow(let definition) = subject else { throw unreadable(record.kind.rawValue) }
    var machine = FlowMachine(run: record.id, definition: definition, input: record.input)
    for entry in journal { machine.apply(entry) }
    return machine
  }

  private static func refusal(of obstacle: RollbackObstacle, _ record: RunRecord, _ number: Int) -> RuntimeRefusal {
    let run = record.id
    let list = "naos runs checkpoints \(run)"
    switch obstacle {
    case .pool:
      return RuntimeRefusal(
        .conflict, code: "NX-GAT-104", message: "\(run) is a pool: its members have no order to go back in",
        hint: "naos runs restart \(run)")
    case .status:
      return RuntimeRefusal(
        .conflict, code: "NX-GAT-104",
        message: "\(run) is \(record.summary.status.rawValue): only a run that is halted, paused or failed goes back",
        hint: waysOn(from: record))
    case .unknown, .undone:
      return RuntimeRefusal(
        .notFound, code: "NX-GAT-102", message: "\(run) has no checkpoint \(number) that stands", hint: list)
    case .unverified:
      return RuntimeRefusal(
        .conflict, code: "NX-GAT-103", message: "no validator has let checkpoint \(number) of \(run) pass",
        hint: "\(list); with --unverified it is gone back to all the same")
    case .pivot:
      return RuntimeRefusal(
        .conflict, code: "NX-GAT-104",
        message: "\(run) has passed its point of no return after checkpoint \(number), or may have", hint: list)
    }
  }
}
