// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Two buckets, one of lines and one of bytes, that fill with time; a line needs room in both.
struct RateLimit: Sendable {
  private static let scale: Int64 = 1_000_000_000
  private let limits: LogLimits
  // In billionths, so that a nanosecond adds a whole number.
  private var lines: Int64
  private var bytes: Int64
  private var filledAt: Instant

  private(set) var droppedLines = 0
  private(set) var droppedBytes = 0
  private var noticedAt: Instant?

  init(_ limits: LogLimits, at now: Instant) {
    self.limits = limits
    lines = Int64(limits.burstLines) * Self.scale
    bytes = Int64(limits.burstBytes) * Self.scale
    filledAt = now
  }

  /// Takes the room of a line, or counts it as dropped.
  mutating func admit(_ count: Int, at now: Instant) -> Bool {
    fill(at: now)
    let needed = Int64(count) * Self.scale
    guard lines >= Self.scale, bytes >= needed else {
      droppedLines += 1
      droppedBytes += count
      return false
    }
    lines -= Self.scale
    bytes -= needed
    return true
  }

  /// Counts lines that nobody asked room for, because there was none a moment ago.
  mutating func drop(lines: Int, bytes: Int) {
    droppedLines += lines
    droppedBytes += bytes
  }

  /// What was dropped since the last notice, if one is due.
  mutating func notice(at now: Instant, force: Bool = false) -> (lines: Int, bytes: Int)? {
    guard droppedLines > 0 else { return nil }
    if let noticedAt, !force, now - noticedAt < limits.noticeInterval { return nil }
    defer {
      droppedLines = 0
      droppedBytes = 0
      noticedAt = now
    }
    return (droppedLines, droppedBytes)
  }

  private mutating func fill(at now: Instant) {
    let elapsed = max(0, (now - filledAt).wholeNanoseconds)
    filledAt = now
    lines = Self.filled(lines, rate: limits.linesPerSecond, burst: limits.burstLines, elapsed)
    bytes = Self.filled(bytes, rate: limits.bytesPerSecond, burst: limits.burstBytes, elapsed)
  }

  private static func filled(_ level: Int64, rate: Int, burst: Int, _ elapsed: Int64) -> Int64 {
    let full = Int64(burst) * scale
    let (gain, overflow) = Int64(rate).multipliedReportingOverflow(by: elapsed)
    return overflow || gain >= full - level ? full : level + gain
  }
}
