// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import Synchronization

/// One attempt at the agent plane: its key, who it is, and what it came to so far.
final class AttemptSession: Sendable {
  let key: VirtualKey
  let caller: Caller
  /// The run whose record answers and remembers; nil for a service's own key.
  let run: RunSession?
  private let meter: NodeMeter
  private let sums = Mutex(AttemptTally())
  /// The connections on which answers of models are on their way to it; nil once it is over.
  private let answering = Mutex<[ObjectIdentifier: any Channel]?>([:])

  init(key: VirtualKey, caller: Caller, run: RunSession?, meter: NodeMeter) {
    self.meter = meter
    self.key = key
    self.caller = caller
    self.run = run
  }

  var tally: AttemptTally {
    var tally = sums.withLock { $0 }
    if let run {
      let passed = run.passed(in: caller.attempt)
      tally.replayed = passed.replayed
      tally.made = passed.made
      if caller.isRecorded { tally.unplayed = run.unclaimedKept.count }
    }
    return tally
  }

  /// Adds what a call of this attempt came to.
  func charge(tokens: TokenCount, cost: NanoUSD) {
    sums.withLock {
      $0.tokens += tokens
      $0.cost += cost
      if run == nil { $0.made += 1 }
    }
  }

  /// Remembers that a budget stopped the attempt; a busy one did not, for it has room again by itself.
  func refused(_ refusal: BudgetRefusal) {
    if refusal.isForWant { meter.count(.budgetActions, [refusal.action.rawValue]) }
    guard refusal.reason != .busy else { return }
    // What left the cassette first is what everything after it follows from.
    sums.withLock { sums in
      // And what is forbidden ends the run, whatever is refused after it.
      if let known = sums.refusal, known.endsRun || (known.reason == .cassette && !refusal.endsRun) { return }
      sums.refusal = refusal
    }
  }

  // MARK: Answers on their way

  /// False if the attempt is over: it gets no answer any more.
  func awaits(_ channel: any Channel) -> Bool {
    answering.withLock { channels in
      channels?[ObjectIdentifier(channel)] = channel
      return channels != nil
    }
  }

  func awaitsNoLonger(_ channel: any Channel) {
    answering.withLock { $0?[ObjectIdentifier(channel)] = nil }
  }

  /// The key is valid no more, so whoever holds an answer that is still coming loses it; the gateway reads it to its end,
  /// for what it costs.
  func end() {
    let channels = answering.withLock { $0.take() }
    for channel in (channels ?? [:]).values { channel.close(promise: nil) }
  }
}
