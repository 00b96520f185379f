// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusWasm
import Testing

/// Who works, who rests and who waits.
struct WorkerPoolTests {
  private typealias Pool = WorkerPool<Int>
  private let a = WorkerPool<Int>.Key(tenant: "t", module: "a")
  private let b = WorkerPool<Int>.Key(tenant: "t", module: "b")

  private func pool(perModule: Int = 2, workers: Int = 3, waiting: Int = 1) -> WorkerPool<Int> {
    var limits = WorkerPool<Int>.Limits()
    (limits.perModule, limits.workers, limits.waiting) = (perModule, workers, waiting)
    return WorkerPool(limits: limits)
  }

  @Test func `a worker at rest is used again, the last one first`() {
    var pool = pool()
    #expect(pool.begin(a) == .start(ending: nil))
    #expect(pool.begin(a) == .start(ending: nil))
    pool.end(a, resting: 1)
    pool.end(a, resting: 2)
    #expect(pool.begin(a) == .use(2))
    #expect(pool.begin(a) == .use(1))
  }

  @Test func `over its share a call waits, and over the queue it is refused`() {
    var pool = pool()
    _ = pool.begin(a)
    _ = pool.begin(a)
    #expect(pool.begin(a) == .wait)
    #expect(pool.begin(a) == .refuse)
    pool.end(a, resting: 7)
    pool.wake(a)
    #expect(pool.begin(a) == .use(7))
  }

  @Test func `one at rest of another module makes room`() {
    var pool = pool(perModule: 3)
    for _ in 0..<3 { _ = pool.begin(a) }
    #expect(pool.begin(b) == .refuse)
    pool.end(a, resting: 1)
    #expect(pool.begin(b) == .start(ending: 1))
    pool.end(b, resting: nil)
    #expect(pool.begin(b) == .start(ending: nil))
  }

  @Test func `tenants share no worker`() {
    var pool = pool()
    _ = pool.begin(a)
    pool.end(a, resting: 1)
    #expect(pool.begin(Pool.Key(tenant: "u", module: "a")) == .start(ending: nil))
  }
}
