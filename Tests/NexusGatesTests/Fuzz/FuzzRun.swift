// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Dispatch
import Foundation
import Synchronization
import Testing

/// How long and from which seed a fuzz goes on: `NAOS_FUZZ_SEED`, and `NAOS_FUZZ_ROUNDS` times as many cases as usual.
///
/// A trap ends the process with everything that it knew, so `NAOS_FUZZ_TRACE` names a file in which the case stands that
/// is under way.
struct FuzzRun {
  /// The stack that a thread may have; without optimisation frames are several times as large.
  #if DEBUG
    static let stackBytes = 4 << 20
  #else
    static let stackBytes = 512 << 10
  #endif

  let seed: UInt64
  let rounds: Int
  private let trace: String?

  init() {
    let environment = ProcessInfo.processInfo.environment
    seed = environment["NAOS_FUZZ_SEED"].flatMap { UInt64($0) } ?? 6
    rounds = max(1, environment["NAOS_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 1)
    trace = environment["NAOS_FUZZ_TRACE"]
  }

  /// Makes and tries cases on a thread with a small stack, each from numbers of its own, so that one can be had again
  /// without those before it.
  ///
  /// - Parameters:
  ///   - count: how many, in a run of usual length.
  ///   - name: of the whole.
  ///   - source: makes them.
  ///   - attempt: tries one, and gives a complaint or nil.
  func cases(
    _ count: Int, _ name: String, of source: any FuzzSource,
    attempt: @escaping @Sendable ([UInt8], inout SplitMix) -> String?
  ) {
    print("fuzz of \(name): seed \(seed), \(count * rounds) cases")
    let complaints = Self.onSmallStack { [self] in
      var found: [String] = []
      for number in 0..<count * rounds where found.count < 20 {
        var random = SplitMix(seed: seed &+ UInt64(number) &* 0xD129_0B6B_1D2F_4B45)
        let bytes = source.make(&random)
        if let trace {
          let text = "\(name), seed \(seed), case \(number)\n" + String(decoding: bytes, as: UTF8.self)
          _ = FileManager.default.createFile(atPath: trace, contents: Data(text.utf8))
        }
        let began = ContinuousClock.now
        let complaint = attempt(bytes, &random)
        let took = ContinuousClock.now - began
        guard complaint != nil || took > .seconds(20) else { continue }
        let text = String(decoding: bytes.prefix(2_000), as: UTF8.self)
        found.append("seed \(seed), case \(number): \(complaint ?? "it took \(took)"): \(text)")
      }
      return found
    }
    for complaint in complaints { Issue.record("\(complaint)") }
  }

  private static func onSmallStack(_ body: @escaping @Sendable () -> [String]) -> [String] {
    let done = DispatchSemaphore(value: 0)
    let result = Held()
    let thread = Thread {
      result.set(body())
      done.signal()
    }
    thread.stackSize = stackBytes
    thread.start()
    done.wait()
    return result.value
  }
}

/// What another thread found.
private final class Held: Sendable {
  private let found = Mutex<[String]>([])
  var value: [String] { found.withLock { $0 } }
  func set(_ complaints: [String]) { found.withLock { $0 = complaints } }
}
