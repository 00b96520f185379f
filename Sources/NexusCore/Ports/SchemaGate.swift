// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Holds what goes into an agent, and what comes out of it, against the JSON Schemas that it declares.
package protocol SchemaGate: Sendable {
  /// Why the value may not proceed: the first reasons, as sentences; nil if it may.
  ///
  /// A schema that cannot be used lets nothing pass.
  func complaint(about value: JSONValue, under schema: JSONValue) -> String?
}
