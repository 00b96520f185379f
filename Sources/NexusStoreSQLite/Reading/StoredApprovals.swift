// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
package import NexusStore

extension SQLiteStore {
  package func approval(_ id: ApprovalID) async throws(StoreError) -> ApprovalRecord? {
    try await read { connection throws(StoreError) in try connection.approval(id) }
  }

  package func approvals(_ query: ApprovalQuery) async throws(StoreError) -> [ApprovalRecord] {
    try await read { connection throws(StoreError) in try connection.approvals(query) }
  }
}
