// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

/// Counts that a task of a queue pool crashed; false if it was once too often, nil if the run is no such task.
typealias TaskCrashCount = @Sendable (RunID, RestartIntensity, _ reason: String) -> Bool?

// Tasks of queue pools: strangers that share an agent. One that crashes by what it was given is no reason to refuse the
// others, so each counts in a window of its own, as wide as that of the agent.
extension SupervisorHost {
  struct TaskAnswer {
    /// Why the task may not be tried again; nil if it may.
    let refusal: String?
  }

  func setTaskCrashCount(_ count: @escaping TaskCrashCount) { countTaskCrash = count }

  /// - Returns: nil if the attempt counts for its agent, as those of all other runs.
  func taskCrashed(_ child: ChildName, reason: String) -> TaskAnswer? {
    guard case .attempt(let agent, let run, _) = child,
      // The supervisor of a significant child has to see how that ends.
      tree.specification(of: .agent(agent))?.isSignificant != true
    else { return nil }
    let intensity = tree.restarts(of: .agent(agent), at: services.clock.now())?.intensity ?? RestartIntensity()
    guard let isAllowed = countTaskCrash(run, intensity, reason) else { return nil }
    release(child, .shutdown(reason))
    return TaskAnswer(refusal: isAllowed ? nil : "the task failed: \(intensity.exceeded(by: reason))")
  }
}
