// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Lets so many records of a kind into the log, and counts the others: whoever is refused cannot fill the disk by it.
struct FloodGate {
  /// So many at once, and then one in each `pause`.
  static let burst = 20
  static let pause = Duration.seconds(3)

  /// What others than operators can cause as often as they like.
  static let gated: Set<AuditEvent> = [.accessRefused, .budgetRefused]

  private struct Bucket {
    var tokens = FloodGate.burst
    var filledAt: Instant
    var dropped: Int64 = 0
  }

  private var buckets: [AuditEvent: Bucket] = [:]

  /// What is to be written: the record, behind the number of those that were not; or nothing.
  mutating func admit(_ record: AuditRecord, at now: Instant) -> [AuditRecord] {
    guard Self.gated.contains(record.event) else { return [record] }
    var bucket = buckets[record.event] ?? Bucket(filledAt: now)
    defer { buckets[record.event] = bucket }
    let fresh = Int((now - bucket.filledAt).wholeNanoseconds / Self.pause.wholeNanoseconds)
    if fresh > 0 {
      bucket.tokens = min(Self.burst, bucket.tokens + fresh)
      bucket.filledAt = now
    }
    guard bucket.tokens > 0 else {
      bucket.dropped += 1
      return []
    }
    bucket.tokens -= 1
    guard bucket.dropped > 0 else { return [record] }
    let flood = AuditRecord(
      .accessFlooded, subject: record.event.rawValue, details: ["dropped": .int(bucket.dropped)])
    bucket.dropped = 0
    return [flood, record]
  }
}
