// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What happens to an agent that goes round in circles, and how many calls it may make in one run.
package struct LoopSpec: Sendable, Hashable {
  package var onLoop: OnLoop
  /// Model calls of the agent in one run, all steps of a flow together; nil for no ceiling.
  package var maxCalls: Int?
  /// What happens when it suddenly spends many times as fast as before; it may have a good reason.
  package var onSpike: OnLoop

  package init(onLoop: OnLoop = .pause, maxCalls: Int? = nil, onSpike: OnLoop = .alert) {
    self.onLoop = onLoop
    self.onSpike = onSpike
    self.maxCalls = maxCalls
  }
}

/// What happens when a loop is certain.
package enum OnLoop: String, Sendable, CaseIterable {
  /// Refuses the call and pauses the run.
  case pause
  /// Refuses the call.
  case refuse
  /// Tells about it and lets it go on.
  case alert
}
