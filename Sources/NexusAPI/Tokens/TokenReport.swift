// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What token is wanted.
package struct TokenWish: Sendable, Hashable {
  package var name: String
  package var role: String
  /// The agents, workflows, sagas and pools that it shows; empty for all.
  package var only: [String]

  package init(_ name: String, role: String, only: [String] = []) {
    self.name = name
    self.role = role
    self.only = only
  }

  /// - Throws: `WireError`: a member is missing, or no text.
  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "token")
    name = try reader.text("name")
    role = try reader.text("role")
    only = try reader.value("only").map(\.isNull) == false ? reader.texts("only") : []
  }

  package var json: JSONValue {
    ["name": .string(name), "role": .string(role), "only": only.isEmpty ? .null : .of(only)]
  }
}

/// A token of the operator plane, without its secret, which nobody has but whom it was given to.
package struct TokenReport: Sendable, Hashable {
  package var name: String
  package var role: String
  package var createdAt: WallTime
  /// The agents, workflows, sagas and pools that it shows; empty for all.
  package var only: [String]
  package init(name: String, role: String, createdAt: WallTime, only: [String] = []) {
    self.only = only
    self.name = name
    self.role = role
    self.createdAt = createdAt
  }
}

extension TokenReport: WireValue {
  package var json: JSONValue {
    [
      "name": .string(name), "role": .string(role), "createdAt": .string(createdAt.iso8601),
      "only": only.isEmpty ? .null : .of(only),
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "token")
    name = try reader.text("name")
    role = try reader.text("role")
    createdAt = try reader.time("createdAt")
    only = try reader.value("only").map(\.isNull) == false ? reader.texts("only") : []
  }
}

package struct TokenList: Sendable, Hashable {
  package var tokens: [TokenReport]
  package init(tokens: [TokenReport]) { self.tokens = tokens }
}

extension TokenList: WireValue {
  package var json: JSONValue { ["tokens": .of(tokens)] }
  package init(json: JSONValue) throws(WireError) { tokens = try WireReader(json, "tokens").list("tokens") }
}

/// A token that was just made: the only time that its secret is shown.
package struct CreatedToken: Sendable, Hashable {
  package var token: TokenReport
  package var secret: String
  package init(token: TokenReport, secret: String) {
    self.token = token
    self.secret = secret
  }
}

extension CreatedToken: WireValue {
  package var json: JSONValue { ["token": token.json, "secret": .string(secret)] }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "created")
    token = try reader.nested("token")
    secret = try reader.text("secret")
  }
}
