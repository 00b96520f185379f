// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What a provider tells of one of its rate limits.
package struct RateReading: Sendable, Hashable {
  package enum Axis: Sendable, Hashable, CaseIterable { case requests, tokens, inputTokens }
  package var axis: Axis
  /// Nil where the provider does not say.
  package var limit: Int64?
  package var remaining: Int64
  /// Until all of it is there again.
  package var refill: Duration

  package init(_ axis: Axis, limit: Int64? = nil, remaining: Int64, refill: Duration) {
    self.axis = axis
    self.limit = limit
    self.remaining = remaining
    self.refill = refill
  }
}

/// Lets calls to one model go no faster than its provider takes them, as far as the provider has told.
///
/// Who has to wait waits in line, first come, first served; the line and the wait have limits.
package struct RatePacer: Sendable {
  package struct Limits: Sendable, Hashable {
    /// How many calls may wait.
    package var waiting: Int
    /// Who would have to wait longer is refused at once.
    package var wait: Duration

    package init(waiting: Int = 256, wait: Duration = .seconds(60)) {
      self.waiting = waiting
      self.wait = wait
    }
  }

  package enum Answer: Sendable, Hashable {
    case go
    /// Call `due` at that time; it decides.
    case wait(until: Instant)
    case refused(retryAfter: Duration)
  }

  /// A window as it was told, which fills up evenly.
  private struct Window: Sendable {
    var limit: Int64?
    var remaining: Int64
    var refill: Duration
    var readAt: Instant
  }

  private struct Waiting: Sendable {
    var id: EffectID
    var tokens: Int64
    /// It gives up then.
    var deadline: Instant
  }

  private let limits: Limits
  private var windows: [RateReading.Axis: Window] = [:]
  private var blockedUntil: Instant?
  private var line: [Waiting] = []
  /// What calls under way will take of the windows, of which no reading knows yet.
  private var underWay: [EffectID: Int64] = [:]
  private var tokensUnderWay: Int64 = 0
  /// Nobody is told to come back sooner.
  private static let leastWait = Duration.seconds(1)

  package init(_ limits: Limits = Limits()) { self.limits = limits }

  package var waiting: Int { line.count }

  /// A call asks to go; `tokens` is about what its prompt counts.
  package mutating func ask(_ id: EffectID, tokens: Int64, at now: Instant) -> Answer {
    let call = Waiting(id: id, tokens: max(0, tokens), deadline: now + limits.wait)
    let ready = readyTime(call.tokens, at: now)
    if line.isEmpty, ready == now {
      go(call)
      return .go
    }
    let until = goingTime(ready, at: now)
    guard line.count < limits.waiting, until - now <= limits.wait else {
      return .refused(retryAfter: max(until - now, Self.leastWait))
    }
    line.append(call)
    return .wait(until: min(until, call.deadline))
  }

  /// How long a call that asked now would wait.
  package func pause(tokens: Int64, at now: Instant) -> Duration {
    goingTime(readyTime(max(0, tokens), at: now), at: now) - now
  }

  /// Who stands behind others is woken with them.
  private func goingTime(_ ready: Instant, at now: Instant) -> Instant {
    max(ready, line.first.map { readyTime($0.tokens, at: now) } ?? now)
  }

  private mutating func go(_ call: Waiting) {
    underWay[call.id] = call.tokens
    tokensUnderWay = tokensUnderWay.addingSaturating(call.tokens)
  }

  /// Who may go now, who has waited too long or would, and when to look again.
  package mutating func due(at now: Instant) -> (go: [EffectID], late: [EffectID], next: Instant?) {
    var late = line.filter { $0.deadline <= now }.map(\.id)
    line.removeAll { $0.deadline <= now }
    var gone: [EffectID] = []
    while let first = line.first {
      let ready = readyTime(first.tokens, at: now)
      if ready == now {
        go(first)
        gone.append(first.id)
      } else if ready > first.deadline {
        // The provider has told something else since it asked: there is no use in waiting for that to come.
        late.append(first.id)
      } else {
        break
      }
      line.removeFirst()
    }
    let next = line.first.map { first in min(readyTime(first.tokens, at: now), first.deadline) }
    return (gone, late, next)
  }

  /// A waiting call is given up.
  package mutating func leave(_ id: EffectID) { line.removeAll { $0.id == id } }

  /// The provider has answered a call, or it was never made: the next reading knows of it.
  package mutating func end(_ id: EffectID) {
    guard let tokens = underWay.removeValue(forKey: id) else { return }
    // A sum that was cut off at the top is worth nothing; it is exact again once nothing is under way.
    tokensUnderWay = underWay.isEmpty ? 0 : max(0, tokensUnderWay - tokens)
  }

  /// Takes what a provider told with an answer.
  package mutating func learn(_ readings: [RateReading], at now: Instant) {
    for reading in readings {
      windows[reading.axis] = Window(
        limit: reading.limit, remaining: max(0, reading.remaining), refill: max(.zero, reading.refill), readAt: now)
    }
  }

  /// The provider said no to a call and asks to be left alone that long.
  package mutating func block(for time: Duration, at now: Instant) {
    blockedUntil = max(blockedUntil ?? now, now + max(.zero, time))
  }

  /// When a call can go; not before now.
  private func readyTime(_ tokens: Int64, at now: Instant) -> Instant {
    var ready = max(blockedUntil ?? now, now)
    for (axis, window) in windows {
      let need = axis == .requests ? Int64(underWay.count) + 1 : tokens.addingSaturating(tokensUnderWay)
      ready = max(ready, Self.ready(window, need: need, at: now))
    }
    return ready
  }

  private static func ready(_ window: Window, need: Int64, at now: Instant) -> Instant {
    let full = window.readAt + window.refill
    // Behind its refill nothing is known, and what is more than a whole window goes when that is full.
    guard now < full, need > window.remaining else { return now }
    guard let limit = window.limit, limit > window.remaining, need < limit else { return full }
    let part = Double(need - window.remaining) / Double(limit - window.remaining)
    return min(full, window.readAt + window.refill * part)
  }
}
