// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import Synchronization

/// A clock that stands still until a test moves it.
package final class ManualClock: NexusClock {
  private struct Sleeper {
    let deadline: Instant
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var now: Instant
    var wall: WallTime
    var next = 0
    var sleepers: [Int: Sleeper] = [:]
    var countWaiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    var deadlineWaiters: [(deadline: Instant, continuation: CheckedContinuation<Void, Never>)] = []

    func isSleeping(until deadline: Instant) -> Bool { sleepers.values.contains { $0.deadline == deadline } }
  }

  private let state: Mutex<State>

  package init(
    now: Instant = Instant(nanoseconds: 1_000_000_000_000),
    wall: WallTime = WallTime(microseconds: 1_790_000_000_000_000)
  ) {
    state = Mutex(State(now: now, wall: wall))
  }

  package func now() -> Instant { state.withLock { $0.now } }
  package func wallNow() -> WallTime { state.withLock { $0.wall } }

  /// How many sleeps wait for the clock.
  package var sleeping: Int { state.withLock { $0.sleepers.count } }

  /// When the next sleep ends; nil if nobody sleeps.
  package var nextDeadline: Instant? { state.withLock { $0.sleepers.values.map(\.deadline).min() } }

  /// Moves both clocks on and wakes whoever's time has come.
  package func advance(by duration: Duration) {
    let due = state.withLock { state in
      state.now = state.now + duration
      state.wall = state.wall + duration
      let due = state.sleepers.filter { $0.value.deadline <= state.now }
      for number in due.keys { state.sleepers[number] = nil }
      return due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }.map(\.value)
    }
    for sleeper in due { sleeper.continuation.resume() }
  }

  /// Steps civil time alone, as a person or a time server does.
  package func stepWall(by duration: Duration) { state.withLock { $0.wall = $0.wall + duration } }

  /// Returns once at least `count` sleeps wait: the signal that whoever is tested has come to its wait.
  package func waitForSleepers(_ count: Int) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.sleepers.count >= count { return true }
        state.countWaiters.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  /// Whether a sleep waits for exactly that time.
  package func isSleeping(until deadline: Instant) -> Bool { state.withLock { $0.isSleeping(until: deadline) } }

  /// Returns once a sleep waits for exactly that time, whoever else sleeps.
  package func waitForSleeper(until deadline: Instant) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.isSleeping(until: deadline) { return true }
        state.deadlineWaiters.append((deadline, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  package func sleep(until deadline: Instant) async throws {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        enter(number, Sleeper(deadline: deadline, continuation: continuation))
      }
    } onCancel: {
      let sleeper = state.withLock { $0.sleepers.removeValue(forKey: number) }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  private func enter(_ number: Int, _ sleeper: Sleeper) {
    enum Outcome {
      case waits([CheckedContinuation<Void, Never>])
      case due, cancelled
    }
    let isCancelled = Task.isCancelled
    let outcome: Outcome = state.withLock { state in
      if isCancelled { return .cancelled }
      if sleeper.deadline <= state.now { return .due }
      state.sleepers[number] = sleeper
      let count = state.sleepers.count
      var reached = state.countWaiters.filter { $0.count <= count }.map(\.continuation)
      state.countWaiters.removeAll { $0.count <= count }
      reached += state.deadlineWaiters.filter { $0.deadline == sleeper.deadline }.map(\.continuation)
      state.deadlineWaiters.removeAll { $0.deadline == sleeper.deadline }
      return .waits(reached)
    }
    switch outcome {
    case .due: sleeper.continuation.resume()
    case .cancelled: sleeper.continuation.resume(throwing: CancellationError())
    case .waits(let reached): for waiter in reached { waiter.resume() }
    }
  }
}

/// Random bits from a seed: Sebastiano Vigna's splitmix64.
package final class SeededRandom: RandomSource {
  private let state: Mutex<UInt64>
  package init(seed: UInt64) { state = Mutex(seed) }
  package func next() -> UInt64 {
    state.withLock { state in
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }
}
