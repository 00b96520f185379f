// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// How an approval stands.
package enum ApprovalStatus: String, Sendable, CaseIterable {
  case requested, escalated
  case approved, denied, edited, expired, cancelled, void
  /// The action it allows has been announced; it allows no other.
  case consumed

  /// People may still decide.
  package var isOpen: Bool { self == .requested || self == .escalated }

  /// Open, or good for an action that has not been done.
  package var isLive: Bool { isOpen || self == .approved }
}

/// What the record of an approval is made of; it grows only at its end.
package enum ApprovalEntry: Sendable, Hashable {
  indirect case requested(ApprovalRequest)
  /// So many percent of its time are over.
  case warned(percent: Int)
  case escalated(percent: Int)
  /// One person says yes.
  case agreed(by: OperatorIdentity, reason: String)
  /// Enough people have.
  case approved
  case denied(by: OperatorIdentity, reason: String)
  /// A person wants it done with other arguments, which is another question.
  case edited(by: OperatorIdentity, next: ApprovalID, reason: String)
  case expired
  case cancelled(reason: String)
  case voided(reason: String)
  case consumed(EffectID)
  /// Somebody decided who could not, or in a way that did not count.
  case rejected(by: OperatorIdentity, ApprovalRefusal)
}

/// Why a decision, or the use of an approval, does not count.
package enum ApprovalRefusal: String, Error, Sendable, Hashable, CaseIterable {
  /// Their role is not one that decides about this.
  case notApprover = "not-approver"
  /// Whoever asks may not answer.
  case ownRequest = "own-request"
  /// It is decided.
  case settled
  /// What they decided about is not what is asked.
  case otherDigest = "other-digest"
  /// Its time is over.
  case expired
  /// Nobody has said yes, or not enough people have.
  case notApproved = "not-approved"
  /// It has been used.
  case used

  /// The code of its error page.
  package var code: String {
    switch self {
    case .notApprover: "NX-APR-010"
    case .ownRequest: "NX-APR-011"
    case .settled: "NX-APR-012"
    case .otherDigest: "NX-APR-013"
    case .expired: "NX-APR-004"
    case .notApproved: "NX-APR-014"
    case .used: "NX-APR-015"
    }
  }
}
