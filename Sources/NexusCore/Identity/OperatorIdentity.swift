// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Who asks something of the node on the operator plane.
package struct OperatorIdentity: Sendable, Hashable, CustomStringConvertible {
  /// As it was given with `naos token create`.
  package let name: String
  package let role: String
  /// The agents, workflows, sagas and pools that it sees, with what belongs to them; nil for all.
  package let scope: Set<String>?

  package init(name: String, role: String, scope: Set<String>? = nil) {
    self.scope = scope
    self.name = name
    self.role = role
  }

  /// Whoever holds `.naos/token`: the node's own user.
  package static let owner = OperatorIdentity(name: "owner", role: "owner")

  /// Stands in for every role, as one name.
  package var isOwner: Bool { self == .owner }

  /// Whether it may do what a role may.
  package func holds(oneOf roles: [String]) -> Bool { isOwner || roles.contains(role) }

  package var description: String { isOwner ? name : "\(name) (\(role))" }
}
