// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Testing

/// Few of these tests run at once: each starts several processes, and most machines have few cores.
struct Seated: SuiteTrait, TestTrait, TestScoping {
  let isRecursive = true

  @concurrent
  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    guard testCase != nil else { return try await function() }
    await Seats.shared.take()
    do { try await function() } catch {
      await Seats.shared.leave()
      throw error
    }
    await Seats.shared.leave()
  }
}

extension Trait where Self == Seated {
  static var seated: Self { Seated() }
}

private actor Seats {
  static let shared = Seats()
  private var free = 3
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func take() async {
    if free > 0 {
      free -= 1
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  func leave() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}
