// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import NexusFlowKit
import NexusKernel

/// What the references of a test stand for.
struct TableScope: ValueScope {
  var values: [ReferenceRoot: JSONValue]

  init(_ values: [ReferenceRoot: JSONValue]) { self.values = values }

  func value(of root: ReferenceRoot) -> JSONValue? { values[root] }

  /// A run with some steps behind it.
  static let run = TableScope([
    .runInput: [
      "topic": "sagas", "n": 3, "dry": false, "odd key": "k", "nothing": nil, "deep": ["a": [[1, 2], [3]]],
    ],
    .runID: "run_1",
    .stepOutput("plan"): ["title": "On sagas", "titles": ["one", "two"], "score": .double(0.8), "ok": true],
    .stepOutput("write-up"): "a text",
    .stepOutput("skipped"): nil,
    .stepStatus("plan"): "completed",
    .stepStatus("skipped"): "skipped",
    .item: ["id": 7],
    .index: 2,
  ])
}

/// The same numbers for the same seed (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
