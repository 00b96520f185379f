// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation

/// The provider of `support/upstream.py`: counts calls, and does what it is told.
final class Upstream: Sendable {
  let port: Int
  private let process: Running

  /// Starts it; the environment is described in the script.
  init(for project: Project, _ environment: [String: String] = [:]) async throws {
    process = try project.start([Checkout.python(), Checkout.support("upstream.py")], environment: environment)
    port = try await process.wait(for: "the provider") { transcript in
      transcript.outLines.first.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) }
    }
  }

  /// The questions asked, in the order in which they came in.
  var calls: [String] { process.transcript.outLines.filter { $0.hasPrefix("call ") } }

  /// The keys that calls came with, if it is to tell them.
  var keys: [String] { process.transcript.outLines.filter { $0.hasPrefix("key ") } }

  func waitForCall(_ number: Int) async throws {
    try await process.wait(for: "call \(number)") { $0.outText.contains("call \(number) ") ? true : nil }
  }

  /// Waits until half of a streamed answer is out.
  func waitUntilHeld() async throws {
    try await process.wait(for: "the held stream") { $0.outText.contains("held\n") ? true : nil }
  }

  /// Lets the call that is held go on.
  func release() async { await process.write("release\n") }

  /// The part of a configuration that names this provider: each call costs $0.002.
  var config: String {
    """
    providers:
      fake: { dialect: openai, baseURL: "http://127.0.0.1:\(port)/v1", apiKey: sk-test }
      fakeanthropic: { dialect: anthropic, baseURL: "http://127.0.0.1:\(port)", apiKey: sk-test }
      fakegemini: { dialect: gemini, baseURL: "http://127.0.0.1:\(port)", apiKey: sk-test }
    cost:
      models:
        fake/fixed: { inputPer1M: 0, outputPer1M: 0, perRequest: 0.002 }
        fakeanthropic/fixed: { inputPer1M: 0, outputPer1M: 0, perRequest: 0.002 }
        fakegemini/fixed: { inputPer1M: 0, outputPer1M: 0, perRequest: 0.002 }
    server: { port: 0 }

    """
  }
}
