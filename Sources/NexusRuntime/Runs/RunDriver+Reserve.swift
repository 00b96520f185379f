// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import Synchronization

/// What a run wants kept for its compensations.
final class ReserveWish: Sendable {
  private struct State {
    var wanted: [CompensationReserve] = []
    var kept: [CompensationReserve] = []
    var isOver = false
    var beganInDebt: Bool?
  }

  /// The run may have to go back, and has not said that this costs nothing.
  let isNeeded: Bool
  private let state = Mutex(State())

  init(_ subject: RunSubject) {
    if case .flow(let definition) = subject { isNeeded = definition.keepsReserve } else { isNeeded = false }
  }

  func wants(_ reserves: [CompensationReserve]) { state.withLock { $0.wanted = reserves } }

  /// What is wanted and not kept yet.
  var missing: [CompensationReserve]? {
    state.withLock { $0.isOver || $0.wanted == $0.kept ? nil : $0.wanted }
  }

  /// Nothing was wanted here yet.
  var isUnheard: Bool { state.withLock { !$0.isOver && $0.wanted.isEmpty } }

  /// Whether the journal held something to undo when the first step began here: whatever begins here is asked about by
  /// itself, and journals are long.
  func beganInDebt(_ look: () -> Bool) -> Bool {
    state.withLock { state in
      if let known = state.beganInDebt { return known }
      let known = look()
      state.beganInDebt = known
      return known
    }
  }

  func keeps(_ reserves: [CompensationReserve]) { state.withLock { $0.kept = reserves } }

  /// True once: there is no way back any more.
  func ends() -> Bool {
    state.withLock { state in
      defer { state.isOver = true }
      return !state.isOver
    }
  }
}

// What budgets keep so that the run can be undone.
extension RunDriver {
  /// Before the first step begins that can be undone, what that costs has to be kept; behind the pivot no more.
  ///
  /// The same goes for whatever begins after such a step: a run that a person has retried, and one that was forked from
  /// another, has kept nothing yet.
  func noteReserve(for actions: [DurableAction], _ machine: any DurableMachine) {
    guard reserve.isNeeded, let flow = machine as? FlowMachine else { return }
    if flow.isBehindReturn {
      if reserve.ends() { services.boundary.releaseReserve(of: run) }
    } else if actions.contains(where: { begins($0, flow) }) {
      reserve.wants(flow.reserves)
    } else if reserve.isUnheard, actions.contains(where: isUndo) {
      // Nothing keeps it from being undone; what budgets have left is kept for that.
      let reserves = flow.keptReserves
      reserve.wants(reserves)
      _ = services.boundary.keep(inFlows(reserves), for: run, isForced: true)
      reserve.keeps(reserves)
    }
  }

  private func begins(_ action: DurableAction, _ flow: FlowMachine) -> Bool {
    switch action {
    case .startAttempt(let order):
      !order.isCompensation && (flow.canBeUndone(order.step) || isInDebt(flow))
    case .startChild(let step, _, _, _): flow.canBeUndone(step) || isInDebt(flow)
    default: false
    }
  }

  /// What undoes a step counts in the budgets of its flows, so it is kept there, too.
  private func inFlows(_ reserves: [CompensationReserve]) -> [CompensationReserve] {
    reserves.map { reserve in
      var reserve = reserve
      reserve.flows = payers.flows
      return reserve
    }
  }

  private func isInDebt(_ flow: FlowMachine) -> Bool {
    reserve.isUnheard && reserve.beganInDebt { flow.mayHaveToUndo }
  }

  private func isUndo(_ action: DurableAction) -> Bool {
    if case .startAttempt(let order) = action { order.isCompensation } else { false }
  }

  /// Has the budgets keep what the run wants kept.
  ///
  /// - Returns: why a step that can be undone must not begin.
  func keepReserve() -> BudgetRefusal? {
    guard reserve.isNeeded, let missing = reserve.missing else { return nil }
    if let refusal = services.boundary.keep(inFlows(missing), for: run, isForced: false) {
      services.meter.count(.budgetActions, [refusal.action.rawValue])
      return refusal
    }
    reserve.keeps(missing)
    return nil
  }

  /// The end of an attempt that does not begin for want of a reserve: tried again if there may be room soon.
  static func end(for refusal: BudgetRefusal) -> AttemptEnd {
    guard refusal.reason == .busy else { return AttemptEnd(outcome: .budgetStopped(refusal)) }
    return AttemptEnd(outcome: .crashed(RunError(code: "NX-BUD-021", message: refusal.message)))
  }

  /// The same for a step that is a run.
  static func failure(for refusal: BudgetRefusal) -> RuntimeRefusal {
    refusal.reason == .busy
      ? RuntimeRefusal(.unavailable, code: "NX-BUD-021", message: refusal.message)
      : RuntimeRefusal(.refused, code: "NX-BUD-020", message: refusal.message)
  }
}

extension RunExecutor {
  /// Keeps what the sagas need that the node before this one left, before anything is spent here.
  ///
  /// Those that stand still keep it, too: a person may have them go back.
  func keepReserves() async throws(StoreError) {
    var before: RunID?
    while true {
      let page = try await services.store.runs(
        RunQuery(kinds: [.saga], statuses: RunStatus.unfinished.union([.paused, .halted]), before: before, limit: 256))
      guard let last = page.last else { return }
      var sagas: [RunID: (record: RunRecord, definition: FlowDefinition)] = [:]
      for record in page {
        guard case .flow(let definition) = try await subject(of: record), definition.keepsReserve else { continue }
        sagas[record.id] = (record, definition)
      }
      let runs = page.map(\.id).filter { sagas[$0] != nil }
      try await services.store.forEachJournal(of: runs) { run, journal throws(StoreError) in
        // What cannot be read goes neither on nor back; whoever takes it up says so.
        guard let (record, definition) = sagas[run], case .success(let journal) = journal else { return }
        var machine = FlowMachine(run: record.id, definition: definition, input: record.input)
        services.atWork(record.id) { for entry in journal { machine.apply(entry) } }
        var reserves = machine.keptReserves
        if reserves.isEmpty { return }
        let drawn = try await drawn(by: record.id, machine)
        let flows = try await payers(of: record).flows
        for index in reserves.indices {
          reserves[index].drawn = drawn[reserves[index].agent] ?? .zero
          reserves[index].flows = flows
        }
        _ = services.boundary.keep(reserves, for: record.id, isForced: true)
      }
      before = last.id
    }
  }

  /// What compensations of the run have come to, by their agents; calls of unknown cost with what they are charged.
  private func drawn(by run: RunID, _ machine: FlowMachine) async throws(StoreError) -> [AgentName: Spend] {
    let calls = Set(
      try await services.store.effects(of: run).filter { machine.isCompensation($0.step) }.map(\.record.id))
    var drawn: [AgentName: Spend] = [:]
    if calls.isEmpty { return drawn }
    for charge in try await services.store.charges(ChargeQuery(run: run, limit: .max)) where calls.contains(charge.id) {
      drawn[charge.agent] = (drawn[charge.agent] ?? .zero) + charge.spend
    }
    return drawn
  }
}
