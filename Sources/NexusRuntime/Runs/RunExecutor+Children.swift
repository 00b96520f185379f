// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

// Runs that other runs wait for.
extension RunExecutor {
  /// Starts the run of a step, or finds the one that was started under this idempotency key.
  ///
  /// - Parameters:
  ///   - name: of the workflow, saga or pool.
  ///   - definition: as the parent's own definition carries it; without one it is what the configuration has today.
  ///   - input: of the new run.
  ///   - idempotencyKey: of the step, which is known once for each name.
  ///   - parent: the step that waits.
  /// - Throws: `RuntimeRefusal`, of the kind `unavailable` or `storage` if it can help to ask again.
  /// - Returns: the run, new or found.
  func startChild(
    _ name: String, _ definition: FlowDefinition?, input: JSONValue, idempotencyKey: String, parent: StepAddress
  ) async throws(RuntimeRefusal) -> RunID {
    try isOpen()
    try mayStartOthers(parent.run)
    guard let definition = definition ?? plan.flow(name) else {
      throw RuntimeRefusal(
        .notFound, code: "NX-RUN-042", message: "step \(parent.step) runs `\(name)`, which is not defined")
    }
    try permit(definition)
    let order = RunOrder(
      name: name, subject: .flow(definition), input: input, idempotencyKey: idempotencyKey, parent: parent.run)
    return try await create(order).id
  }

  /// Tells the step when the run is over; at once if it is.
  ///
  /// A run that nobody works on is taken up; one that is paused is simply not over yet.
  func watch(_ child: RunID, for step: StepAddress) async throws(RuntimeRefusal) {
    children.add(child, for: step)
    guard drivers[child] == nil else { return }
    do throws(StoreError) {
      guard let record = try await services.store.run(child) else {
        let error = RunError(code: "NX-RUN-001", message: "no run \(child)", isRetryable: false)
        return tellParents(of: child, ChildEnd(status: .failed, output: nil, error: error))
      }
      if record.summary.status.isFinal {
        tellParents(of: child, ChildEnd(record.summary))
      } else if record.summary.status.goesOnByItself {
        _ = try await claim(record)
      }
    } catch {
      throw Self.storage(error)
    }
  }

  /// Nobody waits for the run on behalf of the step any more.
  func forget(_ child: RunID, for step: StepAddress) { children.remove(child, for: step) }

  /// Ends a run for the sake of the one that waits for it, which is told when it is over.
  func end(_ child: RunID, for step: StepAddress, by who: String, kill: Bool) async throws(RuntimeRefusal) {
    try await watch(child, for: step)
    guard children.contains(child, for: step) else { return }
    do throws(RuntimeRefusal) {
      try await cancel(child, by: who, kill: kill)
    } catch {
      guard error.kind == .conflict else { throw error }
      // Past its pivot it comes to an end by itself, which is waited for.
      if error.code == Self.pivotCode { return }
      // It has just ended, or somebody takes it up right now: asked again, it is one or the other.
      try await watch(child, for: step)
      guard children.contains(child, for: step) else { return }
      throw RuntimeRefusal(.unavailable, code: error.code, message: error.message)
    }
  }

  /// A run has come to its end: whoever waits for it goes on.
  func tellParents(of child: RunID, _ end: ChildEnd) {
    for step in children.take(child) { drivers[step.run]?.post(.childEnded(step.step, end)) }
    onEnd(child)
  }
}
