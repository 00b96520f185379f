// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The workers of all skills: some at work, some at rest, each for one module of one tenant.
package struct WorkerPool<Worker: Sendable>: Sendable {
  package struct Limits: Sendable {
    /// Calls of one module at the same time.
    package var perModule = 4
    package var workers = 32
    /// Calls that wait for a worker.
    package var waiting = 1024
    package init() {}
  }

  package struct Key: Sendable, Hashable {
    package var tenant: String
    package var module: String
    package init(tenant: String, module: String) {
      self.tenant = tenant
      self.module = module
    }
  }

  /// What a call does next.
  package enum Step: Sendable {
    case use(Worker)
    /// Start one; first end this one, of another module.
    case start(ending: Worker?)
    case wait
    case refuse
  }

  package let limits: Limits
  private var resting: [(key: Key, worker: Worker)] = []
  private var atWork: [Key: Int] = [:]
  private var waiting: [Key: Int] = [:]

  package init(limits: Limits = Limits()) { self.limits = limits }

  private var count: Int { resting.count + atWork.values.reduce(0, +) }

  /// A call of a module begins, or goes on after it waited.
  package mutating func begin(_ key: Key) -> Step {
    // The one that worked last is the one whose memory is warm.
    if let index = resting.lastIndex(where: { $0.key == key }) {
      atWork[key, default: 0] += 1
      return .use(resting.remove(at: index).worker)
    }
    guard atWork[key, default: 0] < limits.perModule, count < limits.workers || !resting.isEmpty else {
      guard atWork[key, default: 0] > 0, waiting.values.reduce(0, +) < limits.waiting else { return .refuse }
      waiting[key, default: 0] += 1
      return .wait
    }
    atWork[key, default: 0] += 1
    return .start(ending: count > limits.workers ? resting.removeFirst().worker : nil)
  }

  /// Whoever waited goes on.
  package mutating func wake(_ key: Key) {
    waiting[key, default: 1] -= 1
    if waiting[key] == 0 { waiting[key] = nil }
  }

  /// A call is over; a worker that goes on is at rest now.
  package mutating func end(_ key: Key, resting worker: Worker?) {
    atWork[key, default: 1] -= 1
    if atWork[key] == 0 { atWork[key] = nil }
    if let worker { resting.append((key, worker)) }
  }

  /// Takes all that rest.
  package mutating func drain() -> [Worker] {
    defer { resting = [] }
    return resting.map(\.worker)
  }
}

extension WorkerPool.Step: Equatable where Worker: Equatable {}
