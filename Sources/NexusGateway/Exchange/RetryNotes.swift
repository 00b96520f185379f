// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension GatewayLimits {
  /// The limits on attempts at one call; the alias by which the model is named may set their number.
  func attempts(_ target: ModelTarget) -> CallAttempts.Limits {
    // Models of our own fail only because a script says so, and then the agent is to see it.
    if target.endpoint == nil { return CallAttempts.Limits(attempts: 1) }
    return CallAttempts.Limits(
      attempts: target.retries.map { $0 + 1 } ?? upstreamAttempts, wait: retryWait, firstDelay: firstRetryDelay,
      longestDelay: longestRetryDelay)
  }
}

extension GatewayServices {
  /// Tells whoever watches the run why its call takes longer.
  func tellRetry(_ call: ModelCall, _ account: String, after delay: Duration, attempt: Int) {
    tellNote(
      call.session.caller,
      "\(call.target.fullName) \(account); attempt \(attempt) in \(delay.wholeMilliseconds) ms")
  }

  /// A few words for whoever watches the run.
  func tellNote(_ caller: Caller, _ note: String) {
    guard let run = caller.run else { return }
    events.publish(.run(RunEvent(run: run, agent: caller.agent, status: RunStatus.running.rawValue, note: note)))
  }
}
