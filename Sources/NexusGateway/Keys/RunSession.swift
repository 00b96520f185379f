// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore
internal import Synchronization

/// Which record a request is matched with: one step of one run.
struct RunKey: Sendable, Hashable {
  let run: RunID
  let step: StepPath
}

/// The record of one step of a run while somebody works on it, and who waits for what is under way.
final class RunSession: Sendable {
  /// How an effect that others wait for ended.
  enum Ending: Sendable { case recorded, lost }

  private struct State {
    var machine: ReplayMachine
    var waiters: [EffectID: [@Sendable (Ending) -> Void]] = [:]
    /// Attempts that are open.
    var attempts = 0
    /// The one that opened last, while it is open: what calls come to is counted for it.
    var payer: AttemptSession?
  }

  let key: RunKey
  private let state: Mutex<State>
  /// What beginnings of its conversations were counted to; forgotten with the record, and then learned anew.
  private let counts = Mutex(PrefixMemo())
  /// What equal requests were answered, and how fast is spent; forgotten with the record, and read with it again.
  private let repeats: Mutex<AnswerRepeats>
  private let pace: Mutex<SpendPace>

  init(key: RunKey, records: [EffectRecord], past: RunPast = RunPast()) {
    self.key = key
    repeats = Mutex(past.repeats)
    pace = Mutex(past.pace)
    state = Mutex(State(machine: ReplayMachine(records: records)))
  }

  /// How many model calls the step has announced, the present one among them.
  var modelCalls: Int { state.withLock { $0.machine.modelCalls } }

  /// How many equal requests were answered before.
  func answers(to digest: RequestDigest) -> Int { state.withLock { $0.machine.answers(to: digest) } }

  /// How many of the last answers to a repeated request were the same.
  func sameAnswers(to digest: RequestDigest) -> Int { repeats.withLock { $0.count(of: digest) } }

  func note(_ digest: RequestDigest, answer: String?) { repeats.withLock { $0.note(digest, answer: answer) } }

  func note(_ charge: Spend, at now: Instant) { pace.withLock { $0.note(charge, at: now) } }

  func judgePace(at now: Instant) -> PaceSign { pace.withLock { $0.judge(at: now) } }

  var hasCounts: Bool { counts.withLock { !$0.isEmpty } }

  func longestCount(of chain: PrefixMemo.Chain) -> (tokens: TokenCount, bytes: Int)? {
    counts.withLock { $0.longest(of: chain) }
  }

  func learn(_ chain: PrefixMemo.Chain, tokens: TokenCount) { counts.withLock { $0.learn(chain, tokens: tokens) } }

  func distrustCounts() { counts.withLock { $0.distrust() } }

  var orphans: [EffectID] { state.withLock { $0.machine.orphans } }

  /// Nobody works on the run and nothing is under way: the store knows all that this knows.
  var isIdle: Bool { state.withLock { $0.attempts == 0 && $0.machine.inFlight.isEmpty } }

  func begin(_ attempt: AttemptNumber, rewind: Int) -> [EffectID] {
    state.withLock {
      $0.attempts += 1
      return $0.machine.beginAttempt(attempt, rewind: rewind)
    }
  }

  func end(_ attempt: AttemptNumber) {
    state.withLock {
      $0.attempts -= 1
      for id in $0.machine.inFlight { $0.machine.abandon(id, by: attempt) }
    }
  }

  /// The attempt that calls of the run are counted for; nil if none is open.
  var payer: AttemptSession? { state.withLock { $0.payer } }

  func pays(_ session: AttemptSession) { state.withLock { $0.payer = session } }

  func paysNoLonger(_ session: AttemptSession) { state.withLock { if $0.payer === session { $0.payer = nil } } }

  func request(_ digest: RequestDigest, kind: EffectKind, repeatable: Bool, id: EffectID) -> ReplayDecision {
    state.withLock { $0.machine.request(digest, kind: kind, repeatable: repeatable, id: id) }
  }

  /// The calls that the run began with and that nobody has asked for yet.
  var unclaimedKept: [EffectID] { state.withLock { $0.machine.unclaimedKept } }

  /// Gives one of them to the present request; false if another one has it.
  func claim(_ id: EffectID) -> Bool { state.withLock { $0.machine.claim(id) } }

  /// The next equal request gets this effect, because nobody waits for its answer any more.
  func abandon(_ id: EffectID, by attempt: AttemptNumber) {
    state.withLock { $0.machine.abandon(id, by: attempt) }
  }

  /// The effect was not made after all.
  func withdraw(_ id: EffectID) {
    let waiters = state.withLock {
      $0.machine.withdraw(id)
      return $0.waiters.removeValue(forKey: id) ?? []
    }
    for waiter in waiters { waiter(.lost) }
  }

  /// The outcome is written; whoever waits may read it.
  func finish(_ id: EffectID, _ outcome: EffectState) {
    let waiters = state.withLock {
      $0.machine.outcome(id, outcome)
      return $0.waiters.removeValue(forKey: id) ?? []
    }
    for waiter in waiters { waiter(.recorded) }
  }

  /// The outcome could not be written.
  func lose(_ id: EffectID) {
    let waiters = state.withLock {
      $0.machine.lose(id)
      return $0.waiters.removeValue(forKey: id) ?? []
    }
    for waiter in waiters { waiter(.lost) }
  }

  /// Calls `waiter` once when the effect is over; at once if it is.
  func wait(for id: EffectID, _ waiter: @escaping @Sendable (Ending) -> Void) {
    let ending: Ending? = state.withLock {
      switch $0.machine.record(of: id)?.state {
      case .intent:
        $0.waiters[id, default: []].append(waiter)
        return nil
      case .succeeded, .failed: return .recorded
      case .unknown, .rewound, nil: return .lost
      }
    }
    if let ending { waiter(ending) }
  }

  func hasWaiters(_ id: EffectID) -> Bool { state.withLock { !($0.waiters[id] ?? []).isEmpty } }

  func passed(in attempt: AttemptNumber) -> (replayed: Int, made: Int) {
    state.withLock { ($0.machine.replayed, $0.machine.made) }
  }
}
