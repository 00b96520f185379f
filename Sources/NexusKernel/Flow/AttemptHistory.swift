// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What the attempts at one step add up to: how many failed since the last progress, and how far the next goes back.
package struct AttemptHistory: Sendable, Hashable {
  /// How many sleeps in a row count as no failures although nothing was got done between them.
  package static let maxIdleSleeps = 1_000

  /// The attempts that were started.
  package private(set) var attempts = 0
  /// The attempt that has started and not ended.
  package private(set) var openAttempt: AttemptNumber?
  /// Attempts since the last progress that ended in failure.
  package private(set) var failures = 0
  /// The high-water mark: the most effects that one attempt ever got through.
  package private(set) var highWater = 0
  /// How many model outcomes the next attempt has to drop: 0, or 1, 2, 4, 8 … while attempts end at the high-water mark.
  package private(set) var pendingRewind = 0
  /// The depth of the rewind before, from which the next one doubles.
  private var lastRewind = 0
  /// The last attempt asked to be tried again later, not at once.
  package private(set) var wantsDelay = false
  /// The last attempt left to sleep, and no other has begun.
  package private(set) var isAsleep = false
  /// Sleeps since the last progress.
  private var idleSleeps = 0
  /// The most effects that an attempt got through before it left to sleep.
  private var sleepMark = 0

  package init() {}

  /// Without anything that came of them, but with the number of the attempts that there were.
  init(continuing before: AttemptHistory) { attempts = before.attempts }

  package mutating func started(_ attempt: AttemptNumber) {
    attempts = attempt.value
    openAttempt = attempt
    isAsleep = false
    pendingRewind = 0
  }

  package mutating func ended(_ end: AttemptEnd) {
    openAttempt = nil
    wantsDelay = false
    switch end.outcome {
    case .succeeded, .cancelled, .budgetStopped, .interrupted: break
    case .crashed: countFailure(passed: end.passed, mayRewind: true)
    case .askedRetry(let error):
      isAsleep = error.isSleep
      if error.isSleep, maySleepOn(passed: end.passed) { break }
      wantsDelay = true
      countFailure(passed: end.passed, mayRewind: false)
    case .timedOut: countFailure(passed: end.passed, mayRewind: false)
    }
  }

  /// A person has it tried again: what failed before does not count any more.
  package mutating func forgive() {
    failures = 0
    idleSleeps = 0
    wantsDelay = false
  }

  /// The agent recorded a result, so that the sleeps before it were not in vain.
  package mutating func recordedResult() { idleSleeps = 0 }

  /// Counts a sleep; false if there were too many between which nothing was got done.
  ///
  /// Whoever only ever says that it sleeps would be tried again without end.
  private mutating func maySleepOn(passed: Int) -> Bool {
    if passed > max(highWater, sleepMark) { idleSleeps = 0 }
    sleepMark = max(sleepMark, passed)
    idleSleeps = min(idleSleeps + 1, Self.maxIdleSleeps + 1)
    return idleSleeps <= Self.maxIdleSleeps
  }

  /// Counts an attempt that ended badly, and decides how far the next one goes back.
  ///
  /// Replaying everything would repeat a crash that a bad model answer caused: an attempt that dies at the high-water
  /// mark without passing it makes the next one ask the last answers anew.
  private mutating func countFailure(passed: Int, mayRewind: Bool) {
    if passed > highWater {
      highWater = passed
      failures = 1
      idleSleeps = 0
      lastRewind = 0
    } else {
      failures += 1
      if mayRewind, passed == highWater, highWater > 0 {
        lastRewind = max(1, lastRewind * 2)
        pendingRewind = lastRewind
      }
    }
  }
}

extension RetryPolicy {
  /// The wait before the next attempt: the second comes at once, the third after `initial`, then growing by `factor` up
  /// to `max`.
  package func delay(after history: AttemptHistory) -> Duration {
    delay(waits: history.wantsDelay ? history.failures - 1 : history.failures - 2)
  }

  /// The wait after so many other ones; none before the first.
  func delay(waits: Int) -> Duration {
    guard waits >= 0 else { return .zero }
    var delay = initial
    for _ in 0..<min(waits, 64) {
      delay = delay * factor
      if delay >= max { return max }
    }
    return min(delay, max)
  }
}
