// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Decides when a schedule starts runs, and what becomes of those that it cannot start.
///
/// The shell writes the state down after every event that changed it, and only then creates the runs of `starts`: with an
/// idempotency key made of the schedule and the due time, so that a start that is tried again after a crash finds the run
/// of before. Whatever the shell finds in `starting` when it begins, it starts again.
package struct ScheduleMachine: Sendable {
  /// What comes due is on time for this long; later it is late, and `catchUp` says what becomes of it.
  package static let onTime = Duration.seconds(60)
  /// How far what is decided may be ahead of the clock before somebody is told: clocks are set back a little all the time.
  package static let maxAhead = Duration.seconds(60)
  /// How many late runs are made up for at most, with `catchUp: all`; the older ones are missed.
  package static let maxCatchUp = 100
  /// How many due times are looked at in one go; where there are more, only those of the last day, hour or minute are.
  static let maxLook = 10_000

  package enum Event: Sendable, Hashable {
    /// Time has passed, or the node has begun.
    case tick
    /// The run of a due time exists.
    case started(WallTime, RunID)
    /// The run of a due time will never exist.
    case refused(WallTime, code: String, message: String)
    /// A run is over.
    case ended(RunID)
    case pause
    case resume
    /// A person wants a run now, whatever the clock says.
    case trigger
  }

  package struct Decision: Sendable, Hashable {
    /// The due times whose runs are to be created, once the state is written down.
    package var starts: [WallTime] = []
    /// Whether the state has to be written down.
    package var isChanged = false
    package init() {}
  }

  package let spec: ScheduleSpec
  package let zone: TimeZoneRules
  package private(set) var state: ScheduleState

  /// Goes on from a state; from `now` on if there is none, or if it was about other times.
  package init(_ spec: ScheduleSpec, zone: TimeZoneRules, state: ScheduleState?, at now: WallTime) {
    self.spec = spec
    self.zone = zone
    var state = state ?? ScheduleState(timing: spec.timing, from: now)
    if state.timing != spec.timing {
      state.timing = spec.timing
      state.decided = now
      // What waits was due by the old expression.
      if let latest = state.waiting.last {
        state.record(latest, .skipped(.changed), count: state.waiting.count)
        state.waiting = []
      }
    }
    self.state = state
  }

  /// When it is due next; nil while it is paused, and if the calendar ends before.
  package var nextDue: WallTime? { state.isPaused ? nil : spec.cron.next(after: state.decided, in: zone) }

  /// Up to when all is decided, if that is so far ahead that the clock must have been wrong; nil if all is well.
  ///
  /// Nothing comes due before that time: what was started once is not started again, unless a person resumes the schedule.
  package func decidedAhead(of now: WallTime) -> WallTime? {
    state.decided > now + Self.maxAhead ? state.decided : nil
  }

  package mutating func handle(_ event: Event, at now: WallTime) -> Decision {
    let before = state
    var decision = Decision()
    switch event {
    case .tick: comeDue(at: now)
    case .started(let time, let run):
      guard state.starting.contains(time) else { break }
      state.starting.removeAll { $0 == time }
      state.running.append(ScheduleState.Running(time: time, run: run))
      state.record(time, .started(run))
    case .refused(let time, let code, let message):
      guard state.starting.contains(time) else { break }
      state.starting.removeAll { $0 == time }
      state.record(time, .refused(code: code, message: message))
    case .ended(let run): state.running.removeAll { $0.run == run }
    case .pause:
      // What is due by now is not lost by the pause that comes after it.
      comeDue(at: now)
      state.isPaused = true
    case .resume:
      let wasAhead = decidedAhead(of: now) != nil
      guard state.isPaused || wasAhead else { break }
      state.isPaused = false
      // A run of a time that was decided before has its key: it is found, and not made again.
      state.decided = wasAhead ? now : max(state.decided, now)
    case .trigger: begin(now)
    }
    if !state.isPaused, !state.isBusy, !state.waiting.isEmpty { state.starting.append(state.waiting.removeFirst()) }
    decision.starts = state.starting.filter { !before.starting.contains($0) }
    decision.isChanged = state != before
    return decision
  }

  // MARK: What comes due

  private mutating func comeDue(at now: WallTime) {
    guard !state.isPaused, now > state.decided else { return }
    let due = dueTimes(until: now)
    state.decided = now
    let firstOnTime = now + (.zero - Self.onTime)
    let late = due.times.prefix { $0 < firstOnTime }
    let onTime = due.times.dropFirst(late.count)
    let windowed = late.drop { $0 < now + (.zero - spec.catchUp.window) }
    let madeUp: ArraySlice<WallTime> =
      switch spec.catchUp.policy {
      case .none: []
      case .one: onTime.isEmpty ? windowed.suffix(1) : []
      case .all: windowed.suffix(Self.maxCatchUp)
      }
    let missed = late.count - madeUp.count
    if missed > 0, let latest = late.prefix(missed).last { state.record(latest, .missed, count: missed + due.unseen) }
    for time in madeUp + onTime { take(time) }
  }

  /// The times at which it was due after `decided`, the oldest first.
  ///
  /// A node that was away for a year missed every second of it thirty million times; nobody wants to look at each.
  private func dueTimes(until now: WallTime) -> (times: [WallTime], unseen: Int) {
    var start = state.decided
    var unseen = 0
    for span in [nil, Duration.seconds(86_400), .seconds(3600), .seconds(60), .seconds(1)] {
      if let span { start = max(start, now + (.zero - span)) }
      var times: [WallTime] = []
      var cursor = start
      while times.count <= Self.maxLook, let next = spec.cron.next(after: cursor, in: zone), next <= now {
        times.append(next)
        cursor = next
      }
      if times.count <= Self.maxLook { return (times, unseen) }
      // At least so many.
      unseen = Self.maxLook
    }
    return ([], unseen)
  }

  private mutating func take(_ time: WallTime) {
    switch spec.overlap {
    case .allow: begin(time)
    case .skip:
      if state.isBusy || !state.waiting.isEmpty { state.record(time, .skipped(.overlap)) } else { begin(time) }
    case .queue:
      if state.waiting.count < ScheduleState.maxWaiting {
        state.waiting.append(time)
      } else {
        state.record(time, .skipped(.queueFull))
      }
    }
  }

  private mutating func begin(_ time: WallTime) {
    guard !state.starting.contains(time) else { return }
    if state.running.count + state.starting.count < ScheduleState.maxRunning {
      state.starting.append(time)
    } else {
      state.record(time, .skipped(.tooManyRuns))
    }
  }
}

extension ScheduleSpec {
  /// What its due times depend on.
  package var timing: String { "\(cronText) \(timeZone)" }
}
