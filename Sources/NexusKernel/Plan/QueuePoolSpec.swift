// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A pool that hands each task to one of several workers of the same agent.
package struct QueuePoolSpec: Sendable, Hashable {
  /// The most workers of one pool.
  package static let maxWorkers = 1_000

  package var name: String
  package var agent: AgentName
  /// How many workers it has, at the start if their number changes.
  package var size: Int
  package var strategy: QueueStrategy
  /// The fewest and the most workers; both are `size` unless the pool scales.
  package var minSize: Int
  package var maxSize: Int
  /// Whether workers are added while tasks wait, and removed while workers do.
  package var autoScale: Bool
  /// Not empty: every run of it is refused with these reasons.
  package var refusals: [PlanRefusal]

  package init(name: String, agent: AgentName, size: Int = 1, strategy: QueueStrategy = .roundRobin) {
    self.name = name
    self.agent = agent
    self.size = size
    self.strategy = strategy
    minSize = size
    maxSize = size
    autoScale = false
    refusals = []
  }
}

/// Which worker gets the next task.
package enum QueueStrategy: String, Sendable, CaseIterable {
  /// One after the other.
  case roundRobin = "round-robin"
  /// The one with the fewest tasks.
  case leastBusy = "least-busy"
  case random
}
