// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

/// A node that is killed at a change of its database, for every kind of run.
@Suite(.seated)
struct CrashTests {
  /// One of so many changes is tried here, the first by the seed; `make soak` tries each.
  private static let every = "140"

  private static let scenarios = [
    "sequence", "dag", "each", "timer", "event", "child", "saga-completes", "saga-fails-at-0", "saga-fails-at-1",
    "saga-fails-at-2", "saga-fails-at-3", "saga-undo-flaky-at-0", "saga-undo-flaky-at-1", "saga-undo-flaky-at-2",
    "pool-all", "pool-first", "pool-majority", "pool-quorum",
  ]

  @Test(arguments: scenarios)
  func `a run ends the same wherever its node is killed`(scenario: String) async throws {
    let python = try Checkout.python()
    try await Project.with { project in
      let library = project.path("crashpoint.so")
      let source = Checkout.support("crash/crashpoint.c")
      let compiler = try project.start(
        ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl"])
      let compiled = try await compiler.end()
      try #require(compiled.exit == .code(0), "\(compiled.errText)")
      let crashes = try project.start([
        python, "-B", Checkout.support("crash/crash.py"), Checkout.naos, library, "--only", scenario, "--every",
        Self.every, "--seed", "\(scenario.utf8.count)",
      ])
      let ended = try await crashes.end()
      #expect(ended.exit == .code(0), "\(ended.outText)\(ended.errText)")
      // The last line says how many there were; none would prove nothing.
      let last = try #require(ended.outLines.last)
      #expect(last.contains(" 0 wrong ends"))
      #expect(!last.hasPrefix("0 kills"))
    }
  }
}
