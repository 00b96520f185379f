// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusKernel
import NexusStore
import Testing

@Suite struct EntryFormatTests {
  /// One of every entry that version 1 can write; new cases go to the end and to the golden file.
  static let entries: [RunEntry] =
    [
      .created(
        RunCreation(
          kind: .agent, name: "researcher", input: ["question": "why?\n\u{1F600}"], definition: DefinitionHash("d0"),
          idempotencyKey: "k")),
      .created(RunCreation(kind: .saga, name: "s", input: nil, definition: DefinitionHash("d1"))),
      .attemptStarted(step: .main, attempt: AttemptNumber(2), dropped: 4),
    ]
    + outcomes.map {
      .attemptEnded(
        step: StepPath("research[2].draft"), attempt: AttemptNumber(1),
        AttemptEnd(outcome: $0, passed: 6, replayed: 5, tokens: TokenCount(508), cost: NanoUSD(12_500_000)))
    }
    + [
      .stepRecorded(path: StepPath("a.b"), value: [1, "two", ["three": true]]), .cancelRequested(by: "a person"),
      .paused(.budget, note: "no money"), .resumed(by: "a person"), .completed(output: "a\nb"), .completed(output: nil),
      .failed(RunError(code: "NX-RUN-001", message: "it \"broke\"", isRetryable: false)), .cancelled,
      .retried(by: "a person"),
    ]

  static let outcomes: [AttemptOutcome] = [
    .succeeded, .crashed(RunError(code: "NX-AGT-001", message: "signal 9")),
    .askedRetry(RunError(code: "NX-AGT-002", message: "exit 75")), .interrupted("the node ended"),
    .budgetStopped(
      BudgetRefusal(reason: .tooBig, scope: "agent:researcher", action: .pause, message: "$0.01 is too much")),
    .cancelled, .timedOut,
  ]

  /// The file holds one entry a line, its two parts joined by a tab, which JSON never contains bare.
  private func golden(_ version: String) throws -> [[UInt8]] {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("goldens/entries-\(version).txt")
    return try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
      .map { Array($0.replacing("\t", with: "\n").utf8) }
  }

  @Test func `what version 1 wrote is read forever`() throws {
    let stored = try golden("v1")
    #expect(stored.count == Self.entries.count)
    for (bytes, entry) in zip(stored, Self.entries) { #expect(try EntryFormat.decode(bytes) == entry) }
  }

  @Test func `the present version writes the same bytes`() throws {
    let written = try Self.entries.map { String(decoding: try EntryFormat.encode($0), as: UTF8.self) }
    #expect(written == (try golden("v1").map { String(decoding: $0, as: UTF8.self) }))
  }

  @Test(arguments: [
    "", "{}", "[]", #"{"v":1}"#, #"{"v":2,"type":"cancelled"}"#, #"{"v":1,"type":"exploded"}"#,
    #"{"v":1,"type":"cancelled","more":1}"#, #"{"v":1,"type":"retried"}"#, #"{"v":1,"type":"retried","by":1}"#,
    #"{"v":1,"type":"completed"}"#, "{\"v\":1,\"type\":\"cancelled\"}\n1", "{\"v\":1,\"type\":\"completed\"}\n",
    "{\"v\":1,\"type\":\"completed\"}\n1\n2", #"{"v":1,"type":"paused","reason":"whim","note":""}"#,
    #"{"v":1.0,"type":"cancelled"}"#, #"{"v":1,"type":"failed","error":{"code":"a","message":"b","isRetryable":1}}"#,
    #"{"v":1,"v":1,"type":"cancelled"}"#,
  ])
  func `an entry that is not understood whole is refused`(_ text: String) {
    let error = #expect(throws: StoreError.self) { try EntryFormat.decode(Array(text.utf8)) }
    #expect(error?.code == .corrupt)
  }

  @Test func `every cut of an entry is refused`() throws {
    for bytes in try golden("v1") {
      for end in 0..<bytes.count {
        // A cut behind the line break of a value that is a number would be another number; no golden value is one.
        #expect(throws: StoreError.self) { try EntryFormat.decode(Array(bytes[..<end])) }
      }
    }
  }
}
