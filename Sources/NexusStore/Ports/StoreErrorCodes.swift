// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StoreError {
  /// The stable code that users see and `naos explain` knows.
  package var publicCode: String {
    switch code {
    case .staleGuard: "NX-STO-001"
    case .duplicate: "NX-STO-002"
    case .locked: "NX-STO-003"
    case .full: "NX-STO-004"
    case .corrupt: "NX-STO-005"
    case .newerSchema: "NX-STO-006"
    case .inputOutput: "NX-STO-007"
    case .tooLarge: "NX-STO-008"
    case .notFound: "NX-STO-009"
    case .closed: "NX-STO-010"
    case .unknownOutcome: "NX-STO-011"
    }
  }
}
