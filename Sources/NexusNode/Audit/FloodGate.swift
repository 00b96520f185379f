// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Lets so many records of a kind into the log, and counts the others: whoever is refused cannot fill the disk by it.
struct FloodGate {
  /// So many at once, and then one in each `pause`.
  struct Rate: Sendable {
    let burst: Int
    let pause: Duration
  }

  /// What others than operators can cause as often as they like.
  static let gated: [AuditEvent: Rate] = [
    .accessRefused: Rate(burst: 20, pause: .seconds(3)), .callRefused: Rate(burst: 20, pause: .seconds(3)),
    // Each sandbox tells of the same denial once, and of a hundred different ones; a connection is told of once.
    .sandboxDenied: Rate(burst: 500, pause: .milliseconds(500)),
    .sandboxFlow: Rate(burst: 2000, pause: .milliseconds(50)),
  ]

  private struct Bucket {
    var tokens: Int
    var filledAt: Instant
    var dropped: Int64 = 0
  }

  private var buckets: [AuditEvent: Bucket] = [:]

  /// What is to be written: the record, behind the number of those that were not; or nothing.
  mutating func admit(_ record: AuditRecord, at now: Instant) -> [AuditRecord] {
    guard let rate = Self.gated[record.event] else { return [record] }
    var bucket = buckets[record.event] ?? Bucket(tokens: rate.burst, filledAt: now)
    defer { buckets[record.event] = bucket }
    let fresh = Int((now - bucket.filledAt).wholeNanoseconds / rate.pause.wholeNanoseconds)
    if fresh > 0 {
      bucket.tokens = min(rate.burst, bucket.tokens + fresh)
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
