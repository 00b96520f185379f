// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A value with references in its texts: `{"topic": "{{ steps.plan.output.title }}"}`.
package struct ValueTemplate: Sendable, Hashable {
  /// As it was written.
  package let source: JSONValue
  package init(source: JSONValue) { self.source = source }

  package func value(in scope: some ValueScope) throws(RunError) -> JSONValue { source }
}
