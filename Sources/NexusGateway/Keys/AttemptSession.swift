// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import NexusKernel
internal import Synchronization

/// One attempt at the agent plane: its key, who it is, and what it came to so far.
final class AttemptSession: Sendable {
  let key: VirtualKey
  let caller: Caller
  /// The run whose record answers and remembers; nil for a service's own key.
  let run: RunSession?
  /// The attempt that this key stands for, and the call of a tool that it stands for it in; nil for its own key.
  let lent: (by: AttemptSession, call: RequestDigest)?
  private let meter: NodeMeter
  private let sums = Mutex(AttemptTally())
  /// The connections on which answers of models are on their way to it; nil once it is over.
  private let answering = Mutex<[ObjectIdentifier: any Channel]?>([:])

  init(key: VirtualKey, caller: Caller, run: RunSession?, meter: NodeMeter) {
    self.meter = meter
    self.key = key
    self.caller = caller
    self.run = run
    lent = nil
  }

  /// A key for what a tool asks for in the name of an attempt, in the call that has this digest.
  init(key: VirtualKey, lentBy owner: AttemptSession, in call: RequestDigest) {
    meter = owner.meter
    self.key = key
    caller = owner.caller
    run = owner.run
    lent = (owner, call)
  }

  /// What the record knows a request of this key by.
  func known(_ digest: RequestDigest) -> RequestDigest { lent.map { digest.made(in: $0.call) } ?? digest }

  var tally: AttemptTally {
    if let lent { return lent.by.tally }
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
    if let lent { return lent.by.charge(tokens: tokens, cost: cost) }
    sums.withLock {
      $0.tokens += tokens
      $0.cost += cost
      if run == nil { $0.made += 1 }
    }
  }

  /// Remembers that a budget stopped the attempt; a busy one did not, for it has room again by itself.
  func refused(_ refusal: BudgetRefusal) {
    if let lent { return lent.by.refused(refusal) }
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
    if let lent { return lent.by.awaits(channel) }
    return answering.withLock { channels in
      channels?[ObjectIdentifier(channel)] = channel
      return channels != nil
    }
  }

  func awaitsNoLonger(_ channel: any Channel) {
    if let lent { return lent.by.awaitsNoLonger(channel) }
    answering.withLock { $0?[ObjectIdentifier(channel)] = nil }
  }

  /// The key is valid no more, so whoever holds an answer that is still coming loses it; the gateway reads it to its end,
  /// for what it costs.
  func end() {
    let channels = answering.withLock { $0.take() }
    for channel in (channels ?? [:]).values { channel.close(promise: nil) }
  }
}
