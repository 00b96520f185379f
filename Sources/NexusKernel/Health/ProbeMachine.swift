// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// One probe of one process: when it runs, and what its answers come to.
///
/// Kubernetes' rules (`pkg/kubelet/prober/worker.go`): the first run comes after `initialDelay`, then a ticker asks for
/// one at every `interval`; runs never overlap, and of the ticks that come during one only one is kept; the verdict
/// changes after `failureThreshold` misses or `successThreshold` hits in a row.
///
/// At any time it has at most one timer and one run outstanding.
package struct ProbeMachine: Sendable {
  package typealias RunNumber = Int

  package enum Answer: Sendable, Hashable {
    case succeeded
    case failed(String)
    case timedOut
    /// The node itself could not ask; that is no answer, and counts as none.
    case unknown(String)
  }

  package enum Event: Sendable, Hashable {
    /// The probe may begin.
    case opened
    case answered(RunNumber, Answer)
    /// Nothing of the run is left: its process is gone, its connection closed.
    case ended(RunNumber)
    case heartbeat
    case due
    /// The probe is over.
    case closed
  }

  package enum Action: Sendable, Hashable {
    /// Run the probe; what has not answered at `deadline` has timed out.
    case run(RunNumber, deadline: Instant)
    /// Send `due` at that time.
    case wake(at: Instant)
    /// The verdict is another; the first one is always reported.
    case passed
    case failed(String)
  }

  private struct Run: Sendable {
    let number: RunNumber
    var isAnswered = false
    /// A tick has come since the answer.
    var isOverdue = false
  }

  private enum Phase: Sendable { case idle, open, closed }

  package let kind: ProbeKind
  /// Shorter ones count as this; the configuration does not accept them.
  static let shortestInterval = Duration.milliseconds(1)

  private var spec: ProbeSpec
  private var phase = Phase.idle
  private var verdict: Bool?
  private var hits = 0
  private var misses = 0
  private var run: Run?
  /// A tick came while a run was under way.
  private var hasTick = false
  private var lastNumber = 0
  /// When the timer that is outstanding is due.
  private var timer: Instant?
  /// The first tick; the later ones are whole intervals after it.
  private var origin = Instant(nanoseconds: 0)
  /// Of a heartbeat: the last one, or when the wait for the first began.
  private var heardAt = Instant(nanoseconds: 0)
  /// Of a heartbeat: how many intervals of silence are counted already.
  private var countedSilence = 0

  package init(kind: ProbeKind, spec: ProbeSpec) {
    self.kind = kind
    self.spec = spec
    self.spec.interval = max(spec.interval, Self.shortestInterval)
  }

  /// Nil as long as there is no verdict.
  package var passes: Bool? { verdict }
  package var isClosed: Bool { phase == .closed }

  package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
    switch event {
    case .opened:
      guard phase == .idle else { return [] }
      phase = .open
      origin = now + spec.initialDelay
      if spec.check == .heartbeat { return listen(at: now) }
      guard origin <= now else { return wake(at: origin) }
      return tick(at: now)
    case .closed:
      phase = .closed
      return []
    case .due:
      guard let due = timer else { return [] }
      timer = nil
      guard phase == .open else { return [] }
      return spec.check == .heartbeat ? silence(late: max(.zero, now - due), at: now) : tick(at: now)
    case .heartbeat:
      guard phase == .open, spec.check == .heartbeat else { return [] }
      return heard(at: now)
    case .answered(let number, let answer):
      guard run?.number == number, run?.isAnswered == false else { return [] }
      run?.isAnswered = true
      return phase == .open ? count(answer) : []
    case .ended(let number):
      guard run?.number == number else { return [] }
      run = nil
      guard phase == .open, hasTick else { return [] }
      hasTick = false
      return begin(at: now)
    }
  }

  // MARK: Asking

  private mutating func tick(at now: Instant) -> [Action] {
    let next = wake(at: origin + spec.interval * (intervals(from: origin, to: now) + 1))
    guard let under = run else { return begin(at: now) + next }
    hasTick = true
    guard under.isAnswered else { return next }
    run?.isOverdue = true
    // What cannot be ended in a whole interval must not keep the probe from its verdict.
    guard under.isOverdue else { return next }
    let actions = count(.failed("the last try has not ended"))
    return phase == .open ? actions + next : actions
  }

  private mutating func begin(at now: Instant) -> [Action] {
    lastNumber += 1
    run = Run(number: lastNumber)
    return [.run(lastNumber, deadline: now + spec.timeout)]
  }

  private mutating func wake(at moment: Instant) -> [Action] {
    timer = moment
    return [.wake(at: moment)]
  }

  /// How many whole intervals lie between two times.
  private func intervals(from start: Instant, to end: Instant) -> Int {
    Int(clamping: max(0, (end - start).wholeNanoseconds / spec.interval.wholeNanoseconds))
  }

  // MARK: Listening

  private mutating func listen(at now: Instant) -> [Action] {
    heardAt = max(origin, now)
    countedSilence = 0
    return watchSilence()
  }

  private mutating func heard(at now: Instant) -> [Action] {
    heardAt = max(now, heardAt)
    countedSilence = 0
    let actions = count(.succeeded)
    // A probe that had failed no longer watched the silence.
    guard phase == .open, timer == nil else { return actions }
    return actions + watchSilence()
  }

  private mutating func silence(late: Duration, at now: Instant) -> [Action] {
    // A late timer says that the node was not there to hear anything: the machine slept, perhaps.
    heardAt = min(now, heardAt + late)
    let silent = min(intervals(from: heardAt, to: now), spec.failureThreshold)
    var actions: [Action] = []
    while countedSilence < silent, phase == .open {
      countedSilence += 1
      actions += count(.failed("none for \(Self.text(spec.interval * countedSilence))"))
    }
    // Further silence adds nothing once it has failed; the next heartbeat starts the watch again.
    guard phase == .open, countedSilence < spec.failureThreshold else { return actions }
    return actions + watchSilence()
  }

  private mutating func watchSilence() -> [Action] {
    wake(at: heardAt + spec.interval * (countedSilence + 1))
  }

  // MARK: Counting

  private mutating func count(_ answer: Answer) -> [Action] {
    switch answer {
    case .unknown: return []
    case .succeeded:
      misses = 0
      hits = min(hits + 1, spec.successThreshold)
      guard hits >= spec.successThreshold, verdict != true else { return [] }
      verdict = true
      // A process starts once.
      if kind == .startup { phase = .closed }
      return [.passed]
    case .failed(let why): return miss(why)
    case .timedOut: return miss("no answer in \(Self.text(spec.timeout))")
    }
  }

  private mutating func miss(_ why: String) -> [Action] {
    hits = 0
    misses = min(misses + 1, spec.failureThreshold)
    guard misses >= spec.failureThreshold, verdict != false else { return [] }
    verdict = false
    // The process is about to be ended: there is nothing left to find out.
    if kind != .readiness { phase = .closed }
    let times = spec.failureThreshold == 1 ? "once" : "\(spec.failureThreshold) times"
    return [.failed("\(kind.rawValue) probe failed \(times): \(spec.check.words): \(why)")]
  }

  /// `2.5 s`, `10 min`.
  static func text(_ duration: Duration) -> String {
    let milliseconds = duration.wholeMilliseconds
    if milliseconds >= 120_000, milliseconds % 60_000 == 0 { return "\(milliseconds / 60_000) min" }
    guard milliseconds % 1000 != 0 else { return "\(milliseconds / 1000) s" }
    return milliseconds < 1000 ? "\(milliseconds) ms" : "\(Double(milliseconds) / 1000) s"
  }
}
