// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Lets so many records of a kind into the log, and adds up the others: whoever is refused cannot fill the disk by it.
///
/// Each agent has a measure of its own in each run, and each kind of record has: so nobody's flood costs anybody else a
/// row, and refused connections hide no other. What is not written one by one is told as a sum.
package struct FloodGate: Sendable {
  /// So many at once, and then one in each `pause`.
  struct Rate: Sendable {
    let burst: Int
    let pause: Duration
  }

  /// What is measured by itself.
  enum Lane: Hashable, CaseIterable {
    case access, call, denial
    /// A connection that led to nobody.
    case refusal
    /// One over which a host was sent something, and one that is still open.
    case flow, opening

    /// Nil for what is always written: others than operators cannot cause it as often as they like.
    init?(_ record: AuditRecord) {
      switch record.event {
      case .accessRefused: self = .access
      case .callRefused: self = .call
      case .sandboxDenied: self = .denial
      case .sandboxFlow where record.outcome == EgressFlow.open: self = .opening
      case .sandboxFlow: self = record.details["reached"] == true ? .flow : .refusal
      default: return nil
      }
    }

    var rate: Rate {
      switch self {
      case .access, .call: Rate(burst: 20, pause: .seconds(3))
      // Each sandbox tells of the same denial once, and of a hundred different ones.
      case .denial: Rate(burst: 500, pause: .milliseconds(500))
      case .refusal, .opening: Rate(burst: 500, pause: .milliseconds(500))
      case .flow: Rate(burst: 2000, pause: .milliseconds(50))
      }
    }
  }

  struct Key: Hashable {
    let lane: Lane
    var agent: AgentName?
    var run: RunID?
    /// Where somebody whom nobody knows was refused: those of the agent plane hide none of the operator plane.
    var plane: String?
  }

  private struct Bucket {
    var tokens: Int
    var filledAt: Instant
    /// When what was dropped was told last.
    var toldAt: Instant?

    mutating func fill(_ rate: Rate, at now: Instant) {
      let fresh = (now - filledAt).wholeNanoseconds / rate.pause.wholeNanoseconds
      guard fresh > 0 else { return }
      tokens = Int(min(Int64(rate.burst), Int64(tokens) + fresh))
      filledAt = now
    }
  }

  /// Beyond so many at a time, new ones share one for each lane.
  static let mostBuckets = 1024
  /// Sums that are not told yet; beyond so many the oldest is.
  static let mostSums = 1024
  /// Sums are told so often at most while records are let in between.
  private static let pause = Duration.seconds(1)

  private var buckets: [Key: Bucket] = [:]
  private var shared: [Lane: Bucket] = [:]
  private var sums: [Key: DroppedRecords] = [:]
  private var sweptAt: Instant?

  package init() {}

  /// What is to be written: the record, behind the sum of those that were not; or nothing.
  package mutating func admit(_ record: AuditRecord, at now: Instant) -> [AuditRecord] {
    guard let lane = Lane(record) else { return [record] }
    let plane = record.agent == nil ? record.details["plane"]?.stringValue : nil
    let key = Key(lane: lane, agent: record.agent, run: record.run, plane: plane)
    let isShared = isCrowded(without: key, at: now)
    var bucket = (isShared ? shared[lane] : buckets[key]) ?? Bucket(tokens: lane.rate.burst, filledAt: now)
    defer { if isShared { shared[lane] = bucket } else { buckets[key] = bucket } }
    bucket.fill(lane.rate, at: now)
    guard bucket.tokens > 0 else { return drop(record, key, at: now) }
    bucket.tokens -= 1
    guard sums[key] != nil, bucket.toldAt.map({ now - $0 >= Self.pause }) ?? true else { return [record] }
    bucket.toldAt = now
    return tell(key, at: now) + [record]
  }

  /// The sums of what one agent did in one run, or outside of runs.
  package mutating func settle(agent: AgentName, run: RunID?, at now: Instant) -> [AuditRecord] {
    Lane.allCases.flatMap { tell(Key(lane: $0, agent: agent, run: run), at: now) }
  }

  /// All sums, the oldest first.
  package mutating func settle(at now: Instant) -> [AuditRecord] {
    sums.sorted { $0.value.since < $1.value.since }.flatMap { tell($0.key, at: now) }
  }

  private mutating func tell(_ key: Key, at now: Instant) -> [AuditRecord] {
    guard let sum = sums.removeValue(forKey: key) else { return [] }
    return [sum.record(key, at: now)]
  }

  private mutating func drop(_ record: AuditRecord, _ key: Key, at now: Instant) -> [AuditRecord] {
    var told: [AuditRecord] = []
    if let sum = sums[key] {
      if !sum.hasRoom(for: record) { told = tell(key, at: now) }
    } else if sums.count >= Self.mostSums, let oldest = sums.min(by: { $0.value.since < $1.value.since }) {
      told = tell(oldest.key, at: now)
    }
    sums[key, default: DroppedRecords(since: now, hasPlaces: key.lane == .flow || key.lane == .opening)].add(record)
    return told
  }

  /// Whether there is no place for one more bucket; those that are full again say nothing, and go.
  private mutating func isCrowded(without key: Key, at now: Instant) -> Bool {
    // Whom nobody knows is one, and keeps a place.
    guard buckets[key] == nil, key.agent != nil, buckets.count >= Self.mostBuckets else { return false }
    if sweptAt.map({ now - $0 >= Self.pause }) ?? true {
      sweptAt = now
      buckets = buckets.filter { key, bucket in
        var bucket = bucket
        bucket.fill(key.lane.rate, at: now)
        return bucket.tokens < key.lane.rate.burst
      }
    }
    return buckets.count >= Self.mostBuckets
  }
}
