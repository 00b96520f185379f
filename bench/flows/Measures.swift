// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import Glibc
internal import NexusCore

enum Digest {
  static func sha256(_ bytes: [UInt8]) -> DefinitionHash {
    let digits = Array("0123456789abcdef".utf8)
    let text = SHA256.hash(data: bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return DefinitionHash(String(decoding: text, as: UTF8.self))
  }
}

/// What this process has used of the processors, in microseconds.
func processorMicroseconds() -> Int64 {
  var time = timespec()
  unsafe _ = clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
}

/// The most memory that this process has had, in kilobytes.
func largestResidentKilobytes() -> Int {
  var usage = rusage()
  unsafe _ = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss
}

/// Runs what this process is for; it ends if that fails.
func orExit(_ body: () async throws -> Void) async {
  do {
    try await body()
  } catch {
    print(error)
    exit(1)
  }
}

/// The size of a file; 0 if there is none.
func fileBytes(_ path: String) -> Int64 {
  var status = stat()
  return unsafe stat(path, &status) == 0 ? Int64(status.st_size) : 0
}

extension [Duration] {
  /// The value below which that share of the values lies.
  func quantile(_ share: Double) -> Duration {
    let sorted = sorted()
    return sorted.isEmpty ? .zero : sorted[Swift.min(sorted.count - 1, Int(Double(sorted.count) * share))]
  }
}

extension Duration {
  /// With three digits behind the point.
  var milliseconds: Double { Double(wholeNanoseconds / 1000) / 1000 }
}

/// Appends 4 KB to a file and waits for the disk, again and again.
struct FlushProbe {
  private let descriptor: Int32
  private let path: String
  private let block = [UInt8](repeating: 0x78, count: 4096)

  init(beside database: String) throws {
    path = database + ".flush"
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { throw BenchError("\(path) cannot be written") }
  }

  func flush(_ clock: SystemClock) -> Duration {
    let start = clock.now()
    let written = unsafe block.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    precondition(written == block.count && fdatasync(descriptor) == 0, "the flush failed")
    return clock.now() - start
  }

  func end() {
    close(descriptor)
    unsafe _ = unlink(path)
  }
}
