// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusKernel

/// What is kept under a key, as it is to be from now on.
package struct ContextWrite: Sendable, Hashable {
  /// Its revision is that which it was read with; 0 begins it.
  package var record: ContextRecord
  package init(_ record: ContextRecord) { self.record = record }

  /// The revision that it has once it is written.
  package var revision: Int { record.revision + 1 }
}

/// What has to be so still when a transaction is written: the version of a key of the project's state.
package struct ContextHold: Sendable, Hashable {
  package var key: String
  package var version: Int64
  package init(key: String, version: Int64) {
    self.key = key
    self.version = version
  }
}
