// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What happens to an agent that goes round in circles, and how many calls one of its runs may make.
package struct LoopSpec: Sendable, Hashable {
  package var onLoop: OnLoop
  /// Model calls of one run of the agent, or of one step of a flow; nil for no ceiling.
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
