// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel
import Testing

/// Who of the workers gets which task, and how many workers there are.
@Suite struct QueuePoolMachineTests {
  private static func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }
  private static func task(_ number: Int) -> RunID { RunID("run_\(1000 + number)") }

  private static func spec(
    size: Int, strategy: QueueStrategy = .roundRobin, minSize: Int? = nil, maxSize: Int? = nil,
    autoScale: AutoScaleSpec? = nil, capacity: Int = 1
  ) -> QueuePoolSpec {
    QueuePoolSpec(
      name: PoolName("p"), agent: AgentName("a"), size: size, strategy: strategy, minSize: minSize, maxSize: maxSize,
      autoScale: autoScale, capacity: capacity)
  }

  private static func machine(_ spec: QueuePoolSpec, seed: UInt64 = 1) -> QueuePoolMachine {
    QueuePoolMachine(spec, seed: seed, at: at(0))
  }

  private static func workers(_ assignments: [QueuePoolMachine.Assignment]) -> [Int] { assignments.map(\.worker) }

  @Test func `no more begin than there are workers, in the order of creation`() {
    var machine = Self.machine(Self.spec(size: 2))
    var begun: [RunID] = []
    for number in [3, 1, 4, 2] { begun += machine.handle(.arrived(Self.task(number)), at: Self.at(0)).map(\.task) }
    #expect(begun == [Self.task(3), Self.task(1)])
    #expect(machine.waitingCount == 2)
    #expect(machine.handle(.left(Self.task(1)), at: Self.at(1)).map(\.task) == [Self.task(2)])
    #expect(machine.handle(.left(Self.task(3)), at: Self.at(1)).map(\.task) == [Self.task(4)])
  }

  @Test func `one that leaves the queue never begins`() {
    var machine = Self.machine(Self.spec(size: 1))
    for number in 1...3 { _ = machine.handle(.arrived(Self.task(number)), at: Self.at(0)) }
    #expect(machine.handle(.left(Self.task(2)), at: Self.at(0)) == [])
    #expect(machine.handle(.left(Self.task(1)), at: Self.at(0)).map(\.task) == [Self.task(3)])
    #expect(machine.handle(.arrived(Self.task(3)), at: Self.at(0)) == [], "it is under way already")
    #expect(machine.busyCount == 1 && machine.waitingCount == 0)
  }

  @Test func `round-robin gives each in its turn`() {
    var machine = Self.machine(Self.spec(size: 3, capacity: 2))
    var order: [Int] = []
    for number in 1...6 { order += Self.workers(machine.handle(.arrived(Self.task(number)), at: Self.at(0))) }
    #expect(order == [1, 2, 3, 1, 2, 3])
    #expect(machine.loads == [2, 2, 2])
    _ = machine.handle(.left(Self.task(5)), at: Self.at(1))
    #expect(Self.workers(machine.handle(.arrived(Self.task(7)), at: Self.at(1))) == [2])
  }

  @Test func `least-busy gives the one that has the least, of equals the one that waited longest`() {
    var machine = Self.machine(Self.spec(size: 3, strategy: .leastBusy, capacity: 3))
    for number in 1...3 { _ = machine.handle(.arrived(Self.task(number)), at: Self.at(0)) }
    _ = machine.handle(.left(Self.task(3)), at: Self.at(1))
    #expect(Self.workers(machine.handle(.arrived(Self.task(4)), at: Self.at(1))) == [3])
    #expect(Self.workers(machine.handle(.arrived(Self.task(5)), at: Self.at(1))) == [1])
  }

  @Test func `random reaches every worker, and is the same for one seed`() {
    func order(_ seed: UInt64) -> [Int] {
      var machine = Self.machine(Self.spec(size: 4, strategy: .random, capacity: 100), seed: seed)
      return (1...100).flatMap { Self.workers(machine.handle(.arrived(Self.task($0)), at: Self.at(0))) }
    }
    #expect(order(7) == order(7))
    #expect(order(7) != order(8))
    #expect(Set(order(7)) == [1, 2, 3, 4])
  }

  @Test func `fewer workers finish what they have, and get no more`() {
    var machine = Self.machine(Self.spec(size: 3, minSize: 1, maxSize: 4))
    for number in 1...5 { _ = machine.handle(.arrived(Self.task(number)), at: Self.at(0)) }
    #expect(machine.handle(.scale(1), at: Self.at(1)) == [])
    #expect(machine.size == 1 && machine.loads == [1, 1, 1])
    #expect(machine.handle(.left(Self.task(3)), at: Self.at(2)) == [])
    #expect(machine.loads == [1, 1])
    #expect(Self.workers(machine.handle(.left(Self.task(1)), at: Self.at(2))) == [1])
    #expect(machine.handle(.scale(99), at: Self.at(3)).map(\.task) == [Self.task(5)], "as many as may be")
    #expect(machine.size == 4)
  }

  // MARK: Growing and shrinking

  private static let rule = AutoScaleSpec(
    targetQueuePerWorker: 2, scaleUpAfter: .seconds(10), scaleDownAfter: .seconds(100), cooldown: .seconds(30))

  @Test func `a queue that stays too long gets more workers, one that is short does not`() {
    var machine = Self.machine(Self.spec(size: 1, minSize: 1, maxSize: 5, autoScale: Self.rule))
    for number in 1...9 { _ = machine.handle(.arrived(Self.task(number)), at: Self.at(0)) }
    #expect(machine.size == 1)
    #expect(machine.nextTick == Self.at(10))
    #expect(machine.handle(.tick, at: Self.at(9)) == [])
    // Eight wait: two for each of four.
    #expect(machine.handle(.tick, at: Self.at(10)).count == 3)
    #expect(machine.size == 4)
    #expect(machine.nextTick == nil, "five wait for four")
  }

  @Test func `workers that are idle for long go, down to the fewest, and never right after a change`() {
    var machine = Self.machine(Self.spec(size: 4, minSize: 2, maxSize: 5, autoScale: Self.rule))
    _ = machine.handle(.arrived(Self.task(1)), at: Self.at(0))
    _ = machine.handle(.tick, at: Self.at(99))
    #expect(machine.size == 4)
    #expect(machine.nextTick == Self.at(100))
    _ = machine.handle(.tick, at: Self.at(100))
    #expect(machine.size == 2)
    _ = machine.handle(.left(Self.task(1)), at: Self.at(101))
    #expect(machine.nextTick == nil)
    _ = machine.handle(.tick, at: Self.at(500))
    #expect(machine.size == 2)
  }

  @Test func `after a change no other is made for a while`() {
    var machine = Self.machine(Self.spec(size: 1, minSize: 1, maxSize: 9, autoScale: Self.rule))
    for number in 1...5 { _ = machine.handle(.arrived(Self.task(number)), at: Self.at(0)) }
    _ = machine.handle(.tick, at: Self.at(10))
    #expect(machine.size == 2)
    for number in 6...20 { _ = machine.handle(.arrived(Self.task(number)), at: Self.at(11)) }
    #expect(machine.nextTick == Self.at(40))
    _ = machine.handle(.tick, at: Self.at(39))
    #expect(machine.size == 2)
    _ = machine.handle(.tick, at: Self.at(40))
    #expect(machine.size > 2)
  }

  // MARK: Properties

  /// Whatever comes and goes: no task is lost or begun twice, no worker has more than it may, and nobody waits beside a
  /// free worker.
  @Test(arguments: 0..<300) func `no task is lost and no worker overloaded`(seed: UInt64) {
    var random = SplitMix(seed: seed)
    let capacity = 1 + Int(random.next() % 3)
    let spec = Self.spec(
      size: 3, strategy: QueueStrategy.allCases[Int(random.next() % 3)], minSize: 1, maxSize: 6,
      autoScale: random.next() % 2 == 0 ? Self.rule : nil, capacity: capacity)
    var machine = Self.machine(spec, seed: seed)
    var (now, next): (Int64, Int) = (0, 0)
    var open: Set<RunID> = []
    var begun: Set<RunID> = []
    for _ in 0..<400 {
      now += Int64(random.next() % 15)
      var assignments: [QueuePoolMachine.Assignment] = []
      switch random.next() % 10 {
      case 0...3:
        next += 1
        open.insert(Self.task(next))
        assignments = machine.handle(.arrived(Self.task(next)), at: Self.at(now))
      case 4...7:
        guard let task = open.sorted().dropFirst(Int(random.next() % 4)).first ?? open.first else { continue }
        open.remove(task)
        assignments = machine.handle(.left(task), at: Self.at(now))
      case 8: assignments = machine.handle(.scale(Int(random.next() % 8)), at: Self.at(now))
      default: assignments = machine.handle(.tick, at: Self.at(now))
      }
      for assignment in assignments {
        #expect(open.contains(assignment.task))
        #expect(begun.insert(assignment.task).inserted)
        #expect(assignment.worker <= machine.size)
      }
      #expect(machine.busyCount + machine.waitingCount == open.count)
      #expect(machine.loads.allSatisfy { $0 <= capacity })
      #expect(machine.loads.reduce(0, +) == machine.busyCount)
      #expect((spec.minSize...spec.maxSize).contains(machine.size))
      let hasFree = machine.loads.prefix(machine.size).contains { $0 < capacity }
      #expect(machine.waitingCount == 0 || !hasFree)
      // By time alone nothing is due that was due before: whoever waits for it is not called for ever.
      if let tick = machine.nextTick { #expect(tick > Self.at(now)) }
    }
  }
}
