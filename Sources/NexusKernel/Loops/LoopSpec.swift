// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What happens to an agent that goes round in circles, and how many calls it may make in one run.
package struct LoopSpec: Sendable, Hashable {
  package var onLoop: OnLoop
  /// Model calls of the agent in one run, all steps of a flow together; nil for no ceiling.
  package var maxCalls: Int?

  package init(onLoop: OnLoop = .pause, maxCalls: Int? = nil) {
    self.onLoop = onLoop
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
