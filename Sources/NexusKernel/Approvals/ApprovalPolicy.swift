// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Who decides about one kind of question, and how long they have: what stands under a name in `approvals:`.
package struct ApprovalPolicy: Sendable, Hashable {
  package var name: String
  /// The roles whose holders may decide.
  package var approvers: [String]
  /// How many different people have to say yes.
  package var quorum = 1
  /// Whoever asked may be one of them.
  package var requesterMayApprove = false
  /// How long the question, and the answer to it, is good for; nil for ever.
  package var expiresIn: Duration?
  /// After which parts of that time it is said that it runs out, in percent.
  package var warnAt: [Int] = []
  /// After which part of that time others may decide as well, in percent.
  package var escalateAt: Int?
  /// Their roles.
  package var escalateTo: [String] = []

  /// The webhooks that are told of it, by name.
  package var channels: [String] = []

  /// How long people have where nothing says so.
  package static let usualLife = Duration.seconds(24 * 3600)

  package init(name: String, approvers: [String], expiresIn: Duration? = ApprovalPolicy.usualLife) {
    self.name = name
    self.approvers = approvers
    self.expiresIn = expiresIn
  }

  /// The roles of all who may ever decide.
  package var allRoles: [String] { approvers + escalateTo }
}
