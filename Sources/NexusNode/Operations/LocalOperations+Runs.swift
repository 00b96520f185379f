// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusKernel
internal import NexusRuntime
internal import NexusStore

// What operators do to runs, on the node in this process.
extension LocalOperations {
  static let operatorName = "operator"

  func flows() async throws(OperationError) -> FlowList {
    let pools = parts.runtime.pools
    return FlowReports.list(parts.plan) { pools.standing(of: $0.name) }
  }

  func change(_ run: RunID, _ change: RunChange) async throws(OperationError) -> RunReport {
    let changed: RunID
    do throws(RuntimeRefusal) { changed = try await perform(change, on: run) } catch { throw OperationError(error) }
    return try await report(try await record(changed))
  }

  func prune(_ runs: PruneRuns) async throws(OperationError) -> PruneRunsReport {
    var retention = RetentionSpec()
    if runs.ended != "failed" { retention.completed = runs.olderThan }
    if runs.ended != "completed" { retention.failed = runs.olderThan }
    do throws(StoreError) {
      let report = try await parts.runtime.executor.prune(retention, dryRun: runs.dryRun)
      return PruneRunsReport(runs: report.runs, examples: report.examples, dryRun: runs.dryRun)
    } catch {
      throw OperationError(error)
    }
  }

  /// - Returns: the run, or the new one that the change began.
  private func perform(_ change: RunChange, on run: RunID) async throws(RuntimeRefusal) -> RunID {
    let executor = parts.runtime.executor
    let who = Self.operatorName
    switch change {
    case .pause: try await executor.pause(run, by: who)
    case .cancel: try await executor.cancel(run, by: who)
    case .kill: try await executor.cancel(run, by: who, kill: true)
    case .resume(nil): try await executor.resume(run, by: who)
    case .resume(let reason?): try await executor.acceptHalt(of: run, by: who, reason: reason)
    case .rollback(let checkpoint, let reason, let unverified):
      try await executor.rollBack(run, to: checkpoint, by: who, reason: reason, allowsUnverified: unverified)
    case .retry(let newKeys): try await executor.retry(run, by: who, newKeys: newKeys)
    case .skip(let step, let reason): try await executor.skip(run, step: step, by: who, reason: reason)
    case .markDone(let step, let output): try await executor.markDone(run, step: step, by: who, output: output)
    case .decide(let step, let word, let note):
      guard let decision = GateDecision(rawValue: word) else {
        throw RuntimeRefusal(
          .invalid, code: "NX-GAT-074", message: "`\(word)` is no decision", hint: "it is accept, retry or stop")
      }
      try await executor.decide(run, step: step, decision, by: who, note: note)
    case .signal(let name, let id, let payload): try await executor.signal(run, name: name, id: id, payload: payload)
    case .restart: return try await executor.restart(run).id
    case .fork(let order): return try await fork(run, order)
    }
    return run
  }
}
