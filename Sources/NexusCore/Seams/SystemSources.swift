// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc

/// The clocks of the machine: `CLOCK_BOOTTIME`, which does not step and counts suspended time, and `CLOCK_REALTIME`.
package struct SystemClock: NexusClock {
  package init() {}

  package func now() -> Instant {
    let time = Self.read(CLOCK_BOOTTIME)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  package func wallNow() -> WallTime {
    let time = Self.read(CLOCK_REALTIME)
    return WallTime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
  }

  package func sleep(until deadline: Instant) async throws {
    // A loop, because the runtime's clock and CLOCK_BOOTTIME may differ in rate and in suspended time.
    var left = deadline - now()
    repeat {
      try await Task.sleep(for: max(left, .zero))
      left = deadline - now()
    } while left > .zero
  }

  private static func read(_ clock: clockid_t) -> timespec {
    var time = timespec()
    let result = unsafe clock_gettime(clock, &time)
    precondition(result == 0, "clock_gettime failed for clock \(clock)")
    return time
  }
}

/// The kernel's random source, through the standard library's generator (`getrandom(2)`).
package struct SystemRandom: RandomSource {
  package init() {}
  package func next() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }

  /// One call of the kernel, which gives up to 256 bytes whole.
  package func bytes(_ count: Int) -> [UInt8] {
    precondition(count <= 256, "more random bytes at once than the kernel gives")
    var bytes = [UInt8](repeating: 0, count: count)
    let result = unsafe bytes.withUnsafeMutableBytes { unsafe getentropy($0.baseAddress, $0.count) }
    precondition(result == 0, "getentropy failed")
    return bytes
  }
}
