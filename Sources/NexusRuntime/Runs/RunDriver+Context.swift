// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import Synchronization

// What the steps of a run have read and written of the project's state.
extension RunDriver {
  private var context: ContextDesk { ContextDesk(services: services, hash: executor.hash) }

  /// Tells the machine how what a step has read stands now, just before it decides about what came out of it.
  func noteStanding(of step: StepPath, _ machine: inout any DurableMachine) async {
    let items = machine.readItems(step)
    guard !items.isEmpty else { return }
    // What cannot be read is unknown, which is for the machine to make something of.
    machine.note(standing: try? await context.standing(of: items.map(\.key)))
  }

  /// Remembers what an attempt has written, until it is known what came out of it.
  func noteWrites(of open: AttemptTable.Open, at step: StepPath) {
    let keys = open.context.written
    guard !keys.isEmpty else { return }
    let writer = ContextWriter(agent: open.agent.name, run: run, step: step, attempt: open.attempt)
    written.withLock { written in
      let before = written[step]?.keys ?? []
      written[step] = (before.union(keys), writer)
    }
  }

  /// What came out of a step is rejected: what it wrote is taken back, and who has read it is told.
  ///
  /// - Returns: why that could not be done; the run is taken up anew then, and its step tried again.
  func quarantine(_ entries: [RunEntry]) async -> StoreError? {
    for entry in entries {
      guard case .judged(let step, let judgement) = entry, judgement.subject == .output else { continue }
      guard let (keys, writer) = written.withLock({ $0.removeValue(forKey: step) }), !judgement.mayProceed else {
        continue
      }
      do throws(StoreError) {
        for (key, versions) in try await context.quarantine(keys, by: writer) { tell(key, versions, of: step) }
      } catch {
        return error.mayPass ? StoreError(.unknownOutcome, error.message) : error
      }
    }
    return nil
  }

  private func tell(_ key: String, _ versions: [ContextVersion], of step: StepPath) {
    let readers = versions.flatMap(\.readers).map { "\($0.run)/\($0.step)" }
    let words =
      "\(step): `\(key)` is quarantined" + (readers.isEmpty ? "" : "; read by \(readers.joined(separator: ", "))")
    services.events.publish(.run(RunEvent(run: run, agent: AgentName(name), status: "running", note: words)))
  }
}
