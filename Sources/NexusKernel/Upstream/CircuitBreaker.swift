// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Keeps calls away from an upstream that fails most of them, and finds out when it is well again.
///
/// Closed, it lets everything through and counts. Open, it lets nothing through for a while. Half-open, it lets one
/// probe through, whose end decides; one that takes long does not keep the next one from finding out sooner.
package struct CircuitBreaker: Sendable, Hashable {
  package struct Limits: Sendable, Hashable {
    /// How far back failures count.
    package var window: Duration
    /// Fewer calls in the window say nothing.
    package var leastCalls: Int
    package var failurePercent: Int
    /// How long it stays open first; each failed probe doubles that.
    package var opening: Duration
    package var longestOpening: Duration
    /// How long a probe is waited for before another one may go; what becomes of the first counts all the same.
    package var probe: Duration

    package init(
      window: Duration = .seconds(30), leastCalls: Int = 10, failurePercent: Int = 50,
      opening: Duration = .seconds(5), longestOpening: Duration = .seconds(60), probe: Duration = .seconds(10)
    ) {
      self.window = window
      self.leastCalls = leastCalls
      self.failurePercent = failurePercent
      self.opening = opening
      self.longestOpening = longestOpening
      self.probe = probe
    }
  }

  package enum State: String, Sendable, Hashable { case closed, open, halfOpen }

  /// Leave to make one attempt; to be given back by `end`.
  package struct Pass: Sendable, Hashable {
    fileprivate let generation: Int
    /// Which probe of the generation it is; nil for none.
    fileprivate let probe: Int?
    package var isProbe: Bool { probe != nil }
  }

  package enum Answer: Sendable, Hashable {
    case pass(Pass)
    case refused(retryAfter: Duration)
  }

  /// What an attempt says of its upstream.
  package enum Sign: Sendable, Hashable {
    case well
    case ill
    /// It was given up, or never got that far.
    case none
  }

  private struct Bucket: Sendable, Hashable {
    var index: Int64
    var calls = 0
    var failures = 0
  }

  private enum Mode: Sendable, Hashable {
    case closed
    case open(until: Instant)
    /// How many probes have gone, and until when the last one is waited for; nil if it has come back without a word.
    case halfOpen(probes: Int, waitingUntil: Instant?)
  }

  /// Into how many parts the window is cut; the oldest part leaves as a whole.
  private static let parts: Int64 = 10

  private let limits: Limits
  private var mode = Mode.closed
  private var buckets: [Bucket] = []
  /// Raised with every change of the mode: what began before says nothing about now.
  private var generation = 0
  private var nextOpening: Duration

  package init(_ limits: Limits = Limits()) {
    self.limits = limits
    nextOpening = limits.opening
  }

  package var state: State {
    switch mode {
    case .closed: .closed
    case .open: .open
    case .halfOpen: .halfOpen
    }
  }

  /// How long an attempt would be refused now; nil if it would not be.
  package func refusal(at now: Instant) -> Duration? {
    switch mode {
    case .closed, .halfOpen(_, waitingUntil: nil): nil
    case .open(let until): until > now ? until - now : nil
    // Most probes are back long before.
    case .halfOpen(_, let until?): until > now ? min(limits.opening, until - now) : nil
    }
  }

  /// Asks for leave to make an attempt.
  package mutating func ask(at now: Instant) -> Answer {
    if let wait = refusal(at: now) { return .refused(retryAfter: wait) }
    if case .open = mode { change(to: .halfOpen(probes: 0, waitingUntil: nil)) }
    guard case .halfOpen(let probes, _) = mode else { return .pass(Pass(generation: generation, probe: nil)) }
    mode = .halfOpen(probes: probes + 1, waitingUntil: now + limits.probe)
    return .pass(Pass(generation: generation, probe: probes + 1))
  }

  /// An attempt is over, or has said enough; once for each pass.
  ///
  /// True if the circuit is in another state now.
  package mutating func end(_ pass: Pass, _ sign: Sign, at now: Instant) -> Bool {
    guard pass.generation == generation else { return false }
    switch (mode, sign) {
    case (.halfOpen(let probes, _), .none):
      if pass.probe == probes { mode = .halfOpen(probes: probes, waitingUntil: nil) }
      return false
    case (.halfOpen, .well):
      nextOpening = limits.opening
      change(to: .closed)
      return true
    case (.halfOpen, .ill):
      open(at: now)
      return true
    case (.closed, .none): return false
    case (.closed, _):
      count(sign, at: now)
      guard isIll else { return false }
      open(at: now)
      return true
    case (.open, _): return false
    }
  }

  private mutating func open(at now: Instant) {
    change(to: .open(until: now + nextOpening))
    nextOpening = min(nextOpening * 2, max(limits.longestOpening, limits.opening))
  }

  private mutating func change(to mode: Mode) {
    self.mode = mode
    generation += 1
    buckets = []
  }

  private mutating func count(_ sign: Sign, at now: Instant) {
    let length = max(1, limits.window.wholeNanoseconds / Self.parts)
    let index = now.nanoseconds / length
    buckets.removeAll { $0.index <= index - Self.parts || $0.index > index }
    if buckets.last?.index != index { buckets.append(Bucket(index: index)) }
    buckets[buckets.count - 1].calls += 1
    if sign == .ill { buckets[buckets.count - 1].failures += 1 }
  }

  private var isIll: Bool {
    let calls = buckets.reduce(0) { $0 + $1.calls }
    let failures = buckets.reduce(0) { $0 + $1.failures }
    return calls >= limits.leastCalls && failures > 0 && failures * 100 >= calls * limits.failurePercent
  }
}
