// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Decides, for one run, which request is answered from the record and which is made.
///
/// It holds every recorded effect of the run and what the current attempt has asked for so far. A request is matched by
/// its digest, and equal requests by their order, so parallel branches may come in any order. Effects that are still
/// under way outlive the attempt that asked for them: the next attempt's equal request waits for them.
package struct ReplayMachine: Sendable {
  /// An effect with what the machine remembers of it beyond the record.
  struct Entry: Sendable {
    var record: EffectRecord
    /// The attempt in which a request was last matched with it; equal requests behind it get the next entry.
    var takenBy: AttemptNumber?
    /// A failure that nothing of its attempt came after.
    ///
    /// Whoever got it stopped there, so giving the same failure again would stop the next one too.
    var endsItsAttempt = false

    /// The agent itself has asked for it, and not a tool in the middle of its call.
    var isOwn: Bool { record.digest.call == nil }
  }

  /// The entries of one digest, in their order.
  private struct Equals: Sendable {
    var indexes: [Int] = []
    /// Before this place all are taken, so that an agent that polls does not search its whole past each time.
    var start = 0
    var nextOccurrence = 0

    var untaken: ArraySlice<Int> { indexes[start...] }
  }

  /// In the order of the ordinals.
  private(set) var entries: [Entry] = []
  private var indexOfID: [EffectID: Int] = [:]
  private var equals: [RequestDigest: Equals] = [:]
  /// What was asked for in the middle of calls of tools, by these.
  private var nested: [Substring: [Int]] = [:]
  private var attempt = AttemptNumber(0)
  private var divergenceWasTold = false
  /// Outcomes of earlier attempts that the current one has not asked for yet, of what agents ask for themselves.
  private var unclaimed = 0

  /// Effects this attempt got through, from the record and new.
  package private(set) var replayed = 0
  package private(set) var made = 0

  /// Announced effects whose node died before their outcome; the caller writes them down as `unknown`.
  package let orphans: [EffectID]

  /// A machine over the record of a run that no live node works on: what is announced and not over is `unknown` now.
  package init(records: [EffectRecord]) {
    orphans = records.filter { $0.state == .intent }.map(\.id)
    for var record in records.sorted(by: { $0.ordinal < $1.ordinal }) {
      if record.state == .intent { record.state = .unknown }
      append(record)
    }
    markEndsOfAttempts()
  }

  /// Announced effects that are not over yet.
  package var inFlight: [EffectID] { entries.filter { $0.record.state == .intent }.map(\.record.id) }

  /// How many effects the current attempt got through.
  package var passed: Int { replayed + made }

  /// How many model calls the run has announced and not dropped, the present one among them.
  package private(set) var modelCalls = 0

  /// How many equal requests were answered before.
  package func answers(to digest: RequestDigest) -> Int {
    (equals[digest]?.indexes ?? []).count { entries[$0].record.state == .succeeded }
  }

  package func record(of id: EffectID) -> EffectRecord? { indexOfID[id].map { entries[$0].record } }

  private mutating func append(_ record: EffectRecord) {
    indexOfID[record.id] = entries.count
    equals[record.digest, default: Equals()].indexes.append(entries.count)
    if let call = record.digest.call { nested[call, default: []].append(entries.count) }
    entries.append(Entry(record: record))
    if record.state != .rewound {
      if record.kind == .model { modelCalls += 1 }
      let next = max(equals[record.digest]?.nextOccurrence ?? 0, record.occurrence + 1)
      equals[record.digest]?.nextOccurrence = next
    }
  }

  /// The occurrence after those that are still in use.
  private mutating func recount(_ digest: RequestDigest) {
    let used = (equals[digest]?.indexes ?? []).map { entries[$0].record }.filter { $0.state != .rewound }
    equals[digest]?.nextOccurrence = used.map { $0.occurrence + 1 }.max() ?? 0
  }
}

// MARK: Attempts

extension ReplayMachine {
  /// Starts an attempt that replays the record without its last `rewind` model outcomes.
  ///
  /// The rewind stops at an effect that is not a model call, because that one happened in the world. Returns the dropped
  /// effects, the last first; they are `rewound` from now on.
  package mutating func beginAttempt(_ number: AttemptNumber, rewind: Int) -> [EffectID] {
    attempt = number
    replayed = 0
    made = 0
    divergenceWasTold = false
    markEndsOfAttempts()
    for index in entries.indices { entries[index].takenBy = nil }
    for digest in equals.keys { equals[digest]?.start = 0 }
    let dropped = drop(rewind)
    unclaimed = entries.count { $0.isOwn && isReplayable($0, repeatable: true) }
    return dropped
  }

  private mutating func drop(_ count: Int) -> [EffectID] {
    var dropped: [EffectID] = []
    for index in entries.indices.reversed() where dropped.count < count {
      let record = entries[index].record
      // What was asked for in a call of a tool is no step of the agent's own: the call stands, and is not made again.
      if record.state == .rewound || !entries[index].isOwn { continue }
      guard record.kind == .model else { break }
      // What a person had the run begin with is not what went wrong in it.
      guard !record.isKept else { break }
      // What is not replayed anyway is no step back: an unfinished call, or a failure that ended its attempt.
      guard isReplayable(entries[index], repeatable: true) else { continue }
      entries[index].record.state = .rewound
      modelCalls -= 1
      dropped.append(record.id)
    }
    for id in dropped { if let record = record(of: id) { recount(record.digest) } }
    if !dropped.isEmpty { markEndsOfAttempts() }
    return dropped
  }

  /// Finds the failures that nothing of their own attempt came after.
  ///
  /// What other attempts did later says nothing: they may have got past by asking again.
  private mutating func markEndsOfAttempts() {
    var goesOn = Set<AttemptNumber>()
    for index in entries.indices.reversed() {
      let record = entries[index].record
      switch record.state {
      case .failed:
        entries[index].endsItsAttempt = !goesOn.contains(record.attempt)
      // A call of a tool is over after what was asked for in it.
      case .intent, .succeeded, .unknown: if entries[index].isOwn { goesOn.insert(record.attempt) }
      case .rewound: break
      }
    }
  }
}

// MARK: Requests

/// What to do with a request.
package enum ReplayDecision: Sendable, Hashable {
  /// Give the recorded outcome.
  case replay(EffectID)
  /// Wait for the outcome of an equal request that is under way and has nobody waiting for it any more.
  case join(EffectID)
  /// Make it, as this effect. `diverges` is true the first time that an attempt leaves its record before the end.
  case new(EffectRecord, diverges: Bool)
  /// Its equal was announced by a node that died, and doing it twice may do harm.
  case uncertain(EffectID)
}

extension ReplayMachine {
  /// Matches a request of the current attempt with the record; a new one gets the id `id`.
  ///
  /// `repeatable` says that doing it again does no harm: model calls, which cost money only, and calls that only read.
  package mutating func request(_ digest: RequestDigest, kind: EffectKind, repeatable: Bool, id: EffectID)
    -> ReplayDecision
  {
    skipTaken(digest)
    for index in equals[digest]?.untaken ?? [] where entries[index].takenBy == nil {
      let entry = entries[index]
      guard entry.record.kind == kind else { continue }
      switch entry.record.state {
      case .intent:
        entries[index].takenBy = attempt
        return .join(entry.record.id)
      case .succeeded, .failed:
        guard isReplayable(entry, repeatable: repeatable) else { continue }
        entries[index].takenBy = attempt
        replayed += 1
        if entry.isOwn, entry.record.attempt < attempt { unclaimed -= 1 }
        if entry.record.kind == .tool { passOver(nestedIn: index) }
        return .replay(entry.record.id)
      case .unknown where !repeatable: return .uncertain(entry.record.id)
      case .unknown, .rewound: continue
      }
    }
    return announce(digest, kind: kind, id: id)
  }

  /// The model calls that the run began with and that this attempt has not asked for yet, in their order.
  package var unclaimedKept: [EffectID] {
    entries.filter { $0.record.isKept && $0.record.kind == .model && $0.takenBy == nil && $0.record.state != .rewound }
      .map(\.record.id)
  }

  /// Gives an effect that the run began with to a request that is known to mean it, although it differs from it.
  ///
  /// - Returns: false if another request has it.
  package mutating func claim(_ id: EffectID) -> Bool {
    guard let index = indexOfID[id], entries[index].record.isKept, entries[index].takenBy == nil,
      isReplayable(entries[index], repeatable: true)
    else { return false }
    entries[index].takenBy = attempt
    replayed += 1
    if entries[index].isOwn { unclaimed -= 1 }
    return true
  }

  /// What a call of a tool has asked for, nobody asks for again when the call is answered from the record.
  ///
  /// Of equal calls each has what was announced up to the next one, and what was left over before.
  private mutating func passOver(nestedIn index: Int) {
    let digest = entries[index].record.digest
    guard let inside = nested[digest.mark] else { return }
    let next = equals[digest]?.indexes.first { $0 > index && entries[$0].record.state != .rewound }
    for other in inside where other < next ?? entries.count && entries[other].takenBy == nil {
      if isReplayable(entries[other], repeatable: true) { entries[other].takenBy = attempt }
    }
  }

  private mutating func skipTaken(_ digest: RequestDigest) {
    guard var equal = equals.removeValue(forKey: digest) else { return }
    while equal.start < equal.indexes.count, entries[equal.indexes[equal.start]].takenBy != nil { equal.start += 1 }
    equals[digest] = equal
  }

  private func isReplayable(_ entry: Entry, repeatable: Bool) -> Bool {
    switch entry.record.state {
    case .succeeded: true
    case .failed: entry.record.isKept || !(entry.endsItsAttempt && entry.record.attempt < attempt && repeatable)
    case .intent, .unknown, .rewound: false
    }
  }

  private mutating func announce(_ digest: RequestDigest, kind: EffectKind, id: EffectID) -> ReplayDecision {
    let diverges = !divergenceWasTold && unclaimed > 0 && digest.call == nil
    divergenceWasTold = divergenceWasTold || diverges
    let record = EffectRecord(
      id: id, kind: kind, digest: digest, occurrence: equals[digest]?.nextOccurrence ?? 0,
      ordinal: (entries.last?.record.ordinal ?? 0) + 1,
      attempt: attempt, state: .intent)
    append(record)
    entries[entries.count - 1].takenBy = attempt
    return .new(record, diverges: diverges)
  }
}

// MARK: Outcomes

extension ReplayMachine {
  /// An effect is over: `succeeded` or `failed`.
  ///
  /// It counts as made for the attempt that made it or waited for it.
  package mutating func outcome(_ id: EffectID, _ state: EffectState) {
    precondition(state == .succeeded || state == .failed, "an outcome is succeeded or failed")
    guard let index = indexOfID[id], entries[index].record.state == .intent else { return }
    entries[index].record.state = state
    if entries[index].takenBy == attempt { made += 1 }
  }

  /// A new effect was not made after all, for want of budget or of a journal: it is as if it had not been asked for.
  package mutating func withdraw(_ id: EffectID) {
    guard let index = indexOfID[id], entries[index].record.state == .intent else { return }
    indexOfID[id] = nil
    if entries[index].record.kind == .model { modelCalls -= 1 }
    let digest = entries[index].record.digest
    equals[digest]?.indexes.removeAll { $0 == index }
    equals[digest]?.start = 0
    recount(digest)
    if index == entries.count - 1 {
      if let call = digest.call { nested[call]?.removeAll { $0 == index } }
      entries.removeLast()
    } else {
      // Its place stays, so that the indexes of later entries do; nothing matches it any more.
      entries[index].record.state = .rewound
    }
  }

  /// The outcome of an effect could not be written down: it is `unknown`, as after the death of its node.
  package mutating func lose(_ id: EffectID) {
    guard let index = indexOfID[id], entries[index].record.state == .intent else { return }
    entries[index].record.state = .unknown
    entries[index].takenBy = nil
    equals[entries[index].record.digest]?.start = 0
  }

  /// Nobody waits for the answer any more: the next equal request gets this effect, finished or not.
  ///
  /// `attempt` is the one whose asker left; a later attempt that took the effect over keeps it.
  package mutating func abandon(_ id: EffectID, by attempt: AttemptNumber) {
    guard let index = indexOfID[id], entries[index].takenBy == attempt else { return }
    entries[index].takenBy = nil
    equals[entries[index].record.digest]?.start = 0
    guard entries[index].isOwn, entries[index].record.attempt < self.attempt else { return }
    if isReplayable(entries[index], repeatable: true) { unclaimed += 1 }
  }
}
