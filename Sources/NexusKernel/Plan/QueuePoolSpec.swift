// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The name of a pool, by the same rule as an agent's.
package struct PoolName: Identifier {
  package let text: String
  package init(_ text: String) { self.text = text }
}

/// Workers of one agent that share a queue of work.
///
/// A worker of a task agent is a place in which one attempt at a time runs; of a service, one of its processes.
package struct QueuePoolSpec: Sendable, Hashable {
  /// The most workers of one pool.
  package static let maxWorkers = 1000
  /// How much may wait where the pool does not say.
  package static let defaultMaxQueue = 10_000

  package var name: PoolName
  package var agent: AgentName
  /// How many workers it begins with: `minSize` … `maxSize`.
  package var size: Int
  package var strategy: QueueStrategy
  package var minSize: Int
  package var maxSize: Int
  /// Nil: only `pool scale` changes its size.
  package var autoScale: AutoScaleSpec?
  /// How much may wait; more is refused.
  package var maxQueue: Int
  /// How much one worker may have at a time.
  package var capacity: Int

  /// A pool of fixed size, unless `minSize` and `maxSize` say otherwise.
  package init(
    name: PoolName, agent: AgentName, size: Int, strategy: QueueStrategy = .roundRobin, minSize: Int? = nil,
    maxSize: Int? = nil, autoScale: AutoScaleSpec? = nil, maxQueue: Int = Self.defaultMaxQueue, capacity: Int = 1
  ) {
    self.name = name
    self.agent = agent
    self.size = size
    self.strategy = strategy
    self.minSize = minSize ?? (autoScale == nil ? size : min(1, size))
    self.maxSize = maxSize ?? size
    self.autoScale = autoScale
    self.maxQueue = maxQueue
    self.capacity = capacity
  }
}

extension QueuePoolSpec {
  /// The limits of a pool of which nothing is known any more but its tasks: one after the other, and none is refused.
  package static func forgotten(_ name: PoolName) -> QueuePoolSpec {
    QueuePoolSpec(name: name, agent: AgentName(name.text), size: 1, maxQueue: .max)
  }

  /// The pool as it goes on without a configuration: of the size that it has, and never without a worker, because nobody
  /// could give it one.
  package var abandoned: QueuePoolSpec {
    var spec = self
    spec.autoScale = nil
    spec.minSize = max(1, minSize)
    spec.size = max(1, size)
    spec.maxSize = max(1, maxSize)
    return spec
  }
}

/// Which of the workers that have room gets the next piece of work.
package enum QueueStrategy: String, Sendable, CaseIterable {
  /// Each in its turn.
  case roundRobin = "round-robin"
  /// One that has the least; among those, the one that was given work longest ago.
  case leastBusy = "least-busy"
  case random
}

/// When a pool gets more workers, and when fewer.
package struct AutoScaleSpec: Sendable, Hashable {
  /// How much may wait for each worker before there are too few of them.
  package var targetQueuePerWorker: Int
  /// How long the queue must have been too long before workers are added.
  package var scaleUpAfter: Duration
  /// How long workers must have been idle before they are taken away.
  package var scaleDownAfter: Duration
  /// How long after a change of size no other is made.
  package var cooldown: Duration

  package init(
    targetQueuePerWorker: Int = 1, scaleUpAfter: Duration = .seconds(10), scaleDownAfter: Duration = .seconds(300),
    cooldown: Duration = .seconds(30)
  ) {
    self.targetQueuePerWorker = targetQueuePerWorker
    self.scaleUpAfter = scaleUpAfter
    self.scaleDownAfter = scaleDownAfter
    self.cooldown = cooldown
  }
}

/// What is to be known of a pool when neither the configuration nor the node of before can be asked.
package struct QueuePoolMemory: Sendable, Hashable {
  package var wish: QueuePoolWish
  /// What the configuration said last: it holds for the tasks of a pool that the configuration no longer has.
  ///
  /// Nil where an older version kept nothing but the wish.
  package var spec: QueuePoolSpec?
  package init(wish: QueuePoolWish = QueuePoolWish(), spec: QueuePoolSpec? = nil) {
    self.wish = wish
    self.spec = spec
  }
}

/// What a person wants of a pool, whatever the configuration says; it outlives the node.
package struct QueuePoolWish: Sendable, Hashable {
  package struct Size: Sendable, Hashable {
    package var wanted: Int
    /// What the configuration said then: once it says something else, that is the newer wish.
    package var configured: Int
    package init(wanted: Int, configured: Int) {
      self.wanted = wanted
      self.configured = configured
    }
  }

  /// Nil: the size of the configuration.
  package var size: Size?
  /// It takes no more work; what waits is done.
  package var isDraining: Bool
  package init(size: Size? = nil, isDraining: Bool = false) {
    self.size = size
    self.isDraining = isDraining
  }

  /// How many workers the pool begins with.
  package func size(of spec: QueuePoolSpec) -> Int {
    guard let size, size.configured == spec.size else { return spec.size }
    return min(max(size.wanted, spec.minSize), spec.maxSize)
  }
}
