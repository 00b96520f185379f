// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

extension Submission {
  /// Writes all mutations inside the transaction that is open.
  ///
  /// Each one checks what can refuse it before it changes anything.
  func write(to connection: SQLiteConnection) throws(StoreError) {
    var writer = MutationWriter(connection: connection, payloads: PayloadCursor(payloads))
    for mutation in mutations { try writer.write(mutation) }
  }
}

/// Writes the mutations of one transaction.
struct MutationWriter {
  let connection: SQLiteConnection
  var payloads: PayloadCursor

  mutating func write(_ mutation: Mutation) throws(StoreError) {
    switch mutation {
    case .insertRun(let record): try insert(record)
    case .append(let run, let fence, let entries, let summary):
      try append(to: run, fence: fence, entries: entries, summary: summary)
    case .takeFence(let run, let from, let to):
      let changed = try connection.run(.takeFence, [.id(run), .integer(from.value), .integer(to.value)])
      connection.memory.forget(run)
      guard changed == 1 else { throw Self.stale(run) }
    case .deleteRun(let run): try delete(run)
    case .pruneRun(let run, let rows): try prune(run, rows)
    case .insertEffect(let row): try insert(row)
    case .setOutcome(let id, let state, let outcome): try set(outcome, state: state, of: id)
    case .setEffectState(let ids, let state):
      for id in ids {
        let changed = try connection.run(.setEffectState, [.id(id), .text(state.rawValue)])
        guard changed == 1 else { throw Self.missing(id) }
      }
    case .placeHold(let hold): try place(hold)
    case .settleHold(let charge): try settle(charge)
    case .setMarks(let marks):
      for mark in marks { try changeCounter(mark.key) { $0.mark = mark.mark } }
    case .raiseCounter(let key, let amount): try changeCounter(key) { $0.spent = $0.spent + amount }
    case .noteApproval(let approval): try write(approval)
    case .putContext(let context): try write(context)
    case .holdContext(let holds): for hold in holds { try check(hold) }
    case .putDefinition(let hash, let bytes): try connection.run(.insertDefinition, [.id(hash), .blob(bytes)])
    case .putAgent, .deleteAgent, .putComponent, .logRestart, .insertBoot: try writeNodeRow(mutation)
    case .audit(let change): try write(change)
    }
  }

  static func stale(_ run: RunID) -> StoreError {
    StoreError(.staleGuard, "the right to write for \(run) was lost")
  }

  static func missing(_ effect: EffectID) -> StoreError { StoreError(.notFound, "there is no effect \(effect)") }

  private func writeNodeRow(_ mutation: Mutation) throws(StoreError) {
    switch mutation {
    case .putAgent(let agent):
      try connection.run(
        .putAgent,
        [.id(agent.name), .bool(agent.stoppedByOperator), .text(agent.lastState), .time(agent.lastActivity)])
    case .deleteAgent(let name): try connection.run(.deleteAgent, [.id(name)])
    case .putComponent(let row):
      try connection.run(.putComponent, [.text(row.kind.rawValue), .text(row.name), .blob(row.state)])
    case .logRestart(let row):
      try connection.run(
        .insertRestart, [.id(row.supervisor), .id(row.child), .time(row.at), .text(row.reason)])
      try connection.run(.trimRestarts, [.integer(Int64(StoreLimits.restartRows))])
    case .insertBoot(let row):
      try connection.run(
        .insertBoot,
        [.id(row.id), .integer(Int64(row.pid)), .time(row.startedAt), .text(row.kernelBoot), .text(row.version)])
      try connection.run(.trimBoots, [.integer(Int64(StoreLimits.bootRows))])
    default: preconditionFailure("not a row of the node")
    }
  }

  // MARK: Blobs

  /// Keeps a long payload; one that is kept already gets one more use.
  func keep(_ payload: PreparedPayload?) throws(StoreError) {
    guard let payload, let digest = payload.digest else { return }
    try connection.run(.addBlob, [.id(digest), .blob(payload.bytes)])
  }

  /// Takes one use of a kept payload back, and the payload itself with the last.
  func drop(_ payload: StoredPayload?) throws(StoreError) {
    guard case .reference(let digest) = payload else { return }
    try connection.run(.dropBlob, [.id(digest)])
    try connection.run(.sweepBlob, [.id(digest)])
  }
}
