// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import NexusKernel
internal import NexusStore

// What operators ask of runs.
extension RunExecutor {
  package func cancel(_ run: RunID, by who: String, kill: Bool = false) async throws(RuntimeRefusal) {
    if let driver = drivers[run] {
      if kill { driver.kill(by: who) } else { driver.post(.cancel(by: who)) }
      return
    }
    try await revive(
      run, kill ? .kill(by: who) : .cancel(by: who), verb: "cancel", allowed: RunStatus.unfinished.union([.paused]))
  }

  package func pause(_ run: RunID, by who: String) throws(RuntimeRefusal) {
    guard let driver = drivers[run] else {
      throw RuntimeRefusal(.conflict, code: "NX-RUN-002", message: "\(run) is not running here")
    }
    driver.post(.pause(by: who))
  }

  package func resume(_ run: RunID, by who: String) async throws(RuntimeRefusal) {
    try await revive(run, .resume(by: who), verb: "resume", allowed: [.paused])
  }

  /// Has a run go on that came to a bad end; with `newKeys` its effects are known by new idempotency keys from here on,
  /// so that they happen again.
  package func retry(_ run: RunID, by who: String, newKeys: Bool = false) async throws(RuntimeRefusal) {
    await forgiveAgents(of: run)
    try await revive(run, .retry(by: who, newKeys: newKeys), verb: "retry", allowed: [.failed, .cancelled, .paused])
  }

  /// Takes a run up that nobody drives; `event` is what happens to it first.
  private func revive(
    _ run: RunID, _ event: DurableEvent, verb: String, allowed: Set<RunStatus>
  ) async throws(RuntimeRefusal) {
    let record = try await known(run)
    guard drivers[run] == nil, allowed.contains(record.summary.status) else {
      throw RuntimeRefusal(
        .conflict, code: "NX-RUN-002", message: "\(run) is \(record.summary.status.rawValue): it cannot \(verb)")
    }
    guard try await takeUp(record, first: .event(event)) else {
      throw RuntimeRefusal(
        .conflict, code: "NX-RUN-002", message: "\(run) is being taken up by somebody else right now: ask again")
    }
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
