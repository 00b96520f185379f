// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What a gate says, the mildest first; of several verdicts the most severe one holds.
package enum Verdict: String, Sendable, Hashable, CaseIterable, Comparable {
  case pass, warn, retry, escalate, stop

  package static func < (left: Self, right: Self) -> Bool { left.severity < right.severity }

  private var severity: Int {
    switch self {
    case .pass: 0
    case .warn: 1
    case .retry: 2
    case .escalate: 3
    case .stop: 4
    }
  }
}
