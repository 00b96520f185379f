// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Who asks something of the node on the operator plane.
package struct OperatorIdentity: Sendable, Hashable, CustomStringConvertible {
  /// As it was given with `naos token create`.
  package let name: String
  package let role: String

  package init(name: String, role: String) {
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
