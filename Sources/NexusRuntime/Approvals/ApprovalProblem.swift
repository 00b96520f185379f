// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// Why something could not be done with an approval.
package struct ApprovalProblem: Error, Sendable, Hashable, CustomStringConvertible {
  package enum Kind: Sendable { case notFound, conflict, refused, invalid, unavailable, storage }

  package let kind: Kind
  package let code: String
  package let message: String

  init(_ kind: Kind, code: String, _ message: String) {
    self.kind = kind
    self.code = code
    self.message = message
  }

  init(_ error: StoreError) {
    self.init(.storage, code: error.publicCode, error.message)
  }

  init(_ refusal: ApprovalRefusal, _ machine: ApprovalMachine) {
    let id = machine.request.id
    switch refusal {
    case .notApprover:
      self.init(
        .refused, code: refusal.code,
        "\(id) is decided by \(machine.deciders.map { "role:\($0)" }.joined(separator: ", ")).")
    case .ownRequest: self.init(.refused, code: refusal.code, "Whoever asks for \(id) may not approve it.")
    case .settled:
      let who = machine.decider.map { " by \($0)" } ?? ""
      self.init(.conflict, code: refusal.code, "\(id) is \(machine.status.rawValue) already\(who).")
    case .otherDigest:
      self.init(
        .conflict, code: refusal.code, "\(id) is not what you looked at: its digest is \(machine.request.digest).")
    case .expired: self.init(.conflict, code: refusal.code, "The time for \(id) is over, which denies it.")
    case .notApproved: self.init(.conflict, code: refusal.code, "\(id) is \(machine.status.rawValue), not approved.")
    case .used: self.init(.conflict, code: refusal.code, "\(id) has been used, and is good for one action only.")
    }
  }

  static let busy = ApprovalProblem(
    .unavailable, code: "NX-APR-016", "Too many decide about this approval at the same moment: ask again.")

  package var description: String { "\(code): \(message)" }
}
