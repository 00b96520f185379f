// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

// The runs that a run waits for.
extension RunDriver {
  /// The time before a node that cannot start or end a child right now is asked again.
  static let childPause = Duration.seconds(1)

  func startChild(of step: StepPath, name: String, input: JSONValue, idempotencyKey: String) async {
    var definition: FlowDefinition?
    if case .flow(let own) = subject { definition = own.children[name] }
    await untilSettled(step) { () async throws(RuntimeRefusal) in
      if let refusal = keepReserve() { throw Self.failure(for: refusal) }
      let child = try await executor.startChild(
        name, definition, input: input, idempotencyKey: idempotencyKey, parent: StepAddress(run: run, step: step))
      // In this order: its end may be known already.
      post(.childStarted(step, child))
      try await executor.watch(child, for: StepAddress(run: run, step: step))
    }
  }

  func awaitChild(_ child: RunID, of step: StepPath) async {
    await untilSettled(step) { () async throws(RuntimeRefusal) in
      try await executor.watch(child, for: StepAddress(run: run, step: step))
    }
  }

  func stopChild(_ child: RunID, of step: StepPath, _ policy: ParentClose) async {
    let address = StepAddress(run: run, step: step)
    switch policy {
    case .abandon: await executor.forget(child, for: address)
    case .cancel, .kill:
      await untilSettled(step) { () async throws(RuntimeRefusal) in
        try await executor.end(child, for: address, by: "run \(run)", kill: policy == .kill)
      }
    }
  }

  /// Does what may be refused for a while, and tells the run if it is refused for good.
  private func untilSettled(_ step: StepPath, _ body: () async throws(RuntimeRefusal) -> Void) async {
    while !Task.isCancelled {
      do throws(RuntimeRefusal) {
        return try await body()
      } catch {
        switch error.kind {
        case .unavailable, .storage:
          do { try await services.clock.sleep(until: services.clock.now() + Self.childPause) } catch { return }
        case .notFound, .conflict, .refused, .invalid:
          let reason = RunError(code: error.code, message: error.message, isRetryable: false)
          post(.childEnded(step, ChildEnd(status: .failed, output: nil, error: reason)))
          return
        }
      }
    }
  }
}
