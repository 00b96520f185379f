// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import Testing

/// A node that is killed at a change of its database, and again while it recovers, for every kind of run.
@Suite(.seated)
struct CrashTests {
  /// So many changes of each run are tried here, other ones each time; `make soak` tries all.
  private static let lives = "2"

  private static let scenarios = [
    "sequence", "dag", "each", "timer", "event", "child", "saga-completes", "saga-fails-at-0", "saga-fails-at-1",
    "saga-fails-at-2", "saga-fails-at-3", "saga-undo-flaky-at-0", "saga-undo-flaky-at-1", "saga-undo-flaky-at-2",
    "pool-all", "pool-first", "pool-majority", "pool-quorum", "pool-path", "pool-judged", "queue-round-robin",
    "queue-least-busy", "queue-random", "fails", "exhausted", "saga-cancelled", "saga-cancelled-in-undo",
    "saga-undo-fails", "saga-undo-fails-goes-on", "unknown-probe", "unknown-ask", "unknown-fail", "fork",
    "gate-retries", "gate-stops", "gate-asks", "schedule",
  ]

  @Test(arguments: scenarios)
  func `a run ends the same wherever its node is killed, twice`(scenario: String) async throws {
    let ended = try await Self.crash("--only", scenario, "--double", "--lives", Self.lives)
    Self.expectRightEnds(ended)
  }

  /// Nodes that stay recover everything by themselves, before anybody asks.
  @Test(arguments: ["dag", "saga-undo-flaky-at-1"])
  func `nor does it matter whose node it is`(scenario: String) async throws {
    let ended = try await Self.crash("--only", scenario, "--double", "--up", "--lives", Self.lives)
    Self.expectRightEnds(ended)
  }

  @Test func `a node that is killed while it makes its database comes up all the same`() async throws {
    let ended = try await Self.crash("--only", "sequence", "--double", "--creation", "--lives", "6")
    Self.expectRightEnds(ended)
  }

  @Test func `every kind of run is tried`() async throws {
    let listed = try await Self.crash("--list")
    #expect(listed.outLines == Self.scenarios)
  }

  /// What cannot fail proves nothing: between two kills a step whose result is recorded is executed once more.
  @Test func `a step that is executed again is found`() async throws {
    let ended = try await Self.crash("--only", "sequence", "--double", "--lives", "60", "--repeat")
    Self.expectRightEnds(ended)
  }

  @Test func `each rule finds a node that breaks it`() async throws {
    try await Project.with { project in
      let checks = try project.start([Checkout.python(), "-B", Checkout.support("crash/check_rules.py")])
      let ended = try await checks.end()
      #expect(ended.exit == .code(0), "\(ended.outText)\(ended.errText)")
    }
  }

  /// Runs the script; a seed that failed is tried again with `NAOS_SEED`.
  private static func crash(_ arguments: String...) async throws -> Transcript {
    let python = try Checkout.python()
    var seed: [String] = []
    if let chosen = ProcessInfo.processInfo.environment["NAOS_SEED"] { seed = ["--seed", chosen] }
    var transcript: Transcript?
    try await Project.with { project in
      let library = project.path("crashpoint.so")
      let source = Checkout.support("crash/crashpoint.c")
      let compiler = try project.start(
        ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl"])
      let compiled = try await compiler.end()
      try #require(compiled.exit == .code(0), "\(compiled.errText)")
      let script = [python, "-B", Checkout.support("crash/crash.py"), Checkout.naos, library]
      transcript = try await project.start(script + arguments + seed).end()
    }
    return try #require(transcript)
  }

  private static func expectRightEnds(_ ended: Transcript) {
    // The last line says how many kills there were, and the seed; no kill would prove nothing.
    let last = ended.outLines.last ?? ""
    print(ended.outLines.suffix(2).joined(separator: " · "))
    #expect(ended.exit == .code(0), "\(ended.outText)\(ended.errText)")
    #expect(last.contains(" 0 wrong ends"))
    #expect(!last.hasPrefix("0 kills"))
  }
}
